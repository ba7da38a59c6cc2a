//! Responses generated from the spec's schemas: complete ones, and every unusual variant that a tolerant reader must
//! accept.

use serde_json::{Map, Value, json};

/// A schema with its references resolved and its parts merged.
#[derive(Clone, Debug, Default)]
struct Object {
    properties: Map<String, Value>,
    required: Vec<String>,
}

/// A response, and what is unusual about it.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Where and what, such as `registry has region null`.
    pub what: String,
    /// The response.
    pub body: Value,
    /// The identity field that is missing or null, if that makes the response unreadable.
    pub lost_identity: Option<String>,
}

/// The schema of an operation's success; `None` if it has no body.
pub fn success_schema(spec: &Value, operation: &Value) -> Option<Value> {
    let responses = operation["responses"].as_object()?;
    let (_, response) = responses
        .iter()
        .find(|(status, _)| status.starts_with('2'))?;
    let response = resolve(spec, response);
    response
        .pointer("/content/application~1json/schema")
        .cloned()
}

/// A response with every field of the schema.
pub fn complete(spec: &Value, schema: &Value) -> Value {
    let schema = resolve(spec, schema);
    if let Some(object) = object(spec, schema) {
        let fields = object.properties.iter();
        return fields
            .map(|(name, schema)| (name.clone(), complete(spec, schema)))
            .collect();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => json!([complete(spec, &schema["items"])]),
        (Some("integer"), _) => json!(7),
        (Some("boolean"), _) => json!(true),
        (_, Some("date-time")) => json!("2026-01-12T09:30:00.123456789Z"),
        _ => json!("text"),
    }
}

/// Every variant of a complete response that differs in one place: a missing, null or unknown field, an unknown value,
/// a number beyond 32 bits.
pub fn variants(spec: &Value, schema: &Value) -> Vec<Variant> {
    let whole = complete(spec, schema);
    let mut variants = Vec::new();
    collect(spec, schema, &whole, "", &mut variants);
    variants
}

fn collect(
    spec: &Value,
    schema: &Value,
    whole: &Value,
    pointer: &str,
    variants: &mut Vec<Variant>,
) {
    let schema = resolve(spec, schema);
    let mut change = |what: &str, lost: Option<&str>, edit: &dyn Fn(&mut Value)| {
        let mut body = whole.clone();
        edit(body.pointer_mut(pointer).expect("a place in the response"));
        let place = pointer.replace('/', ".");
        let what = format!("{} {what}", place.trim_start_matches('.'));
        variants.push(Variant {
            what,
            body,
            lost_identity: lost.map(String::from),
        });
    };
    if let Some(object) = object(spec, schema) {
        change("has an unknown field", None, &|value| {
            value["x_new"] = json!({"deep": [1, null, "a"]});
        });
        for (name, property) in &object.properties {
            let identity = object.required.contains(name).then_some(name.as_str());
            change(&format!("has no {name}"), identity, &|value| {
                value.as_object_mut().expect("an object").remove(name);
            });
            change(&format!("has {name} null"), identity, &|value| {
                value[name] = Value::Null
            });
            if property["oneOf"].is_array() {
                change(&format!("has {name} without fields"), None, &|value| {
                    value[name] = json!({})
                });
            }
            if resolve(spec, property)["type"] == "array" {
                change(&format!("has {name} empty"), None, &|value| {
                    value[name] = json!([])
                });
            }
        }
        for (name, property) in &object.properties {
            let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            collect(spec, property, whole, &below, variants);
        }
    } else if schema.get("enum").is_some() {
        change("is an unknown value", None, &|value| {
            *value = json!("brand new value")
        });
    } else if schema["type"] == "integer" {
        change("is beyond 32 bits", None, &|value| {
            *value = json!(107_374_182_400_u64)
        });
        change("is beyond 53 bits", None, &|value| *value = json!(u64::MAX));
    } else if schema["format"] == "date-time" {
        change("is empty", None, &|value| *value = json!(""));
    } else if schema["type"] == "array" {
        collect(
            spec,
            &schema["items"],
            whole,
            &format!("{pointer}/0"),
            variants,
        );
    }
}

fn resolve<'a>(spec: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'))
    {
        Some(pointer) => {
            let target = spec
                .pointer(pointer)
                .unwrap_or_else(|| panic!("nothing at {pointer}"));
            resolve(spec, target)
        }
        // The first of two shapes is the useful one; the other is an empty object.
        None if schema["oneOf"].is_array() => resolve(spec, &schema["oneOf"][0]),
        None => schema,
    }
}

/// The properties of an object, including those of its `allOf` parts.
fn object(spec: &Value, schema: &Value) -> Option<Object> {
    let mut merged = Object::default();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let part = object(spec, resolve(spec, part))?;
        merged.properties.extend(part.properties);
        merged.required.extend(part.required);
    }
    if let Some(properties) = schema["properties"].as_object() {
        merged.properties.extend(properties.clone());
    }
    let required = schema["required"].as_array().into_iter().flatten();
    merged
        .required
        .extend(required.filter_map(|name| name.as_str().map(String::from)));
    (!merged.properties.is_empty()).then_some(merged)
}
