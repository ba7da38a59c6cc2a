//! A description as a flat list of facts about places. References are resolved and compositions merged, so that two
//! descriptions with the same meaning have the same facts. Only prose and extensions are ignored; an unknown keyword is
//! a fact as well.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

use super::{reference, schema};
use crate::spec::METHODS;

/// The facts, by place.
pub(super) type Facts = BTreeMap<String, Place>;

/// The facts about a place, by name.
pub(super) type Place = BTreeMap<String, Fact>;

/// Keywords of prose.
const PROSE: [&str; 6] = [
    "title",
    "summary",
    "description",
    "example",
    "examples",
    "externalDocs",
];

/// Keywords with their default values, which mean the same as their absence.
const DEFAULTS: [(&str, &str); 12] = [
    ("allowEmptyValue", "false"),
    ("allowReserved", "false"),
    ("deprecated", "false"),
    ("exclusiveMaximum", "false"),
    ("exclusiveMinimum", "false"),
    ("minItems", "0"),
    ("minLength", "0"),
    ("minProperties", "0"),
    ("nullable", "false"),
    ("readOnly", "false"),
    ("uniqueItems", "false"),
    ("writeOnly", "false"),
];

/// A fact about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    One(String),
    /// Several values, in any order.
    Set(BTreeSet<String>),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(text) => f.write_str(text),
            Self::Set(values) => f.write_str(&joined(values)),
        }
    }
}

/// The values of a set as one text.
pub(super) fn joined<'a>(values: impl IntoIterator<Item = &'a String>) -> String {
    let values: Vec<_> = values.into_iter().map(String::as_str).collect();
    values.join(" | ")
}

/// The facts about some paths of a description.
pub(super) struct Reading {
    pub(super) facts: Facts,
    /// The references that could not be followed, each with the first place that needs it.
    pub(super) unread: BTreeMap<String, String>,
}

/// Reads the facts about the paths, and about what applies to all of them.
pub(super) fn of(document: &Value, paths: &BTreeSet<&str>) -> Reading {
    let mut reader = Reader {
        document,
        reading: Reading {
            facts: Facts::new(),
            unread: BTreeMap::new(),
        },
        open: BTreeMap::new(),
    };
    reader.set("servers", "urls", urls(document));
    for (path, item) in entries(&document["paths"]) {
        if paths.contains(path.as_str()) {
            reader.path(path, item);
        }
    }
    reader.reading
}

pub(super) struct Reader<'a> {
    pub(super) document: &'a Value,
    pub(super) reading: Reading,
    /// The references being read, each with its place, to detect recursion.
    pub(super) open: BTreeMap<&'a str, String>,
}

impl<'a> Reader<'a> {
    fn path(&mut self, path: &str, item: &'a Value) {
        let item = self.resolve(path, item);
        self.rest(
            path,
            item,
            &[&METHODS[..], &["parameters", "servers"]].concat(),
        );
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let at = format!("{} {path}", method.to_uppercase());
                self.operation(&at, item, operation);
            }
        }
    }

    fn operation(&mut self, at: &str, item: &'a Value, operation: &'a Value) {
        self.present(at);
        let operation = self.resolve(at, operation);
        self.rest(
            at,
            operation,
            &[
                "tags",
                "security",
                "servers",
                "parameters",
                "requestBody",
                "responses",
            ],
        );
        self.set(at, "tags", elements(&operation["tags"]).map(plain));
        let mut own_servers = [operation, item].map(urls).into_iter();
        if let Some(servers) = own_servers.find(|urls| !urls.is_empty()) {
            self.set(at, "servers", servers);
        }
        self.security(at, operation);
        self.parameters(at, item, operation);
        if let Some(body) = operation.get("requestBody") {
            let at = format!("{at} > request body");
            let body = self.resolve(&at, body);
            if entries(&body["content"]).next().is_none() {
                self.present(&at);
            }
            self.content(&at, body, Some(body["required"] == true));
            self.rest(&at, body, &["content", "required"]);
        }
        for (status, response) in entries(&operation["responses"]) {
            self.response(&format!("{at} > {status}"), response);
        }
    }

    /// The alternatives, of which one must be met, and their security schemes.
    fn security(&mut self, at: &str, operation: &'a Value) {
        let own = operation.get("security");
        let security = own.unwrap_or(&self.document["security"]);
        let mut alternatives: BTreeSet<_> = elements(security).map(requirement).collect();
        if alternatives.is_empty() {
            alternatives.insert(requirement(&Value::Null));
        }
        self.set(at, "security", alternatives);
        for (name, _) in elements(security).flat_map(entries) {
            let at = format!("security scheme {name}");
            self.present(&at);
            let scheme = &self.document["components"]["securitySchemes"][name];
            let scheme = self.resolve(&at, scheme);
            self.rest(&at, scheme, &[]);
        }
    }

    /// The parameters of the operation, and those of the path that it doesn't override.
    fn parameters(&mut self, at: &str, item: &'a Value, operation: &'a Value) {
        let mut parameters = BTreeMap::new();
        for holder in [item, operation] {
            for parameter in elements(&holder["parameters"]) {
                let parameter = self.resolve(at, parameter);
                let [kind, name] =
                    ["in", "name"].map(|key| parameter[key].as_str().unwrap_or_default());
                parameters.insert(format!("{at} > {kind} parameter {name}"), parameter);
            }
        }
        for (at, parameter) in parameters {
            self.described(&at, parameter);
            self.rest(
                &at,
                parameter,
                &["in", "name", "required", "schema", "content"],
            );
            self.required(&at, parameter["required"] == true);
        }
    }

    fn response(&mut self, at: &str, response: &'a Value) {
        self.present(at);
        let response = self.resolve(at, response);
        for (name, header) in entries(&response["headers"]) {
            let at = format!("{at} > header {}", name.to_lowercase());
            let header = self.resolve(&at, header);
            self.described(&at, header);
            self.rest(&at, header, &["required", "schema", "content"]);
            if header["required"] == true {
                self.required(&at, true);
            }
        }
        self.content(&format!("{at} > body"), response, None);
        self.rest(at, response, &["headers", "content"]);
    }

    /// A parameter or a header, with a schema of its own or within a media type.
    fn described(&mut self, at: &str, holder: &'a Value) {
        self.present(at);
        if let Some(schema) = holder.get("schema") {
            schema::read(self, at, &[schema]);
        }
        self.content(at, holder, None);
    }

    /// The media types. JSON is the default, so its place is that of the holder.
    fn content(&mut self, at: &str, holder: &'a Value, required: Option<bool>) {
        for (media, content) in entries(&holder["content"]) {
            let at = match media.as_str() {
                "application/json" => at.to_owned(),
                other => format!("{at} as {other}"),
            };
            self.present(&at);
            if let Some(required) = required {
                self.required(&at, required);
            }
            if let Some(schema) = content.get("schema") {
                schema::read(self, &at, &[schema]);
            }
            self.rest(&at, content, &["schema"]);
        }
    }

    /// The target of a reference, or the value itself. A reference that can't be followed is recorded, and its target
    /// is null.
    fn resolve(&mut self, at: &str, value: &'a Value) -> &'a Value {
        match reference::resolve(self.document, value) {
            Ok(value) => value,
            Err(reference) => {
                self.unread(at, reference);
                &Value::Null
            }
        }
    }

    pub(super) fn unread(&mut self, at: &str, reference: &str) {
        let places = &mut self.reading.unread;
        places
            .entry(reference.to_owned())
            .or_insert_with(|| at.to_owned());
    }

    /// All facts of an object, except for prose and keywords that are handled elsewhere.
    pub(super) fn rest(&mut self, at: &str, object: &Value, otherwise: &[&str]) {
        for (key, value) in entries(object) {
            if is_rule(key, value) && !otherwise.contains(&key.as_str()) {
                self.one(at, key, plain(value));
            }
        }
    }

    pub(super) fn present(&mut self, at: &str) -> &mut Place {
        self.reading.facts.entry(at.to_owned()).or_default()
    }

    pub(super) fn required(&mut self, at: &str, required: bool) {
        self.one(at, "required", required.to_string());
    }

    pub(super) fn one(&mut self, at: &str, key: &str, value: String) {
        self.present(at).insert(key.to_owned(), Fact::One(value));
    }

    pub(super) fn set(&mut self, at: &str, key: &str, values: impl IntoIterator<Item = String>) {
        let values = values.into_iter().collect();
        self.present(at).insert(key.to_owned(), Fact::Set(values));
    }
}

/// Whether an entry is neither prose, nor an extension, nor a default.
pub(super) fn is_rule(key: &str, value: &Value) -> bool {
    let is_prose = PROSE.contains(&key) || key.starts_with("x-");
    let is_default = || {
        let default = DEFAULTS.iter().find(|(name, _)| *name == key);
        default.is_some_and(|(_, default)| plain(value) == *default)
    };
    !is_prose && !is_default()
}

/// A value as text: a list with commas, and a string without quotes unless that would be ambiguous.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() => text.clone(),
        Value::Array(items) => Vec::from_iter(items.iter().map(plain)).join(", "),
        Value::Object(object) => {
            let rules = object.iter().filter(|(key, _)| !key.starts_with("x-"));
            let rules: Map<_, _> = rules
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Value::from(rules).to_string()
        }
        other => other.to_string(),
    }
}

/// A security requirement: the schemes that are required together, each with its scopes.
fn requirement(schemes: &Value) -> String {
    let schemes = entries(schemes).map(|(scheme, scopes)| {
        let scopes: BTreeSet<_> = elements(scopes).map(plain).collect();
        format!("{scheme}({})", Vec::from_iter(scopes).join(", "))
    });
    match Vec::from_iter(schemes).join(" and ") {
        none if none.is_empty() => "nothing".to_owned(),
        schemes => schemes,
    }
}

pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

pub(super) fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn urls(holder: &Value) -> Vec<String> {
    let servers = elements(&holder["servers"]);
    servers.map(|server| plain(&server["url"])).collect()
}
