//! Lowering: a copy of the spec, changed to what progenitor supports and a tolerant reader needs. Each
//! rule is a function with its reason; the checked-in spec is never changed for the generator.

use serde_json::{Value, json};

use crate::spec::{each_object, or_empty};

/// Applies every rule.
pub(crate) fn lower(spec: &Value) -> Value {
    let mut lowered = spec.clone();
    for rule in [
        keep_only_success_responses,
        take_any_success,
        drop_examples,
        widen_sizes,
        drop_constraints,
        drop_the_empty_alternative,
        leave_ids_opaque,
        open_the_enums,
        inline_plain_strings,
    ] {
        rule(&mut lowered);
    }
    lowered
}

/// Progenitor supports one response type for success and one for failure, and loses status and headers
/// of a failure whose body doesn't match. Without documented failures each one is returned as an
/// unexpected response, complete.
fn keep_only_success_responses(spec: &mut Value) {
    each_object(spec, &mut |object| {
        if !object.contains_key("operationId") {
            return;
        }
        if let Some(Value::Object(responses)) = object.get_mut("responses") {
            responses.retain(|status, _| status.starts_with('2'));
        }
    });
}

/// The service has been seen to respond with 202 where 201 is documented.
fn take_any_success(spec: &mut Value) {
    each_object(spec, &mut |object| {
        if !object.contains_key("operationId") {
            return;
        }
        if let Some(Value::Object(responses)) = object.get_mut("responses")
            && responses.len() == 1
        {
            *responses = std::mem::take(responses)
                .into_values()
                .map(|response| ("2XX".to_owned(), response))
                .collect();
        }
    });
}

/// Examples are for people and the sandbox; in the bindings they would only take space.
fn drop_examples(spec: &mut Value) {
    each_object(spec, &mut |object| {
        object.remove("example");
        object.remove("examples");
    });
}

/// Counts and sizes may exceed 32 bits (a tier includes 107374182400 bytes) and are never negative.
fn widen_sizes(spec: &mut Value) {
    each_object(spec, &mut |object| {
        let is_size = object.get("type") == Some(&json!("integer"))
            && object.get("minimum").and_then(Value::as_u64).is_some();
        if is_size {
            object.insert("format".into(), json!("uint64"));
        }
    });
}

/// Progenitor also checks constraints when reading, so a name that the service once accepted could
/// make a response unreadable. `docr` validates input, with better messages and without a
/// regular-expression engine in every consumer's build.
fn drop_constraints(spec: &mut Value) {
    const CONSTRAINTS: [&str; 10] = [
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minItems",
        "maxItems",
        "not",
    ];
    each_object(spec, &mut |object| {
        for keyword in CONSTRAINTS {
            object.remove(keyword);
        }
    });
}

/// An empty object stands for a missing value. As an alternative it would turn the type into an enum; it is read as
/// missing instead, see [`super::soften`].
fn drop_the_empty_alternative(spec: &mut Value) {
    each_object(spec, &mut |object| {
        if let Some(Value::Object(meant)) = or_empty(object.get("oneOf")).cloned() {
            *object = meant;
        }
    });
}

/// The properties that may be an empty object, each with its schema.
pub(crate) fn properties_or_empty(spec: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (schema, value) in crate::spec::schemas(spec) {
        for (property, value) in value["properties"].as_object().into_iter().flatten() {
            if or_empty(value.get("oneOf")).is_some() {
                found.push((schema.to_owned(), property.clone()));
            }
        }
    }
    found
}

/// Ids are only compared: as plain strings they may change their format, and the bindings need no UUID
/// library.
fn leave_ids_opaque(spec: &mut Value) {
    each_object(spec, &mut |object| {
        if object.get("format") == Some(&json!("uuid")) {
            object.remove("format");
        }
    });
}

/// Generated enums would be closed: a new value of the service would make a response unreadable. The
/// schemas become plain strings here, and [`super::open_enums`] generates the types that replace them.
fn open_the_enums(spec: &mut Value) {
    each_object(spec, &mut |object| {
        if object.get("x-open-enum") == Some(&json!(true)) {
            object.remove("enum");
        }
    });
}

/// Without constraints a named string is a plain string; a type of its own would be in the way of the
/// validated names of `docr`.
fn inline_plain_strings(spec: &mut Value) {
    let plain: Vec<(String, Value)> = crate::spec::schemas(spec)
        .filter(|(_, schema)| {
            schema["type"] == "string"
                && schema.get("x-open-enum").is_none()
                && schema.get("format").is_none()
        })
        .map(|(name, schema)| (format!("#/components/schemas/{name}"), schema.clone()))
        .collect();
    each_object(spec, &mut |object| {
        let reference = object.get("$ref").and_then(Value::as_str);
        let schema = plain
            .iter()
            .find(|(name, _)| Some(name.as_str()) == reference);
        if let Some((_, Value::Object(schema))) = schema {
            *object = schema.clone();
        }
    });
    if let Some(Value::Object(schemas)) = spec.pointer_mut("/components/schemas") {
        schemas.retain(|name, _| {
            let reference = format!("#/components/schemas/{name}");
            !plain.iter().any(|(plain, _)| *plain == reference)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_dropped_and_any_success_is_accepted() {
        let spec = json!({"paths": {"/a": {"get": {
            "operationId": "a",
            "responses": {"200": {"description": ""}, "404": {}, "default": {}}
        }}}});
        let lowered = lower(&spec);
        assert_eq!(
            lowered["paths"]["/a"]["get"]["responses"],
            json!({"2XX": {"description": ""}})
        );
    }

    #[test]
    fn a_size_becomes_an_unsigned_64_bit_integer_without_bounds() {
        let lowered = lower(&json!({"type": "integer", "minimum": 0, "maximum": 200}));
        assert_eq!(lowered, json!({"type": "integer", "format": "uint64"}));
    }

    #[test]
    fn a_property_with_the_name_of_a_constraint_stays() {
        let spec = json!({"properties": {"pattern": {"type": "string", "pattern": "^a$"}}});
        assert_eq!(
            lower(&spec),
            json!({"properties": {"pattern": {"type": "string"}}})
        );
    }

    #[test]
    fn an_alternative_that_is_an_empty_object_is_dropped() {
        let property = json!({"oneOf": [
            {"$ref": "#/a"},
            {"type": "object", "additionalProperties": false},
        ]});
        assert_eq!(lower(&property), json!({"$ref": "#/a"}));
        let spec = json!({"components": {"schemas": {"b": {"properties": {
            "c": property, "d": {"oneOf": [{"$ref": "#/a"}, {"$ref": "#/b"}]},
        }}}}});
        assert_eq!(
            properties_or_empty(&spec),
            [("b".to_owned(), "c".to_owned())]
        );
    }

    #[test]
    fn ids_and_open_enums_become_plain_strings() {
        assert_eq!(
            lower(&json!({"type": "string", "format": "uuid"})),
            json!({"type": "string"})
        );
        assert_eq!(
            lower(&json!({"type": "string", "x-open-enum": true, "enum": ["a"]})),
            json!({"type": "string", "x-open-enum": true})
        );
    }
}
