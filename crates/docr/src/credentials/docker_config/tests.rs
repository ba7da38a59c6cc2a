//! Configurations of Docker's as people have them.

use docr_api::types;

use super::*;
use crate::CredentialsRequest;

fn credentials() -> DockerCredentials {
    let answer = r#"{"auths": {"registry.digitalocean.com": {"auth": "bmV3OnNlY3JldA=="}}}"#;
    let answer: types::DockerCredentials = serde_json::from_str(answer).unwrap();
    DockerCredentials::new(answer, CredentialsRequest::read_only())
}

/// What becomes of a file when credentials are put in.
fn inserted(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, text).unwrap();
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials()).unwrap();
    config.save().unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    fs::read_to_string(path).unwrap()
}

#[test]
fn what_it_does_not_know_stays_to_the_byte_and_in_its_order() {
    let text = inserted(
        r#"{"zeta": {"b": 1.000, "a": [1,  2]}, "auths": {"ghcr.io": {"auth": "b2xk", "x": 1e400}, "registry.digitalocean.com": {"auth": "b2xk"}}, "HttpHeaders": {"User-Agent": "ü"}}"#,
    );
    let expected = concat!(
        "{\n\t\"zeta\": {\"b\": 1.000, \"a\": [1,  2]},\n",
        "\t\"auths\": {\"ghcr.io\":{\"auth\": \"b2xk\", \"x\": 1e400},",
        "\"registry.digitalocean.com\":{\"auth\":\"bmV3OnNlY3JldA==\"}},\n",
        "\t\"HttpHeaders\": {\"User-Agent\": \"ü\"}\n}\n"
    );
    assert_eq!(text, expected);
    // Put in again it is the same file.
    assert_eq!(inserted(&text), text);
}

#[test]
fn an_empty_or_missing_file_becomes_one_with_credentials() {
    let expected =
        "{\n\t\"auths\": {\"registry.digitalocean.com\":{\"auth\":\"bmV3OnNlY3JldA==\"}}\n}\n";
    for text in ["", " \n", "{}", r#"{"auths": null}"#] {
        assert_eq!(inserted(text), expected);
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("not/there/config.json");
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials()).unwrap();
    config.save().unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), expected);
}

#[test]
fn a_credential_helper_does_not_hide_the_credentials() {
    for text in [
        r#"{"credsStore": "desktop"}"#,
        r#"{"credHelpers": {"registry.digitalocean.com": "pass"}}"#,
    ] {
        let text = inserted(text);
        assert!(
            text.contains(r#""credHelpers": {"registry.digitalocean.com":""}"#),
            "{text}"
        );
    }
    let text = inserted(r#"{"credsStore": "", "credHelpers": {"ghcr.io": "pass"}}"#);
    assert!(
        text.contains(r#""credHelpers": {"ghcr.io": "pass"}"#),
        "{text}"
    );
}

#[test]
fn credentials_are_taken_out_and_the_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, inserted(r#"{"auths": {"ghcr.io": {}}}"#)).unwrap();
    let mut config = DockerConfig::load(&path).unwrap();
    assert!(config.remove().unwrap());
    assert!(!config.remove().unwrap());
    config.save().unwrap();
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        "{\n\t\"auths\": {\"ghcr.io\":{}}\n}\n"
    );
}

#[test]
fn what_is_no_configuration_is_refused_without_showing_it_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    for text in [
        "[\"hunter2\"]",
        "hunter2",
        "{\"auths\": \"hunter2\"}",
        "{\"a\": hunter2}",
    ] {
        fs::write(&path, text).unwrap();
        let error = match DockerConfig::load(&path) {
            Ok(mut config) => config.insert(&credentials()).unwrap_err(),
            Err(error) => error,
        };
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("config.json is no configuration") && !shown.contains("hunter2"),
            "{shown}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn no_value_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, inserted("{}")).unwrap();
    let config = DockerConfig::load(&path).unwrap();
    assert!(!format!("{config:?}").contains("bmV3"));
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owner_s_alone_also_behind_a_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (
        directory.path().join("real.json"),
        directory.path().join("config.json"),
    );
    fs::write(&real, "{}").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&real, &link).unwrap();
    let mut config = DockerConfig::load(&link).unwrap();
    config.insert(&credentials()).unwrap();
    config.save().unwrap();
    assert_eq!(
        fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
