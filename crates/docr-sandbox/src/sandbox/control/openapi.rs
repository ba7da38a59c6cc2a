//! The description of the sandbox's own API, generated from its doors.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::door::{Described, Door};

/// An OpenAPI document.
pub(super) fn description(doors: &[Door]) -> Value {
    let settings = SchemaSettings::openapi3();
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for door in doors {
        let path = format!("/_docr{}", door.template.text);
        let method = door.method.as_str().to_lowercase();
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[&method] = operation(door, &mut generator);
    }
    paths.insert("/_docr/v1/events".to_owned(), events());
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "docr-sandbox",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Controls a sandbox. Requests to it are neither rate limited, faulted nor logged.",
        },
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn operation(door: &Door, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<_> = door
        .template
        .names()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(
        door.query
            .into_iter()
            .flat_map(|query| query_parameters(query, generator)),
    );
    let success = match door.response {
        Some(response) => (
            "200",
            json!({ "description": "Done.", "content": content(response, generator) }),
        ),
        None => ("204", json!({ "description": "Done." })),
    };
    let mut operation = json!({
        "operationId": door.id,
        "summary": door.summary,
        "parameters": parameters,
        "responses": {
            success.0: success.1,
            "default": {
                "description": "Nothing was done.",
                "content": { "application/json": { "schema": {
                    "type": "object",
                    "required": ["message"],
                    "properties": { "message": { "type": "string" } },
                } } },
            },
        },
    });
    if let Some(body) = door.body {
        operation["requestBody"] = json!({ "required": true, "content": content(body, generator) });
    }
    operation
}

fn content(described: Described, generator: &mut SchemaGenerator) -> Value {
    json!({ "application/json": { "schema": described(generator) } })
}

/// The properties of a query's type, each as a parameter.
fn query_parameters(query: Described, generator: &mut SchemaGenerator) -> Vec<Value> {
    let named = query(generator);
    let name = named["$ref"]
        .as_str()
        .and_then(|reference| reference.rsplit('/').next());
    let schema = match name {
        Some(name) => generator.definitions_mut().remove(name).unwrap_or_default(),
        None => named,
    };
    let properties = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    properties
        .into_iter()
        .map(|(name, mut schema)| {
            let said = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            json!({ "name": name, "in": "query", "description": said.unwrap_or_default(), "schema": schema })
        })
        .collect()
}

fn events() -> Value {
    json!({ "get": {
        "operationId": "events",
        "summary": "Streams server-sent events: `request` with a request and its response, `change` when the content of the sandbox has changed, `lost` with the number of events that a slow reader has missed.",
        "responses": { "200": {
            "description": "An endless stream.",
            "content": { "text/event-stream": { "schema": { "type": "string" } } },
        } },
    } })
}
