//! Reading the spec.

pub(crate) mod diff;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// The path of the spec in the workspace.
pub(crate) const PATH: &str = "openapi/docr.yaml";

/// The spec, as text and as a document.
pub(crate) fn load(root: &Path) -> Result<(String, Value)> {
    let path = root.join(PATH);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {PATH}"))?;
    let document = parse(&text).with_context(|| format!("{PATH} is not well-formed"))?;
    Ok((text, document))
}

/// Reads JSON, or YAML into the data model of JSON.
pub(crate) fn parse(text: &str) -> Result<Value> {
    match serde_json::from_str(text) {
        Ok(document) => Ok(document),
        Err(_) => Ok(serde_saphyr::from_str(text)?),
    }
}

/// The methods of a path item.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// One operation of the spec.
pub(crate) struct Operation<'a> {
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    pub(crate) body: &'a Value,
}

impl Operation<'_> {
    /// `GET /v2/registry (registry_get)`, for messages.
    pub(crate) fn label(&self) -> String {
        let id = self.body["operationId"]
            .as_str()
            .unwrap_or("no operationId");
        format!("{} {} ({id})", self.method.to_uppercase(), self.path)
    }
}

/// All operations, in the order of their paths.
pub(crate) fn operations(spec: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = spec["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| {
            let body = item.get(method)?;
            Some(Operation { path, method, body })
        })
    })
}

/// The schemas under `components`.
pub(crate) fn schemas(spec: &Value) -> impl Iterator<Item = (&String, &Value)> {
    spec.pointer("/components/schemas")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// The first of two alternatives, if the second one is an empty object.
pub(crate) fn or_empty(alternatives: Option<&Value>) -> Option<&Value> {
    match alternatives?.as_array()?.as_slice() {
        [meant, empty] if *empty == json!({"type": "object", "additionalProperties": false}) => {
            Some(meant)
        }
        _ => None,
    }
}

/// The names of the schemas that `start` refers to, directly or through other components.
pub(crate) fn reachable_schemas(document: &Value, start: &Value) -> Vec<String> {
    let mut seen = Vec::new();
    let mut queue = vec![start];
    while let Some(value) = queue.pop() {
        match value {
            Value::Object(object) => queue.extend(object.values()),
            Value::Array(items) => queue.extend(items),
            Value::String(text) if text.starts_with("#/components/") && !seen.contains(text) => {
                seen.push(text.clone());
                queue.extend(document.pointer(&text[1..]));
            }
            _ => {}
        }
    }
    seen.iter()
        .filter_map(|reference| reference.strip_prefix("#/components/schemas/"))
        .map(String::from)
        .collect()
}

/// Calls `visit` for every object below `value` that is part of the description: not for maps of
/// properties, whose keys are names and not keywords, and not within examples.
pub(crate) fn each_object(value: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            for (key, child) in map.iter_mut() {
                match (key.as_str(), child) {
                    ("example" | "examples", _) => {}
                    ("properties", Value::Object(properties)) => properties
                        .values_mut()
                        .for_each(|property| each_object(property, visit)),
                    (_, child) => each_object(child, visit),
                }
            }
            visit(map);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, visit)),
        _ => {}
    }
}
