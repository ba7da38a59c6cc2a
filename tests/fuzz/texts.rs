//! Texts that are parsed without a server: names, policies, plans, configurations, certificates, documents, seeds of a
//! sandbox.

use std::{fmt::Display, fs, path::Path, str::FromStr};

use docr::{
    CertificateId, ClusterId, CreateCertificate, Digest, DockerConfig, GarbageCollectionId,
    ImageRef, InvalidInput, RegistryName, RepositoryName, Secret, Tag,
    retention::{Age, ManifestDocument, MaxDelete, NamePattern, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::{Seed, test_certificate, test_certificate_with_chain};
use docr_tests::sandbox::noon;

use super::{Inputs, SECRET, assert_hides_secret, assert_presentable};

fn parses<T>(text: &str)
where
    T: FromStr<Err = InvalidInput> + Display + PartialEq + std::fmt::Debug,
{
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            assert_eq!(printed.parse::<T>().as_ref(), Ok(&value), "{printed:?}");
            assert_eq!(printed.parse::<T>().unwrap().to_string(), printed);
        }
        Err(error) => {
            let message = error.to_string();
            assert_presentable(&message);
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
    }
}

#[test]
fn names_and_similar_texts() {
    Inputs::of("names", 1).check_texts(|text| {
        parses::<RegistryName>(text);
        parses::<RepositoryName>(text);
        parses::<Tag>(text);
        parses::<Digest>(text);
        parses::<ImageRef>(text);
        parses::<CertificateId>(text);
        parses::<ClusterId>(text);
        parses::<GarbageCollectionId>(text);
        parses::<Age>(text);
        parses::<MaxDelete>(text);
        parses::<NamePattern>(text);
    });
}

/// The policies of the golden tests.
fn policies() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("retention");
    let mut cases: Vec<_> = { fs::read_dir(directory).unwrap() }
        .map(|case| case.unwrap().path().join("rules.toml"))
        .collect();
    cases.sort();
    cases.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn retention_policies() {
    Inputs::with("policies", policies(), 2).check_texts(|text| {
        match RetentionPolicy::from_toml(text) {
            Ok(policy) => {
                let json = serde_json::to_string(&policy).unwrap();
                let again: RetentionPolicy = serde_json::from_str(&json).unwrap();
                assert_eq!(again, policy);
            }
            Err(error) => assert_presentable(&error.to_string()),
        }
    });
}

#[test]
fn retention_plans() {
    Inputs::of("plans", 4).check_texts(|text| match RetentionPlan::from_json(text) {
        Ok(plan) => {
            let json = serde_json::to_string(&plan).unwrap();
            assert_eq!(RetentionPlan::from_json(&json), Ok(plan.clone()));
            assert!(plan.to_string().len() < 20 * text.len() + 10_000);
        }
        Err(error) => assert_presentable(&error.to_string()),
    });
}

#[test]
fn docker_configurations() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    Inputs::of("docker", 4).check(|input| {
        fs::write(&path, input).unwrap();
        let mut config = match DockerConfig::load(&path) {
            Ok(config) => config,
            Err(error) => return assert_presentable(&format!("{error} {error:?}")),
        };
        assert_hides_secret(&format!("{config:?}"));
        let parts = [
            config.password().map(|_| ()),
            config.helper().map(|_| ()),
            config.remove().map(|_| ()),
        ];
        for error in parts.into_iter().filter_map(Result::err) {
            assert_presentable(&format!("{error} {error:?}"));
        }
        // What was removed stays removed.
        if config.save().is_ok() {
            let mut again = DockerConfig::load(&path).unwrap();
            assert!(!again.remove().unwrap_or(false));
        }
    });
}

#[test]
fn certificates_and_their_keys() {
    let expiry = "2027-01-01T00:00:00Z".parse().unwrap();
    let pairs = [
        test_certificate(["shop.example.com"]),
        test_certificate_with_chain(["shop.example.com"], expiry),
    ];
    let corpus = pairs.iter().map(|pair| {
        let chain = pair.chain.as_deref().unwrap_or_default();
        format!("{}\n{}\n{chain}", pair.private_key, pair.leaf).into_bytes()
    });
    let own = &pairs[0];
    let key_lines: Vec<_> = own
        .private_key
        .lines()
        .filter(|line| line.len() > 20 && !line.starts_with('-'))
        .collect();
    let assert_hides_key = |message: &str| {
        assert_presentable(message);
        let shows = |line: &&str| message.contains(&line[..16]);
        assert!(!key_lines.iter().any(shows), "the key is shown: {message}");
    };
    Inputs::with("certificates", corpus.collect(), 4).check_texts(|text| {
        // In each field, with valid values in the others.
        let all = [
            CreateCertificate::custom("shop", Secret::from(text), own.leaf.as_str()),
            CreateCertificate::custom("shop", own.private_key.as_str(), text),
            CreateCertificate::custom("shop", own.private_key.as_str(), own.leaf.as_str())
                .chain(text),
        ];
        for wanted in all {
            if let Err(error) = wanted.check(noon()) {
                assert_hides_key(&format!("{error} {error:?}"));
            }
            assert_hides_key(&format!("{wanted:?}"));
        }
    });
}

#[test]
fn manifest_documents() {
    Inputs::of("documents", 1).check(|input| {
        let read = ManifestDocument::from_bytes(None, input);
        let size: usize = read.parts.iter().map(|part| part.len()).sum();
        assert!(size <= input.len(), "more parts than the input has");
        let typed = ManifestDocument::from_bytes(read.media_type.as_deref(), input);
        assert!(typed == read, "reading with its media type differs");
    });
}

#[test]
fn seeds_of_a_sandbox() {
    Inputs::of("seeds", 2).check_texts(|text| {
        if let Err(error) = Seed::from_json(text) {
            assert_presentable(&error.to_string());
            assert_presentable(error.place());
        }
    });
}

#[test]
fn the_corpus_contains_secrets() {
    // Otherwise the targets would prove nothing.
    for target in ["docker", "errors"] {
        let mut inputs = Inputs::of(target, 1);
        let has_secret = |input: &[u8]| {
            input
                .windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes())
        };
        assert!(inputs.any(|(input, _)| has_secret(&input)), "{target}");
    }
}
