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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::RetentionPolicy;

    #[test]
    fn a_schema_has_the_documentation_without_its_examples() {
        let described = |text: &str| {
            let mut schema = schemars::json_schema!({ "description": text });
            without_examples(&mut schema);
            schema.get("description").cloned()
        };
        let words = Some("A rule.\n\nOne of several.".into());
        assert_eq!(described("A rule.\n\nOne of several."), words);
        let with_example = "A rule.\n\nOne of several.\n\n```\nlet rule = 1;\n```";
        assert_eq!(described(with_example), words);
        let policy = schemars::schema_for!(RetentionPolicy)
            .to_value()
            .to_string();
        assert!(!policy.contains("```"), "{policy}");
    }
}
