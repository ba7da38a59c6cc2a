//! Finding the operation that the generator can't take: its own errors seldom name one.

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Map, Value, json};

use crate::spec;

/// Runs `generate` on the document. If that fails, runs it on each operation alone, with the schemas
/// it uses, and puts the names of those that fail before the error.
pub(crate) fn name_the_culprit<T>(
    document: &Value,
    generate: impl Fn(&Value) -> Result<T>,
) -> Result<T> {
    let error = match generate(document) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let culprits: Vec<_> = spec::operations(document)
        .filter_map(|operation| {
            let alone = only(document, operation.path, operation.method);
            let error = generate(&alone).err()?;
            Some(format!("{}: {error:#}", operation.label()))
        })
        .collect();
    if culprits.is_empty() {
        // Each alone is fine: the operations clash, or a schema that none of them uses is at fault.
        return Err(error).context("the spec can't be generated, though each operation alone can");
    }
    Err(anyhow!(
        "these operations can't be generated:\n  {}",
        culprits.join("\n  ")
    ))
}

/// The document with one operation, and the schemas that it refers to.
fn only(document: &Value, path: &str, method: &str) -> Value {
    let mut alone = document.clone();
    let item = &document["paths"][path];
    let mut kept = Map::new();
    for key in [method, "parameters"] {
        if let Some(value) = item.get(key) {
            kept.insert(key.into(), value.clone());
        }
    }
    alone["paths"] = json!({ path: kept });
    let used = spec::reachable_schemas(document, &alone["paths"]);
    if let Some(Value::Object(schemas)) = alone.pointer_mut("/components/schemas") {
        schemas.retain(|name, _| used.contains(name));
    }
    alone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::client;

    fn spec_with(operation: Value) -> Value {
        json!({
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1"},
            "paths": {
                "/good": {"get": {"operationId": "good", "responses": {"204": {"description": ""}}}},
                "/bad": {"get": operation},
            }
        })
    }

    fn error_of(document: &Value) -> String {
        name_the_culprit(document, client::tokens)
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }

    #[test]
    fn a_panic_of_the_generator_becomes_an_error_that_names_the_operation() {
        let two_types = json!({"operationId": "bad", "responses": {
            "200": {"description": "", "content": {"application/json": {"schema": {"type": "string"}}}},
            "204": {"description": ""}
        }});
        let error = error_of(&spec_with(two_types));
        assert!(
            error.contains("GET /bad (bad): progenitor panicked"),
            "{error}"
        );
        assert!(!error.contains("/good"), "{error}");
    }

    #[test]
    fn a_reference_into_nothing_names_the_operation() {
        let dangling = json!({"operationId": "bad", "responses": {
            "200": {"description": "", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/nowhere"}}}}
        }});
        let error = error_of(&spec_with(dangling));
        assert!(error.contains("GET /bad (bad)"), "{error}");
    }

    #[test]
    fn a_missing_operation_id_names_the_path() {
        let error = error_of(&spec_with(
            json!({"responses": {"204": {"description": ""}}}),
        ));
        assert!(error.contains("GET /bad (no operationId)"), "{error}");
    }
}
