//! The facts of a schema, with references followed and compositions merged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    facts::{Reader, elements, entries, is_rule, plain},
    reference,
};

/// The keywords that are merged.
const COMPOSED: [&str; 9] = [
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "enum",
];

/// A schema without references and compositions.
#[derive(Default)]
struct Merged<'a> {
    /// Several values of one keyword all apply.
    keywords: BTreeMap<&'a str, BTreeSet<String>>,
    values: Option<BTreeSet<String>>,
    properties: BTreeMap<&'a str, Vec<&'a Value>>,
    required: BTreeSet<&'a str>,
    items: Vec<&'a Value>,
    extra: Vec<&'a Value>,
    /// The alternatives, each list with its keyword.
    alternatives: Vec<(&'static str, &'a Vec<Value>)>,
    /// The references to its parts.
    followed: BTreeSet<&'a str>,
}

/// Reads the schema that is composed of the parts.
pub(super) fn read<'a>(reader: &mut Reader<'a>, at: &str, parts: &[&'a Value]) {
    reader.present(at);
    let mut merged = Merged::default();
    for part in parts {
        merge(reader, at, part, &mut merged);
    }
    let above = merged.followed.iter().find_map(|r| reader.open.get(r));
    if let Some(above) = above.cloned() {
        reader.one(at, "the same as", above);
        return;
    }
    for reference in &merged.followed {
        reader.open.insert(reference, at.to_owned());
    }
    emit(reader, at, &merged);
    for reference in &merged.followed {
        reader.open.remove(reference);
    }
}

fn emit<'a>(reader: &mut Reader<'a>, at: &str, merged: &Merged<'a>) {
    for (key, values) in &merged.keywords {
        let values = Vec::from_iter(values.iter().map(String::as_str));
        reader.one(at, key, values.join(" and "));
    }
    if let Some(values) = &merged.values {
        reader.set(at, "enum", values.iter().cloned());
    }
    for (name, parts) in &merged.properties {
        let below = format!("{at}.{name}");
        read(reader, &below, parts);
        reader.required(&below, merged.required.contains(name));
    }
    let undescribed = merged.required.iter();
    for name in undescribed.filter(|name| !merged.properties.contains_key(**name)) {
        let below = format!("{at}.{name}");
        reader.present(&below);
        reader.required(&below, true);
    }
    if !merged.items.is_empty() {
        read(reader, &format!("{at}[]"), &merged.items);
    }
    if !merged.extra.is_empty() {
        read(reader, &format!("{at}.{{any}}"), &merged.extra);
    }
    for (keyword, schemas) in &merged.alternatives {
        let labels = labels(reader, at, schemas);
        reader.one(at, keyword, labels.join(" / "));
        for (label, schema) in labels.iter().zip(*schemas) {
            read(reader, &format!("{at} | {label}"), &[schema]);
        }
    }
}

fn merge<'a>(reader: &mut Reader<'a>, at: &str, schema: &'a Value, merged: &mut Merged<'a>) {
    if let Some(reference) = reference::of(schema)
        && merged.followed.insert(reference)
    {
        match reference::target_of(reader.document, reference) {
            Some(target) => merge(reader, at, target, merged),
            None => reader.unread(at, reference),
        }
    }
    for part in elements(&schema["allOf"]) {
        merge(reader, at, part, merged);
    }
    merge_any(reader, at, schema, merged);
    if let Some(schemas) = schema["oneOf"].as_array() {
        let (empty, others): (Vec<_>, Vec<_>) =
            schemas.iter().partition(|one| is_empty_object(one));
        match others[..] {
            [one] => merge(reader, at, one, merged),
            _ => merged.alternatives.push(("oneOf", schemas)),
        }
        if !empty.is_empty() && others.len() == 1 {
            merged.keyword("empty object", "allowed".to_owned());
        }
    }
    merged.add(schema);
}

/// Whether a schema allows `{}` only.
fn is_empty_object(schema: &Value) -> bool {
    schema["additionalProperties"] == false
        && entries(schema).all(|(key, _)| ["type", "additionalProperties"].contains(&key.as_str()))
}

/// `anyOf` with objects only is one object with the properties of all; other types are alternatives.
fn merge_any<'a>(reader: &mut Reader<'a>, at: &str, schema: &'a Value, merged: &mut Merged<'a>) {
    let Some(schemas) = schema["anyOf"].as_array() else {
        return;
    };
    let parts = each_merged(reader, at, schemas, &merged.followed);
    let demands_nothing = parts.iter().all(|part| part.required.is_empty());
    if demands_nothing && parts.iter().all(Merged::is_object) {
        parts.into_iter().for_each(|part| merged.absorb(part));
    } else {
        merged.alternatives.push(("anyOf", schemas));
    }
}

fn each_merged<'a>(
    reader: &mut Reader<'a>,
    at: &str,
    schemas: &'a [Value],
    followed: &BTreeSet<&'a str>,
) -> Vec<Merged<'a>> {
    let merge_one = |schema| {
        let mut merged = Merged {
            followed: followed.clone(),
            ..Merged::default()
        };
        merge(reader, at, schema, &mut merged);
        merged
    };
    schemas.iter().map(merge_one).collect()
}

/// A name for each of several alternatives, by what distinguishes it, independent of the order.
fn labels<'a>(reader: &mut Reader<'a>, at: &str, schemas: &'a [Value]) -> Vec<String> {
    let merged = each_merged(reader, at, schemas, &BTreeSet::new());
    let apart = |names: fn(&Merged<'a>) -> BTreeSet<&'a str>| {
        let all: Vec<_> = merged.iter().map(names).collect();
        let own = |these: &BTreeSet<&'a str>| {
            let shared = |name: &&&str| !all.iter().all(|others| others.contains(**name));
            let own: Vec<_> = these.iter().filter(shared).copied().collect();
            own.join(", ")
        };
        all.iter().map(own).collect::<Vec<_>>()
    };
    let required = apart(|one| one.required.clone());
    let properties = apart(|one| one.properties.keys().copied().collect());
    let mut labels: Vec<String> = Vec::new();
    for ((required, properties), one) in required.into_iter().zip(properties).zip(&merged) {
        let kind = one.keywords.get("type").into_iter().flatten();
        let kind = kind.cloned().collect::<Vec<_>>().join(", ");
        let mut choices = [required, properties, kind].into_iter();
        let label = choices.find(|text| !text.is_empty()).unwrap_or_default();
        // Alternatives without a difference are numbered.
        let is_alike = label.is_empty() || labels.contains(&label);
        labels.push(match is_alike {
            true => format!("{label}#{}", labels.len() + 1),
            false => label,
        });
    }
    labels
}

impl<'a> Merged<'a> {
    /// Adds a schema's own keywords.
    fn add(&mut self, schema: &'a Value) {
        for (key, value) in entries(schema) {
            if is_rule(key, value) && !COMPOSED.contains(&key.as_str()) {
                self.keyword(key, plain(value));
            }
        }
        if schema["enum"].is_array() {
            self.only(elements(&schema["enum"]).map(plain).collect());
        }
        for (name, property) in entries(&schema["properties"]) {
            // The type of an object is optional.
            self.keyword("type", "object".to_owned());
            self.properties.entry(name).or_default().push(property);
        }
        let required = elements(&schema["required"]);
        self.required.extend(required.filter_map(Value::as_str));
        match schema.get("items") {
            Some(list @ Value::Array(_)) => self.keyword("items", plain(list)),
            items => self.items.extend(items),
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => self.keyword("additionalProperties", "false".to_owned()),
            Some(extra @ Value::Object(rules)) if !rules.is_empty() => self.extra.push(extra),
            _ => {}
        }
    }

    fn keyword(&mut self, key: &'a str, value: String) {
        self.keywords.entry(key).or_default().insert(value);
    }

    /// Restricts the values to these.
    fn only(&mut self, values: BTreeSet<String>) {
        self.values = Some(match self.values.take() {
            Some(former) => former.intersection(&values).cloned().collect(),
            None => values,
        });
    }

    fn absorb(&mut self, other: Self) {
        for (key, values) in other.keywords {
            self.keywords.entry(key).or_default().extend(values);
        }
        for (name, parts) in other.properties {
            self.properties.entry(name).or_default().extend(parts);
        }
        self.extra.extend(other.extra);
        self.followed.extend(other.followed);
    }

    /// Whether it describes an object, or any type.
    fn is_object(&self) -> bool {
        let kinds = self.keywords.get("type").into_iter().flatten();
        kinds.into_iter().all(|kind| kind == "object")
            && self.values.is_none()
            && self.items.is_empty()
            && self.alternatives.is_empty()
    }
}
