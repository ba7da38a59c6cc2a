//! What JSON Schemas say of the types here.

use schemars::Schema;

/// Takes the examples out of a description: they are Rust, and a schema is for files.
pub(super) fn without_examples(schema: &mut Schema) {
    let description = schema.get("description").and_then(|text| text.as_str());
    let words = description.and_then(|text| text.split_once("\n\n```"));
    if let Some(words) = words.map(|(words, _)| words.to_owned()) {
        schema.insert("description".to_owned(), words.into());
    }
}
