//! A spec as a flat list of facts: what is true at which place. References are resolved and compositions merged,
//! so that two specs with the same meaning have the same facts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::spec;

/// Facts by place and name.
pub(super) type Facts = BTreeMap<(String, String), String>;

/// The fact that a place is there at all.
pub(super) const PRESENT: &str = "";

/// The keywords of a schema that are compared.
const KEYWORDS: [&str; 12] = [
    "type",
    "format",
    "pattern",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "nullable",
    "uniqueItems",
];

/// How far a schema that contains itself is followed.
const DEEPEST: usize = 12;

/// The facts of a spec.
pub(super) fn of(document: &Value) -> Facts {
    let mut reader = Reader {
        document,
        facts: Facts::new(),
    };
    for operation in spec::operations(document) {
        reader.operation(&operation);
    }
    reader.facts
}

struct Reader<'a> {
    document: &'a Value,
    facts: Facts,
}

/// A schema without references and compositions.
#[derive(Default)]
struct Merged {
    keywords: BTreeMap<String, String>,
    properties: BTreeMap<String, Value>,
    required: Vec<String>,
    items: Option<Value>,
    extra: Option<Value>,
    alternatives: Vec<Value>,
}

impl<'a> Reader<'a> {
    fn operation(&mut self, operation: &spec::Operation<'_>) {
        let at = format!("{} {}", operation.method.to_uppercase(), operation.path);
        let body = operation.body;
        self.present(&at);
        for key in ["operationId", "deprecated"] {
            self.fact(&at, key, body.get(key));
        }
        self.fact(&at, "tags", body.get("tags"));
        let scopes = body["security"].pointer("/0/bearer_auth");
        self.fact(&at, "scopes", scopes);
        for parameter in body["parameters"].as_array().into_iter().flatten() {
            self.parameter(&at, parameter);
        }
        if let Some(request) = body.get("requestBody") {
            let request = self.resolve(request).clone();
            let at = format!("{at} > request body");
            self.present(&at);
            self.required(&at, request["required"] == true);
            self.content(&at, &request);
        }
        for (status, response) in body["responses"].as_object().into_iter().flatten() {
            let response = self.resolve(response).clone();
            let at = format!("{at} > {status}");
            self.present(&at);
            for (name, header) in response["headers"].as_object().into_iter().flatten() {
                let header = self.resolve(header).clone();
                self.schema(
                    &format!("{at} > header {}", name.to_lowercase()),
                    &header["schema"],
                    0,
                );
            }
            self.content(&format!("{at} > body"), &response);
        }
    }

    fn parameter(&mut self, at: &str, parameter: &Value) {
        let parameter = self.resolve(parameter).clone();
        let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
        let at = format!("{at} > {} parameter {}", text("in"), text("name"));
        self.schema(&at, &parameter["schema"], 0);
        self.required(&at, parameter["required"] == true);
    }

    fn content(&mut self, at: &str, holder: &Value) {
        if let Some(schema) = holder.pointer("/content/application~1json/schema") {
            self.schema(at, schema, 0);
        }
    }

    fn schema(&mut self, at: &str, schema: &Value, depth: usize) {
        self.present(at);
        if depth > DEEPEST {
            return;
        }
        let merged = self.merge(schema, 0);
        for (key, value) in &merged.keywords {
            self.insert(at, key, value.clone());
        }
        for (name, property) in &merged.properties {
            let below = format!("{at}.{name}");
            self.schema(&below, property, depth + 1);
            self.required(&below, merged.required.contains(name));
        }
        if let Some(items) = &merged.items {
            self.schema(&format!("{at}[]"), items, depth + 1);
        }
        if let Some(extra) = &merged.extra {
            self.schema(&format!("{at}.*"), extra, depth + 1);
        }
        for (index, alternative) in merged.alternatives.iter().enumerate() {
            self.schema(&format!("{at} | {}", index + 1), alternative, depth + 1);
        }
    }

    fn merge(&self, schema: &Value, depth: usize) -> Merged {
        let schema = self.resolve(schema);
        let mut merged = Merged::default();
        let parts = |key: &str| schema[key].as_array().into_iter().flatten();
        if depth > DEEPEST {
            return merged;
        }
        parts("allOf").for_each(|part| merged.add(self.merge(part, depth + 1)));
        // Any of several objects together: each property may be there.
        for part in parts("anyOf") {
            let part = Merged {
                required: Vec::new(),
                ..self.merge(part, depth + 1)
            };
            merged.add(part);
        }
        let alternatives: Vec<_> = parts("oneOf").cloned().collect();
        match (alternatives.as_slice(), spec::or_empty(schema.get("oneOf"))) {
            ([only], _) | (_, Some(only)) => merged.add(self.merge(only, depth + 1)),
            _ => merged.alternatives.extend(alternatives),
        }
        merged.add(Merged::of(schema));
        merged
    }

    fn resolve<'b>(&'b self, value: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let target = value["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        match target.and_then(|pointer| self.document.pointer(pointer)) {
            Some(target) => self.resolve(target),
            None => value,
        }
    }

    fn present(&mut self, at: &str) {
        self.insert(at, PRESENT, String::new());
    }

    fn required(&mut self, at: &str, required: bool) {
        self.insert(at, "required", required.to_string());
    }

    fn fact(&mut self, at: &str, key: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.insert(at, key, plain(value));
        }
    }

    fn insert(&mut self, at: &str, key: &str, value: String) {
        self.facts.insert((at.to_owned(), key.to_owned()), value);
    }
}

impl Merged {
    /// The schema's own keywords.
    fn of(schema: &Value) -> Self {
        let mut own = Self::default();
        for key in KEYWORDS {
            if let Some(value) = schema.get(key) {
                own.keywords.insert(key.to_owned(), plain(value));
            }
        }
        let empty = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&empty);
        if let Some(values) = schema["enum"].as_array() {
            let mut values: Vec<_> = values.iter().map(plain).collect();
            values.sort();
            own.keywords.insert("enum".into(), values.join(" | "));
        }
        // An object may say so or not.
        if !properties.is_empty() {
            own.keywords.insert("type".into(), "object".into());
        }
        own.properties = properties
            .iter()
            .map(|(name, schema)| (name.clone(), schema.clone()))
            .collect();
        let required = schema["required"].as_array().into_iter().flatten();
        own.required = required
            .filter_map(|name| name.as_str().map(String::from))
            .collect();
        own.items = schema.get("items").cloned();
        own.extra = schema
            .get("additionalProperties")
            .filter(|extra| extra.is_object())
            .cloned();
        own
    }

    fn add(&mut self, other: Self) {
        self.keywords.extend(other.keywords);
        self.properties.extend(other.properties);
        self.required.extend(other.required);
        self.alternatives.extend(other.alternatives);
        self.items = other.items.or(self.items.take());
        self.extra = other.extra.or(self.extra.take());
    }
}

/// A value as text: a string without quotes, a list with commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
