//! Finding the operation that the generator doesn't support: its own errors rarely name it.

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Map, Value, json};

use crate::spec;

/// Runs `generate` on the document. If that fails, runs it on each operation alone, with the schemas that
/// it uses, and names those that fail in the error.
pub(crate) fn name_failing_operations<T>(
    document: &Value,
    generate: impl Fn(&Value) -> Result<T>,
) -> Result<T> {
    let error = match generate(document) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let failing: Vec<_> = spec::operations(document)
        .filter_map(|operation| {
            let alone = only(document, operation.path, operation.method);
            let error = generate(&alone).err()?;
            Some(format!("{}: {error:#}", operation.label()))
        })
        .collect();
    if failing.is_empty() {
        // The operations conflict, or a schema that none of them uses is at fault.
        return Err(error)
            .context("cannot generate code for the spec, though for each operation alone");
    }
    Err(anyhow!(
        "cannot generate code for these operations:\n  {}",
        failing.join("\n  ")
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
        name_failing_operations(document, client::tokens)
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }

    #[test]
    fn a_panic_of_the_generator_is_an_error_that_names_the_operation() {
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
    fn a_dangling_reference_is_an_error_that_names_the_operation() {
        let dangling = json!({"operationId": "bad", "responses": {
            "200": {"description": "", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/nowhere"}}}}
        }});
        let error = error_of(&spec_with(dangling));
        assert!(error.contains("GET /bad (bad)"), "{error}");
    }

    #[test]
    fn a_missing_operation_id_is_an_error_that_names_the_path() {
        let error = error_of(&spec_with(
            json!({"responses": {"204": {"description": ""}}}),
        ));
        assert!(error.contains("GET /bad (no operationId)"), "{error}");
    }
}
