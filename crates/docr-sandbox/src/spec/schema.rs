//! Schemas, and the messages for values that violate them.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError, Validator};
use serde_json::Value;

/// Patterns, with the rule of each in words.
pub(super) type Words = HashMap<String, String>;

/// A compiled schema of the spec.
pub(crate) struct Schema {
    validator: Validator,
    words: Arc<Words>,
}

impl Schema {
    pub(super) fn new(validator: Validator, words: Arc<Words>) -> Self {
        Self { validator, words }
    }

    /// Reports what is wrong with a value, field by field, without the value itself, which may be secret. `whole` is the
    /// name of the value.
    pub(crate) fn faults(&self, value: &Value, whole: &str) -> Option<String> {
        let errors = self.validator.iter_errors(value).take(5);
        let faults: Vec<_> = errors.map(|error| self.fault(&error, whole)).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    fn fault(&self, error: &ValidationError<'_>, whole: &str) -> String {
        let joined = |errors: &[ValidationError<'static>]| {
            let all: Vec<_> = errors.iter().map(|one| self.fault(one, whole)).collect();
            all.join("; ")
        };
        let path = error.instance_path().to_string();
        let path = path.trim_start_matches('/').replace('/', ".");
        let field = if path.is_empty() { whole } else { &path };
        match error.kind() {
            Kind::Required { property } => {
                let property = property.as_str().unwrap_or_default();
                let dot = if path.is_empty() { "" } else { "." };
                format!("{path}{dot}{property}: is required")
            }
            // The intended shape is the one with the fewest missing fields. If any is missing, all shapes are reported.
            Kind::OneOfNotValid { context } => {
                let lacking = |errors: &Vec<ValidationError<'_>>| {
                    let lacks = |error: &&ValidationError<'_>| {
                        matches!(error.kind(), Kind::Required { .. })
                    };
                    errors.iter().filter(lacks).count()
                };
                let meant = context
                    .iter()
                    .min_by_key(|errors| (lacking(errors), errors.len()));
                match meant {
                    Some(meant) if lacking(meant) == 0 => joined(meant),
                    _ => {
                        let shapes: Vec<_> = context.iter().map(|errors| joined(errors)).collect();
                        shapes.join(", or ")
                    }
                }
            }
            kind => format!("{field}: {}", self.rule(kind)),
        }
    }

    /// The rule of a keyword, in words.
    fn rule(&self, kind: &Kind) -> String {
        match kind {
            Kind::Type {
                kind: TypeKind::Single(wanted),
            } => format!("must be {}", with_article(*wanted)),
            Kind::Enum { options } => {
                let options = options.as_array().into_iter().flatten();
                let options: Vec<_> = options.filter_map(Value::as_str).collect();
                format!("must be one of: {}", options.join(", "))
            }
            Kind::Format { format } => match format.as_str() {
                "uuid" => "must be a UUID".to_owned(),
                other => format!("must be a {other}"),
            },
            Kind::Pattern { pattern } => match self.words.get(pattern) {
                Some(words) => words.clone(),
                None => "does not have the required format".to_owned(),
            },
            Kind::Minimum { limit } => format!("must be at least {limit}"),
            Kind::Maximum { limit } => format!("must be at most {limit}"),
            Kind::MinLength { limit: 1 } | Kind::MinItems { limit: 1 } => {
                "must not be empty".to_owned()
            }
            Kind::MinLength { limit } => {
                format!("must have at least {}", count(*limit, "character"))
            }
            Kind::MaxLength { limit } => {
                format!("must have at most {}", count(*limit, "character"))
            }
            Kind::MinItems { limit } => format!("must have at least {}", count(*limit, "item")),
            Kind::MaxItems { limit } => format!("must have at most {}", count(*limit, "item")),
            Kind::UniqueItems => "must not have the same item twice".to_owned(),
            Kind::AdditionalProperties { .. } | Kind::FalseSchema => {
                "has an unknown field".to_owned()
            }
            // The spec uses `not` only for reserved names.
            Kind::Not { .. } => "is reserved".to_owned(),
            Kind::OneOfMultipleValid { .. } => {
                "has fields of several alternatives, of which only one is allowed".to_owned()
            }
            _ => "violates a rule of the API".to_owned(),
        }
    }
}

fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

fn with_article(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(schema: Value, value: Value) -> String {
        let words = Words::from([("^a$".to_owned(), "must be the letter a".to_owned())]);
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft4)
            .should_validate_formats(true)
            .with_format("uuid", |text: &str| text.len() == 36)
            .build(&schema)
            .unwrap();
        let schema = Schema::new(validator, Arc::new(words));
        schema.faults(&value, "body").unwrap_or_default()
    }

    #[test]
    fn each_keyword_is_explained_with_its_field_and_never_with_the_value() {
        let text = |rules: Value| {
            let schema = json!({ "properties": { "a": rules } });
            faults(schema, json!({ "a": "s3cret" }))
        };
        let number = |rules: Value| faults(rules, json!(5));
        let list = |rules: Value| faults(rules, json!(["s3cret", "s3cret"]));
        for (fault, expected) in [
            (text(json!({ "type": "integer" })), "a: must be an integer"),
            (
                text(json!({ "enum": ["x", "y"] })),
                "a: must be one of: x, y",
            ),
            (
                text(json!({ "type": "string", "pattern": "^a$" })),
                "a: must be the letter a",
            ),
            (
                text(json!({ "type": "string", "pattern": "^b$" })),
                "a: does not have the required format",
            ),
            (
                text(json!({ "type": "string", "format": "uuid" })),
                "a: must be a UUID",
            ),
            (
                text(json!({ "type": "string", "minLength": 9 })),
                "a: must have at least 9 characters",
            ),
            (
                text(json!({ "type": "string", "maxLength": 2 })),
                "a: must have at most 2 characters",
            ),
            (number(json!({ "minimum": 6 })), "body: must be at least 6"),
            (number(json!({ "maximum": 4 })), "body: must be at most 4"),
            (
                number(json!({ "type": "object" })),
                "body: must be an object",
            ),
            (
                list(json!({ "minItems": 3 })),
                "body: must have at least 3 items",
            ),
            (
                list(json!({ "maxItems": 1 })),
                "body: must have at most 1 item",
            ),
            (
                list(json!({ "uniqueItems": true })),
                "body: must not have the same item twice",
            ),
            (
                list(json!({ "items": { "type": "string", "maxLength": 1 } })),
                "0: must have at most 1 character",
            ),
            (
                faults(json!({ "minItems": 1, "type": "array" }), json!([])),
                "body: must not be empty",
            ),
            (
                faults(
                    json!({ "properties": { "a": { "required": ["b"] } }, "required": ["c"] }),
                    json!({ "a": {} }),
                ),
                "c: is required; a.b: is required",
            ),
            (
                faults(json!({ "additionalProperties": false }), json!({ "a": 1 })),
                "body: has an unknown field",
            ),
        ] {
            assert!(fault.starts_with(expected), "{fault} is not {expected}");
            assert!(!fault.contains("s3cret"), "{fault}");
        }
    }

    #[test]
    fn an_error_is_about_the_most_likely_of_several_schemas() {
        let shapes = json!({ "oneOf": [
            { "required": ["names"], "properties": { "names": { "type": "array" } } },
            { "required": ["key", "leaf"] },
        ] });
        assert_eq!(
            faults(shapes.clone(), json!({ "names": "x" })),
            "names: must be a list"
        );
        assert_eq!(
            faults(shapes.clone(), json!({})),
            "names: is required, or key: is required; leaf: is required"
        );
        assert_eq!(
            faults(shapes, json!({ "names": [], "key": 1, "leaf": 2 })),
            "body: has fields of several alternatives, of which only one is allowed"
        );
    }

    #[test]
    fn every_keyword_of_the_spec_has_a_sentence() {
        const KEYWORDS: [&str; 24] = [
            "additionalItems",
            "additionalProperties",
            "allOf",
            "anyOf",
            "enum",
            "exclusiveMaximum",
            "exclusiveMinimum",
            "format",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
            "minItems",
            "minLength",
            "minProperties",
            "minimum",
            "multipleOf",
            "not",
            "oneOf",
            "pattern",
            "required",
            "type",
            "uniqueItems",
            "const",
        ];
        // `allOf` is reported by its parts. Keywords that no request has need no message.
        const TOLD: [&str; 16] = [
            "additionalProperties",
            "allOf",
            "enum",
            "format",
            "maxItems",
            "maxLength",
            "maximum",
            "minItems",
            "minLength",
            "minimum",
            "not",
            "oneOf",
            "pattern",
            "required",
            "type",
            "uniqueItems",
        ];
        let spec: Value = serde_json::from_str(include_str!("../spec.json")).unwrap();
        let mut todo = vec![&spec];
        let mut seen = 0;
        while let Some(value) = todo.pop() {
            if let Some(object) = value.as_object() {
                for keyword in object.keys().filter(|key| KEYWORDS.contains(&key.as_str())) {
                    seen += 1;
                    assert!(
                        TOLD.contains(&keyword.as_str()),
                        "{keyword} has no sentence"
                    );
                }
                todo.extend(object.values());
            }
            todo.extend(value.as_array().into_iter().flatten());
        }
        assert!(seen > 100, "{seen}");
    }
}
