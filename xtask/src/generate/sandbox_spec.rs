//! `crates/docr-sandbox/src/spec.json`: the spec as embedded in the sandbox, so that its package contains
//! it and needs no YAML parser.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::stamp;
use crate::spec;

/// The content of the file.
pub(crate) fn render(document: &Value) -> Result<String> {
    let mut copy = document.clone();
    let object = copy.as_object_mut().context("the spec is not an object")?;
    // JSON has no comments; the note must come first.
    object.remove("x-generated");
    let body = serde_json::to_string_pretty(&copy)?;
    let body = body.strip_prefix('{').context("the spec is empty")?;
    Ok(format!(
        "{{ \"x-generated\": \"by `{}` from {}; do not edit\",{body}\n",
        stamp::MEND,
        spec::PATH
    ))
}
