//! Operations: their parameters, bodies and responses.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, step};
use super::schema::Schema;
use super::template::Template;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];
const JSON: &str = "/content/application~1json";

/// One operation of the spec.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) template: Template,
    pub(crate) query: Vec<QueryRule>,
    pub(crate) body: Option<BodyRule>,
    /// The scopes that a token needs, such as `registry:read`.
    pub(crate) scopes: Vec<String>,
    /// Whether it mints a credential.
    pub(super) mints: bool,
    pub(super) responses: BTreeMap<String, ResponseRule>,
}

pub(crate) struct QueryRule {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) kind: Option<String>,
    pub(crate) default: Option<Value>,
    pub(crate) schema: Arc<Schema>,
}

pub(crate) struct BodyRule {
    pub(crate) required: bool,
    pub(crate) schema: Arc<Schema>,
}

#[derive(Default)]
pub(crate) struct ResponseRule {
    pub(crate) headers: Vec<String>,
    /// The body's schema; without one there must be no body.
    pub(crate) schema: Option<Arc<Schema>>,
}

impl Operation {
    /// Whether it supports `HEAD`.
    pub(super) fn has_head(&self) -> bool {
        self.method == "GET" && !self.mints
    }

    /// The spec of responses with this status.
    pub(crate) fn response(&self, status: u16) -> Option<&ResponseRule> {
        self.responses
            .get(&status.to_string())
            .or_else(|| self.responses.get("default"))
    }
}

pub(super) fn read_all(document: &mut Document) -> Result<Vec<Operation>, String> {
    let mut places = Vec::new();
    for (path, item) in document.object("/paths") {
        for method in METHODS {
            if item.get(method).is_some() {
                places.push((path.clone(), method));
            }
        }
    }
    places
        .into_iter()
        .map(|(path, method)| read(document, &path, method))
        .collect()
}

fn read(document: &mut Document, path: &str, method: &str) -> Result<Operation, String> {
    let item = format!("/paths{}", step(path));
    let at = format!("{item}/{method}");
    let id = text(document, &format!("{at}/operationId"))
        .ok_or_else(|| format!("{at} has no operationId"))?;

    // An operation's own parameters come last: they override those of its path.
    let mut query = BTreeMap::new();
    for list in [format!("{item}/parameters"), format!("{at}/parameters")] {
        for index in 0..document.array(&list).len() {
            let parameter = document.resolve(&format!("{list}/{index}"))?;
            if text(document, &format!("{parameter}/in")).as_deref() == Some("query") {
                let rule = query_rule(document, &parameter)?;
                query.insert(rule.name.clone(), rule);
            }
        }
    }

    let mut responses = BTreeMap::new();
    let statuses: Vec<_> = document
        .object(&format!("{at}/responses"))
        .map(|(status, _)| status.clone())
        .collect();
    for status in statuses {
        let response = document.resolve(&format!("{at}/responses/{status}"))?;
        responses.insert(status, response_rule(document, &response)?);
    }

    Ok(Operation {
        id,
        method: method.to_uppercase(),
        template: Template::new(path),
        query: query.into_values().collect(),
        body: body_rule(document, &at)?,
        scopes: document
            .array(&format!("{at}/security/0/bearer_auth"))
            .iter()
            .filter_map(|scope| scope.as_str().map(str::to_owned))
            .collect(),
        mints: text(document, &format!("{at}/x-effect")).as_deref() == Some("mint"),
        responses,
    })
}

fn query_rule(document: &mut Document, parameter: &str) -> Result<QueryRule, String> {
    let schema = document.resolve(&format!("{parameter}/schema"))?;
    Ok(QueryRule {
        name: text(document, &format!("{parameter}/name"))
            .ok_or_else(|| format!("{parameter} has no name"))?,
        required: flag(document, &format!("{parameter}/required")),
        kind: text(document, &format!("{schema}/type")),
        default: document.get(&format!("{schema}/default")).cloned(),
        schema: document.schema(&schema)?,
    })
}

fn body_rule(document: &mut Document, operation: &str) -> Result<Option<BodyRule>, String> {
    let body = format!("{operation}/requestBody");
    if document.get(&body).is_none() {
        return Ok(None);
    }
    let body = document.resolve(&body)?;
    let schema = document.schema(&format!("{body}{JSON}/schema"))?;
    Ok(Some(BodyRule {
        required: flag(document, &format!("{body}/required")),
        schema,
    }))
}

fn response_rule(document: &mut Document, response: &str) -> Result<ResponseRule, String> {
    let headers = document
        .object(&format!("{response}/headers"))
        .map(|(name, _)| name.to_lowercase())
        .collect();
    let schema = format!("{response}{JSON}/schema");
    let schema = document
        .get(&schema)
        .is_some()
        .then(|| document.schema(&schema))
        .transpose()?;
    Ok(ResponseRule { headers, schema })
}

fn text(document: &Document, pointer: &str) -> Option<String> {
    document.get(pointer)?.as_str().map(str::to_owned)
}

fn flag(document: &Document, pointer: &str) -> bool {
    document
        .get(pointer)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}
