//! `crates/docr-sandbox/src/spec.json`: the spec as the sandbox embeds it, so that the packaged
//! crate carries it and reads it without a YAML parser.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::stamp;
use crate::spec;

/// The file's text.
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
