//! No input makes a parser panic, and what is accepted is printed as it was read.

use std::{fmt::Display, str::FromStr};

use docr::{
    CertificateId, ClusterId, Digest, GarbageCollectionId, ImageRef, InvalidInput, RegistryName,
    RepositoryName, Tag, TierSlug,
};
use proptest::{prelude::*, test_runner::TestRunner};

/// `PROPTEST_CASES` cases of each property, 3,000 by default.
fn config() -> ProptestConfig {
    let set = std::env::var("PROPTEST_CASES").ok();
    let cases = set.and_then(|cases| cases.parse().ok()).unwrap_or(3_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Arbitrary texts, and nearly valid ones.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9A-Z._/:@-]{0,40}",
        "[a-z0-9-]{60,66}",
        "[a-z]{1,5}([._/-]{1,3}[a-z0-9]{1,5}){0,6}",
        "(registry.digitalocean.com/)?[a-z]{1,8}/[a-z]{1,8}(:[a-z0-9]{1,8})?(@sha256:[0-9a-f]{64})?",
        "sha256:[0-9a-fA-F]{60,66}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}",
    ]
}

fn holds_for<T>()
where
    T: FromStr<Err = InvalidInput> + Display + PartialEq + std::fmt::Debug,
{
    let property = |text: String| {
        match text.parse::<T>() {
            Ok(value) => {
                let again = value.to_string().parse::<T>();
                prop_assert_eq!(again.ok(), Some(value));
            }
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.starts_with(error.field()));
                prop_assert!(!message.chars().any(char::is_control), "{:?}", message);
                let length = error.value().chars().count();
                prop_assert!(
                    error
                        .position()
                        .is_none_or(|p| (1..=length + 1).contains(&p))
                );
            }
        }
        Ok(())
    };
    TestRunner::new(config()).run(&texts(), property).unwrap();
}

#[test]
fn parsing_a_registry_name_never_panics_and_round_trips() {
    holds_for::<RegistryName>();
}

#[test]
fn parsing_a_repository_name_never_panics_and_round_trips() {
    holds_for::<RepositoryName>();
}

#[test]
fn parsing_a_tag_never_panics_and_round_trips() {
    holds_for::<Tag>();
}

#[test]
fn parsing_a_digest_never_panics_and_round_trips() {
    holds_for::<Digest>();
}

#[test]
fn parsing_an_image_reference_never_panics_and_round_trips() {
    holds_for::<ImageRef>();
}

#[test]
fn parsing_an_id_never_panics_and_round_trips() {
    holds_for::<CertificateId>();
    holds_for::<ClusterId>();
    holds_for::<GarbageCollectionId>();
}

#[test]
fn an_open_enum_reads_any_text_and_writes_it_back() {
    let property = |text: String| {
        let json = serde_json::Value::from(text.clone());
        let tier: TierSlug = serde_json::from_value(json.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&tier).unwrap(), json);
        prop_assert_eq!(
            text.parse::<TierSlug>().is_ok(),
            !matches!(tier, TierSlug::Other(_))
        );
        Ok(())
    };
    TestRunner::new(config()).run(&texts(), property).unwrap();
}
