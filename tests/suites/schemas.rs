//! The JSON schemas and the validation of the input types match the spec.

use std::str::FromStr;

use docr::{
    CertificateId, Digest, GarbageCollectionId, GarbageCollectionType, InvalidInput, Region,
    RegistryName, RepositoryName, Tag, TierSlug,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The keywords of a schema that decide what is accepted; the rest is prose.
fn rules(schema: &Value) -> Map<String, Value> {
    const RULES: [&str; 6] = [
        "type",
        "pattern",
        "minLength",
        "maxLength",
        "enum",
        "format",
    ];
    let object = schema.as_object().cloned().unwrap_or_default();
    object
        .into_iter()
        .filter(|(key, _)| RULES.contains(&key.as_str()))
        .collect()
}

fn schema_of<T: JsonSchema>() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.to_value()
}

#[track_caller]
fn assert_same_rules<T: JsonSchema>(pointer: &str) {
    let spec = docr_tests::spec();
    let in_spec = spec
        .pointer(pointer)
        .unwrap_or_else(|| panic!("the spec has no {pointer}"));
    assert_eq!(rules(&schema_of::<T>()), rules(in_spec), "{pointer}");
}

#[test]
fn the_schemas_of_input_types_match_the_spec() {
    assert_same_rules::<RegistryName>("/components/schemas/registry_name");
    assert_same_rules::<RepositoryName>("/components/schemas/repository_name");
    assert_same_rules::<Tag>("/components/schemas/tag_name");
    assert_same_rules::<Digest>("/components/schemas/digest");
    assert_same_rules::<TierSlug>("/components/schemas/tier_slug");
    assert_same_rules::<Region>("/components/schemas/region");
    assert_same_rules::<GarbageCollectionType>("/components/schemas/garbage_collection_type");
    assert_same_rules::<CertificateId>("/components/parameters/certificate_id/schema");
    let run = "/components/parameters/garbage_collection_uuid/schema";
    assert_same_rules::<GarbageCollectionId>(run);
}

#[track_caller]
fn assert_same_verdicts<T>(schema: &str, texts: impl IntoIterator<Item = String>)
where
    T: FromStr<Err = InvalidInput>,
{
    assert_accepted_as_in(schema, texts, |text| text.parse::<T>().is_ok());
}

/// Checks that each text is accepted exactly if the spec's pattern and lengths accept it.
#[track_caller]
fn assert_accepted_as_in(
    schema: &str,
    texts: impl IntoIterator<Item = String>,
    is_accepted: fn(&str) -> bool,
) {
    let spec = docr_tests::spec();
    let in_spec = &spec["components"]["schemas"][schema];
    let validator = jsonschema::validator_for(&json!(rules(in_spec))).unwrap();
    for text in texts {
        let by_spec = validator.is_valid(&json!(text));
        assert_eq!(is_accepted(&text), by_spec, "{schema}: {text:?}");
    }
}

/// Every text of at most `length` of these characters.
fn all_texts(characters: &str, length: usize) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut longest = texts.clone();
    for _ in 0..length {
        longest = longest
            .iter()
            .flat_map(|text| characters.chars().map(move |c| format!("{text}{c}")))
            .collect();
        texts.extend(longest.clone());
    }
    texts
}

/// Texts around a maximum length, with each special character in each interesting position.
fn long_texts(limit: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for length in [limit - 1, limit, limit + 1, limit * 4] {
        for special in ['a', '9', '-', '.', '/', '_', 'A', ' ', '\n', '\0', 'é'] {
            for position in [0, length / 2, length - 1] {
                let text = (0..length).map(|index| if index == position { special } else { 'a' });
                texts.push(text.collect());
            }
        }
    }
    texts
}

#[test]
fn a_name_is_accepted_exactly_when_the_spec_accepts_it() {
    assert_same_verdicts::<RegistryName>("registry_name", all_texts("a9-A._/ é", 4));
    assert_same_verdicts::<RegistryName>("registry_name", long_texts(63));
    assert_same_verdicts::<RepositoryName>("repository_name", all_texts("a._-/", 7));
    assert_same_verdicts::<RepositoryName>("repository_name", all_texts("a9A._- é", 4));
    assert_same_verdicts::<RepositoryName>("repository_name", long_texts(227));
    assert_same_verdicts::<Tag>("tag_name", all_texts("aZ9-._/:é", 4));
    assert_same_verdicts::<Tag>("tag_name", long_texts(128));
}

#[test]
fn the_name_of_a_new_registry_is_accepted_exactly_when_the_spec_accepts_it() {
    let is_accepted = |text: &str| {
        let name = text.parse::<RegistryName>();
        name.is_ok_and(|name| name.check_new().is_ok())
    };
    for texts in [all_texts("a9-A.", 5), long_texts(63)] {
        assert_accepted_as_in("new_registry_name", texts, is_accepted);
    }
}

#[test]
fn a_digest_is_accepted_exactly_when_the_spec_accepts_it() {
    let hex = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let valid = format!("sha256:{hex}");
    let mut texts = vec![
        valid.clone(),
        hex.into(),
        format!("{valid}0"),
        format!("sha512:{hex}"),
    ];
    for position in 0..valid.len() {
        for replacement in ["", "g", "A", ":", "é", "\n", "0"] {
            texts.push(format!(
                "{}{replacement}{}",
                &valid[..position],
                &valid[position + 1..]
            ));
        }
    }
    assert_same_verdicts::<Digest>("digest", texts);
}

#[test]
fn the_schemas_can_be_embedded_in_others() {
    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Config {
        registry: RegistryName,
        tier: TierSlug,
        region: Option<Region>,
    }
    let schema = schema_of::<Config>();
    assert_eq!(schema["required"], json!(["registry", "tier"]));
    assert!(schema["$defs"]["RegistryName"].is_object());
}
