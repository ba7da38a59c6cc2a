//! Differences between the facts of two specs.

use std::collections::BTreeSet;

use super::facts::{Fact, Facts, Place, joined};

pub(super) const ONLY_OURS: &str = "only ours";
pub(super) const ONLY_THEIRS: &str = "only theirs";

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
    let places: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let mut differences = Vec::new();
    // Places that one side lacks. What is below them is missing as well, and not reported.
    let mut lacking: Vec<&str> = Vec::new();
    for at in places {
        let reports = match (ours.get(at), theirs.get(at)) {
            (Some(ours), Some(theirs)) => report_place(ours, theirs),
            _ if lacking.iter().any(|above| is_within(above, at)) => continue,
            (ours, _) => {
                lacking.push(at);
                let side = if ours.is_some() {
                    ONLY_OURS
                } else {
                    ONLY_THEIRS
                };
                vec![side.to_owned()]
            }
        };
        differences.extend(reports.into_iter().map(|what| Difference {
            at: at.clone(),
            what,
        }));
    }
    differences
}

fn report_place(ours: &Place, theirs: &Place) -> Vec<String> {
    if ours == theirs {
        return Vec::new();
    }
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let reports = keys
        .into_iter()
        .map(|key| report(key, ours.get(key), theirs.get(key)));
    reports.flatten().collect()
}

/// The reports for two facts: of two sets, the values that only one of them has.
pub(super) fn report(key: &str, ours: Option<&Fact>, theirs: Option<&Fact>) -> Vec<String> {
    match (ours, theirs) {
        _ if ours == theirs => Vec::new(),
        (Some(Fact::Set(ours)), Some(Fact::Set(theirs))) => {
            let sides = [(ONLY_OURS, ours, theirs), (ONLY_THEIRS, theirs, ours)];
            let alone = sides.map(|(side, one, other)| (side, joined(one.difference(other))));
            let alone = alone.into_iter().filter(|(_, values)| !values.is_empty());
            alone
                .map(|(side, values)| format!("{key}: {side} {values}"))
                .collect()
        }
        _ => {
            let theirs = theirs.map_or("none".into(), Fact::to_string);
            vec![format!("{}{theirs}", ours_are(key, ours))]
        }
    }
}

/// Whether this could be the report of a fact for some value of theirs.
pub(super) fn could_become(what: &str, key: &str, ours: Option<&Fact>) -> bool {
    if what.starts_with(&ours_are(key, ours)) {
        return true;
    }
    let (Some(Fact::Set(ours)), Some((_, alone))) = (ours, what.split_once(": ")) else {
        return false;
    };
    let has = |value: &str| ours.contains(value);
    let values = |side: &str| Some(alone.strip_prefix(side)?.trim_start().split(" | "));
    values(ONLY_OURS).is_some_and(|mut values| values.all(has))
        || values(ONLY_THEIRS).is_some_and(|mut values| !values.any(has))
}

fn ours_are(key: &str, ours: Option<&Fact>) -> String {
    let ours = ours.map_or("none".into(), Fact::to_string);
    format!("{key}: ours {ours}, theirs ")
}

/// Whether a place is within another one. Another media type is not.
fn is_within(above: &str, at: &str) -> bool {
    at.strip_prefix(above).is_some_and(|below| {
        below.is_empty() || below.starts_with([' ', '.', '[']) && !below.starts_with(" as ")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::facts, *};

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
        let paths = BTreeSet::from(["/a/{id}"]);
        compare(
            &facts::of(&changed, &paths).facts,
            &facts::of(&spec(), &paths).facts,
        )
        .into_iter()
        .map(|difference| format!("{}: {}", difference.at, difference.what))
        .collect()
    }

    #[test]
    fn prose_and_inlined_components_are_not_differences() {
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
    fn each_kind_of_difference_is_reported_with_its_place() {
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
            [
                "GET /a/{id}: security: only ours bearer_auth(a:write)",
                "GET /a/{id}: security: only theirs bearer_auth(a:read)",
            ]
        );
        let in_list = differences(|spec| {
            spec["components"]["schemas"]["a"]["allOf"][1]["properties"]["list"]["items"]["enum"] =
                json!(["x"]);
        });
        assert_eq!(
            in_list,
            ["GET /a/{id} > 200 > body.list[]: enum: only theirs y"]
        );
    }

    #[test]
    fn a_place_that_one_side_lacks_is_reported_once() {
        let more = differences(|spec| {
            let responses = &mut spec["paths"]["/a/{id}"]["get"]["responses"];
            responses["404"] = responses["200"].clone();
        });
        assert_eq!(more, ["GET /a/{id} > 404: only ours"]);
        let less = differences(|spec| {
            spec["paths"] = json!({});
        });
        assert_eq!(
            less,
            [
                "GET /a/{id}: only theirs",
                "security scheme bearer_auth: only theirs",
            ]
        );
    }

    #[test]
    fn a_recursive_schema_is_reported_as_such() {
        let at = "GET /a/{id} > 200 > body";
        let recursive = differences(|spec| {
            spec["components"]["schemas"]["base"]["properties"]["id"] =
                json!({"$ref": "#/components/schemas/a"});
        });
        assert_eq!(
            recursive,
            [
                format!("{at}.id: the same as: ours {at}, theirs none"),
                format!("{at}.id: type: ours none, theirs string"),
            ]
        );
    }

    #[test]
    fn places_beside_a_missing_one_are_still_reported() {
        let json = "/paths/~1a~1{id}/get/responses/200/content";
        let other = differences(|spec| {
            *spec.pointer_mut(json).unwrap() = json!({"text/plain": {}});
        });
        assert_eq!(
            other,
            [
                "GET /a/{id} > 200 > body: only theirs",
                "GET /a/{id} > 200 > body as text/plain: only ours",
            ]
        );
    }
}
