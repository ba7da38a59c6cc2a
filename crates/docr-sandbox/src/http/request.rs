//! Holds a request against the spec and reads what the handler needs.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::Value;

use super::problem::Problem;
use crate::spec::{Operation, messages, query_pairs};

/// The largest body that is accepted.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// Why a body can't be read.
pub(crate) enum Unreadable {
    /// It is larger than [`BODY_LIMIT`].
    TooLarge,
    /// It broke off.
    Cut,
    /// It took too long.
    Late,
}

/// A request that keeps the spec's rules.
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

    /// A yes or no of the body.
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

/// Reads a request to `operation`, or says which rule it breaks.
pub(crate) fn read(
    operation: &Operation,
    path: BTreeMap<String, String>,
    query: Option<&str>,
    body: Result<&Bytes, &Unreadable>,
) -> Result<Input, Problem> {
    let body = body.map_err(Problem::from)?;
    Ok(Input {
        path,
        query: read_query(operation, query.unwrap_or(""))?,
        body: read_body(operation, body)?,
    })
}

impl From<&Unreadable> for Problem {
    fn from(unreadable: &Unreadable) -> Self {
        let (status, message) = match unreadable {
            Unreadable::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is larger than 1 MiB.",
            ),
            Unreadable::Cut => (StatusCode::BAD_REQUEST, "The body did not arrive whole."),
            Unreadable::Late => (
                StatusCode::REQUEST_TIMEOUT,
                "The body did not arrive in time.",
            ),
        };
        Self::new(status, message)
    }
}

fn read_query(operation: &Operation, query: &str) -> Result<BTreeMap<String, Value>, Problem> {
    let mut given = query_pairs(query);
    let mut read = BTreeMap::new();
    for rule in &operation.query {
        let value = match given.remove(&rule.name) {
            Some(text) => {
                let value = typed(text, rule.kind.as_deref());
                if let Some(message) = messages(&rule.schema, &value, &rule.name) {
                    return Err(Problem::unprocessable(message));
                }
                value
            }
            None if rule.required => {
                return Err(Problem::unprocessable(format!(
                    "{}: is required",
                    rule.name
                )));
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

/// Reads a query value as its schema's type. One that isn't of that type stays text, for the schema to refuse.
fn typed(text: String, kind: Option<&str>) -> Value {
    let value = match kind {
        Some("integer") => text
            .parse::<u64>()
            .map(Value::from)
            .or_else(|_| text.parse::<i64>().map(Value::from))
            .ok(),
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

fn read_body(operation: &Operation, body: &Bytes) -> Result<Value, Problem> {
    let Some(rule) = &operation.body else {
        return Ok(Value::Null);
    };
    if body.is_empty() && !rule.required {
        return Ok(Value::Null);
    }
    let value = serde_json::from_slice(body).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("The body is not JSON: {error}"),
        )
    })?;
    match messages(&rule.schema, &value, "body") {
        Some(message) => Err(Problem::unprocessable(message)),
        None => Ok(value),
    }
}
