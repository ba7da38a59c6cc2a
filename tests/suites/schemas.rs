//! The JSON schemas of the input types against the spec: validation and spec can't drift apart.

use docr::{CertificateId, Region, RegistryName, TierSlug};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The keywords that decide what is accepted; the rest is prose.
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
fn the_schemas_of_input_types_are_the_spec_s() {
    assert_same_rules::<RegistryName>("/components/schemas/registry_name");
    assert_same_rules::<TierSlug>("/components/schemas/tier_slug");
    assert_same_rules::<Region>("/components/schemas/region");
    assert_same_rules::<CertificateId>("/components/parameters/certificate_id/schema");
}

#[test]
fn a_registry_name_is_accepted_exactly_when_the_spec_s_pattern_accepts_it() {
    // The pattern is held by hand here; the test above holds it against the spec.
    assert_eq!(
        rules(&schema_of::<RegistryName>())["pattern"],
        json!("^[a-z0-9-]{1,63}$")
    );
    let by_pattern = |name: &str| {
        (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    for length in [0_usize, 1, 2, 62, 63, 64, 65, 1000] {
        for character in [
            'a', 'z', '0', '9', '-', 'A', '_', '.', '/', ' ', '\n', '\0', 'é', '{', '`', ':',
        ] {
            for position in [0, length / 2, length.saturating_sub(1)] {
                let name: String = (0..length)
                    .map(|index| if index == position { character } else { 'a' })
                    .collect();
                assert_eq!(
                    RegistryName::new(&name).is_ok(),
                    by_pattern(&name),
                    "{name:?}"
                );
            }
        }
    }
}

#[test]
fn the_schemas_fit_into_a_user_s_own() {
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
