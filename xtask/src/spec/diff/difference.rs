//! What differs between the facts of two specs.

use std::collections::BTreeSet;

use super::facts::{self, Facts};

/// One difference between our spec and another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where: `GET /v2/registry > 200 > body.registry.name`.
    pub(super) at: String,
    /// What: `required: ours true, theirs false`.
    pub(super) what: String,
}

/// The differences, in the order of their places.
pub(super) fn compare(ours: &Facts, theirs: &Facts) -> Vec<Difference> {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let mut differences = Vec::new();
    // The last place that one side lacks: what is below it is lacking too, and need not be reported.
    let mut lacking = None;
    for place in keys {
        let (at, key) = place;
        let (ours, theirs) = (ours.get(place), theirs.get(place));
        if ours == theirs || lacking.is_some_and(|above: &String| is_within(above, at)) {
            continue;
        }
        let what = if key == facts::PRESENT {
            lacking = Some(at);
            if ours.is_some() {
                "only ours".into()
            } else {
                "only theirs".into()
            }
        } else {
            let shown = |value: Option<&String>| value.map_or("none", String::as_str).to_owned();
            format!("{key}: ours {}, theirs {}", shown(ours), shown(theirs))
        };
        let at = at.to_owned();
        differences.push(Difference { at, what });
    }
    differences
}

/// Whether a place is another one, or below it.
fn is_within(above: &str, at: &str) -> bool {
    let below = at.strip_prefix(above);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', '[']))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec() -> Value {
        json!({
            "paths": {"/a/{id}": {"get": {
                "operationId": "a_get",
                "description": "Prose.",
                "security": [{"bearer_auth": ["a:read"]}],
                "parameters": [{"$ref": "#/components/parameters/id"}],
                "responses": {"200": {
                    "headers": {"x-one": {"schema": {"type": "integer"}}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/a"}}}
                }}
            }}},
            "components": {
                "parameters": {"id": {"name": "id", "in": "path", "required": true,
                    "schema": {"type": "string", "pattern": "^a$"}}},
                "schemas": {
                    "base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
                    "a": {"allOf": [{"$ref": "#/components/schemas/base"}, {"properties": {
                        "list": {"type": "array", "items": {"type": "string", "enum": ["x", "y"]}}
                    }}]}
                }
            }
        })
    }

    fn differences(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut changed = spec();
        change(&mut changed);
        compare(&facts::of(&changed), &facts::of(&spec()))
            .into_iter()
            .map(|difference| format!("{}: {}", difference.at, difference.what))
            .collect()
    }

    #[test]
    fn a_spec_does_not_differ_from_itself_nor_by_prose_or_components() {
        assert_eq!(differences(|_| {}), [] as [&str; 0]);
        let inlined = differences(|spec| {
            let get = &mut spec["paths"]["/a/{id}"]["get"];
            get["description"] = json!("Other prose.");
            get["responses"]["200"]["content"]["application/json"]["schema"] = json!({
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "example": "b"},
                    "list": {"type": "array", "items": {"type": "string", "enum": ["y", "x"]}}
                }
            });
        });
        assert_eq!(inlined, [] as [&str; 0]);
    }

    #[test]
    fn each_kind_of_difference_is_named_with_its_place() {
        let at = |pointer: &'static str, value: Value| {
            differences(move |spec| *spec.pointer_mut(pointer).unwrap() = value)
        };
        assert_eq!(
            at(
                "/components/schemas/base/properties/id/type",
                json!("integer")
            ),
            ["GET /a/{id} > 200 > body.id: type: ours integer, theirs string"]
        );
        assert_eq!(
            at("/components/schemas/base/required", json!([])),
            ["GET /a/{id} > 200 > body.id: required: ours false, theirs true"]
        );
        assert_eq!(
            at("/components/parameters/id/schema/pattern", json!("^b$")),
            ["GET /a/{id} > path parameter id: pattern: ours ^b$, theirs ^a$"]
        );
        assert_eq!(
            at(
                "/paths/~1a~1{id}/get/security/0/bearer_auth",
                json!(["a:write"])
            ),
            ["GET /a/{id}: scopes: ours a:write, theirs a:read"]
        );
        let in_list = differences(|spec| {
            spec["components"]["schemas"]["a"]["allOf"][1]["properties"]["list"]["items"]["enum"] =
                json!(["x"]);
        });
        assert_eq!(
            in_list,
            ["GET /a/{id} > 200 > body.list[]: enum: ours x, theirs x | y"]
        );
    }

    #[test]
    fn what_only_one_side_has_is_reported_once() {
        let more = differences(|spec| {
            let responses = &mut spec["paths"]["/a/{id}"]["get"]["responses"];
            responses["404"] = responses["200"].clone();
        });
        assert_eq!(more, ["GET /a/{id} > 404: only ours"]);
        let less = differences(|spec| {
            spec["paths"] = json!({});
        });
        assert_eq!(less, ["GET /a/{id}: only theirs"]);
    }

    #[test]
    fn an_empty_object_as_an_alternative_is_no_difference() {
        let with = |part: &Value| {
            let mut spec = spec();
            spec["components"]["schemas"]["base"]["properties"]["part"] = part.clone();
            facts::of(&spec)
        };
        let part = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let empty = json!({"type": "object", "additionalProperties": false});
        assert_eq!(with(&json!({"oneOf": [part, empty]})), with(&part));
        assert_ne!(with(&json!({"oneOf": [part, part]})), with(&part));
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let mut recursive = spec();
        recursive["components"]["schemas"]["base"]["properties"]["id"] =
            json!({"$ref": "#/components/schemas/base"});
        assert!(!facts::of(&recursive).is_empty());
    }
}
