//! Validates a request against the spec and reads what the handler needs.

use std::collections::BTreeMap;
use std::num::IntErrorKind;

use axum::body::Bytes;
use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::spec::{Operation, QueryRule, query_pairs};

/// The largest body that is accepted.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// Why a body can't be read.
pub(crate) enum Unreadable {
    /// It is larger than [`BODY_LIMIT`].
    TooLarge,
    /// It is incomplete.
    Cut,
    /// It took too long.
    Late,
}

/// A valid request.
pub(crate) struct Input {
    path: BTreeMap<String, String>,
    query: BTreeMap<String, Value>,
    body: Value,
}

impl Input {
    /// A path parameter.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A query parameter, or its default in the spec.
    pub(crate) fn query(&self, name: &str) -> &Value {
        self.query.get(name).unwrap_or(&Value::Null)
    }

    /// A text field of the body.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field)?.as_str()
    }

    /// A boolean field of the body.
    pub(crate) fn flag(&self, field: &str) -> Option<bool> {
        self.body.get(field)?.as_bool()
    }
}

impl Input {
    /// A list of texts in the body; empty if it is missing.
    pub(crate) fn texts(&self, field: &str) -> Vec<String> {
        let list = self.body.get(field).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}

/// Reads a request to `operation`, or reports the rule that it violates.
pub(crate) fn read(
    operation: &Operation,
    path: BTreeMap<String, String>,
    query: Option<&str>,
    body: Result<&Bytes, &Unreadable>,
) -> Result<Input, Refusal> {
    let body = body.map_err(Refusal::from)?;
    Ok(Input {
        path,
        query: read_query(&operation.query, query.unwrap_or(""))?,
        body: read_body(operation, body)?,
    })
}

impl From<&Unreadable> for Refusal {
    fn from(unreadable: &Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLarge => Reason::BodyTooLarge,
            Unreadable::Cut => Reason::BodyCut,
            Unreadable::Late => Reason::BodyLate,
        }
        .into()
    }
}

fn read_query(rules: &[QueryRule], query: &str) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut given = query_pairs(query);
    let mut read = BTreeMap::new();
    for rule in rules {
        let value = match given.remove(&rule.name) {
            Some(text) => {
                let value = typed(text, rule.kind.as_deref());
                if let Some(faults) = rule.schema.faults(&value, &rule.name) {
                    return Err(Reason::Invalid.about(faults));
                }
                value
            }
            None if rule.required => {
                return Err(Reason::Invalid.about(format!("{}: is required", rule.name)));
            }
            None => match &rule.default {
                Some(default) => default.clone(),
                None => continue,
            },
        };
        read.insert(rule.name.clone(), value);
    }
    Ok(read)
}

/// Reads a query value as its schema's type. A value of another type stays text, which the schema rejects.
fn typed(text: String, kind: Option<&str>) -> Value {
    let value = match kind {
        Some("integer") => integer(&text),
        Some("number") => text
            .parse::<f64>()
            .map(Value::from)
            .ok()
            .filter(Value::is_number),
        Some("boolean") => text.parse::<bool>().map(Value::from).ok(),
        _ => None,
    };
    value.unwrap_or(Value::String(text))
}

/// Reads an integer, saturating at the largest and the smallest.
fn integer(text: &str) -> Option<Value> {
    match text.parse::<u64>() {
        Ok(number) => return Some(number.into()),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => return Some(u64::MAX.into()),
        Err(_) => {}
    }
    match text.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => Some(i64::MIN.into()),
        Err(_) => None,
    }
}

fn read_body(operation: &Operation, body: &Bytes) -> Result<Value, Refusal> {
    let Some(rule) = &operation.body else {
        return Ok(Value::Null);
    };
    if body.is_empty() && !rule.required {
        return Ok(Value::Null);
    }
    let value = serde_json::from_slice(body).map_err(|error| Reason::NotJson.about(error))?;
    match rule.schema.faults(&value, "body") {
        Some(faults) => Err(Reason::Invalid.about(faults)),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::spec::Spec;

    #[test]
    fn a_query_parameter_that_is_missing_is_refused_if_it_is_required() {
        let spec = Spec::embedded().unwrap();
        let list = spec.operation("registries_list_repositoryTags");
        let page = list.unwrap().query.iter().find(|rule| rule.name == "page");
        let rule = |required| QueryRule {
            name: "page".to_owned(),
            required,
            kind: Some("integer".to_owned()),
            default: None,
            schema: Arc::clone(&page.unwrap().schema),
        };
        let refusal = read_query(&[rule(true)], "per_page=2").unwrap_err();
        assert_eq!(refusal.message, "page: is required");
        assert_eq!(read_query(&[rule(false)], "").unwrap(), BTreeMap::new());
        let read = read_query(&[rule(true)], "page=2").unwrap();
        assert_eq!(read, BTreeMap::from([("page".to_owned(), json!(2))]));
    }

    #[test]
    fn a_query_value_is_parsed_as_its_type_or_kept_as_text_to_be_refused() {
        for (text, kind, value) in [
            ("7", Some("integer"), json!(7)),
            ("-7", Some("integer"), json!(-7)),
            ("99999999999999999999", Some("integer"), json!(u64::MAX)),
            ("-99999999999999999999", Some("integer"), json!(i64::MIN)),
            ("7.5", Some("integer"), json!("7.5")),
            ("7.5", Some("number"), json!(7.5)),
            ("NaN", Some("number"), json!("NaN")),
            ("true", Some("boolean"), json!(true)),
            ("yes", Some("boolean"), json!("yes")),
            ("true", Some("string"), json!("true")),
            ("7", None, json!("7")),
        ] {
            assert_eq!(typed(text.to_owned(), kind), value, "{text} as {kind:?}");
        }
    }
}
