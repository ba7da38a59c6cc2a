//! The spec as a JSON document: references and schemas.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jsonschema::{Draft, Registry};
use serde_json::{Map, Value, json};

use super::schema::{Schema, Words};

/// The document's URL in references; nothing is ever fetched from it.
const BASE: &str = "https://docr.invalid/openapi.json";

pub(super) struct Document {
    root: Value,
    registry: Registry<'static>,
    compiled: HashMap<String, Arc<Schema>>,
    words: Arc<Words>,
}

impl Document {
    /// Reads a document and adds the paths of another one.
    pub(super) fn parse(text: &str, beside: &str) -> Result<Self, String> {
        let read = |text| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
        let (mut root, mut more) = (read(text)?, read(beside)?);
        if let (Some(paths), Some(more)) =
            (root["paths"].as_object_mut(), more["paths"].as_object_mut())
        {
            paths.append(more);
        }
        // Schemas of OpenAPI 3.0 are based on draft 5; draft 4 is the closest that validators support.
        let registry = Registry::new()
            .draft(Draft::Draft4)
            .add(BASE, root.clone())
            .and_then(|builder| builder.prepare())
            .map_err(|error| error.to_string())?;
        Ok(Self {
            words: Arc::new(words(&root)),
            root,
            registry,
            compiled: HashMap::new(),
        })
    }

    pub(super) fn get(&self, pointer: &str) -> Option<&Value> {
        self.root.pointer(pointer)
    }

    pub(super) fn object(&self, pointer: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.get(pointer)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::iter)
    }

    pub(super) fn array(&self, pointer: &str) -> &[Value] {
        self.get(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The pointer after following any chain of `$ref`.
    pub(super) fn resolve(&self, pointer: &str) -> Result<String, String> {
        let mut pointer = pointer.to_owned();
        // A longer chain is a cycle.
        for _ in 0..16 {
            let value = self
                .get(&pointer)
                .ok_or_else(|| format!("nothing stands at {pointer}"))?;
            match value
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix('#'))
            {
                Some(target) => pointer = target.to_owned(),
                None => return Ok(pointer),
            }
        }
        Err(format!("{pointer} refers to itself"))
    }

    /// The names of all properties whose schema has a format.
    pub(super) fn properties_of_format(&self, format: &str) -> Result<BTreeSet<String>, String> {
        let mut names = BTreeSet::new();
        let mut pointers = vec![String::new()];
        while let Some(pointer) = pointers.pop() {
            let children: Vec<String> = match self.get(&pointer) {
                Some(Value::Object(object)) => object.keys().cloned().collect(),
                Some(Value::Array(items)) => (0..items.len()).map(|i| i.to_string()).collect(),
                _ => continue,
            };
            for child in children {
                let below = format!("{pointer}{}", step(&child));
                if pointer.ends_with("/properties") {
                    let schema = self.resolve(&below)?;
                    if self.get(&format!("{schema}/format")) == Some(&Value::from(format)) {
                        names.insert(child);
                    }
                }
                pointers.push(below);
            }
        }
        Ok(names)
    }

    /// Compiles the schema at `pointer`, once.
    pub(super) fn schema(&mut self, pointer: &str) -> Result<Arc<Schema>, String> {
        let pointer = self.resolve(pointer)?;
        if let Some(schema) = self.compiled.get(&pointer) {
            return Ok(Arc::clone(schema));
        }
        // The braces of paths are invalid in a URI.
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        let validator = jsonschema::options()
            .with_draft(Draft::Draft4)
            .with_registry(&self.registry)
            // The service enforces only this format.
            .should_validate_formats(true)
            .with_format("uuid", is_uuid)
            .build(&json!({ "$ref": format!("{BASE}#{fragment}") }))
            .map_err(|error| format!("{pointer}: {error}"))?;
        let schema = Arc::new(Schema::new(validator, Arc::clone(&self.words)));
        self.compiled.insert(pointer, Arc::clone(&schema));
        Ok(schema)
    }
}

/// The rule of each pattern in words, from the spec.
fn words(value: &Value) -> Words {
    let mut words = Words::new();
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        words.extend(text("pattern").zip(text("x-rule")));
        todo.extend(value.as_object().into_iter().flat_map(Map::values));
        todo.extend(value.as_array().into_iter().flatten());
    }
    words
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// One step of a JSON pointer.
pub(super) fn step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_spec_is_explained_in_words() {
        let spec = include_str!("../spec.json");
        let words = Document::parse(spec, "{}").unwrap().words;
        let (patterns, rules) = (spec.matches(r#""pattern":"#), spec.matches(r#""x-rule":"#));
        assert_eq!(patterns.count(), rules.count());
        assert!(words.len() > 3, "{words:?}");
        assert!(
            words.values().all(|rule| rule.starts_with("must ")),
            "{words:?}"
        );
    }
}
