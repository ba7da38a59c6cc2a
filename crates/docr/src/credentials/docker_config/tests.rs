//! Configurations of Docker's as people have them.

use docr_api::types;

use super::*;
use crate::CredentialsRequest;

const HOST: &str = DockerCredentials::HOST;

fn credentials() -> DockerCredentials {
    let response = r#"{"auths": {"registry.digitalocean.com": {"auth": "bmV3OnNlY3JldA=="}}}"#;
    let response: types::DockerCredentials = serde_json::from_str(response).unwrap();
    DockerCredentials::new(response, CredentialsRequest::read_only()).unwrap()
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
fn unknown_fields_stay_byte_for_byte_and_in_order() {
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
fn the_failure_of_a_helper_is_reported_and_the_file_is_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    for (text, said) in [
        (
            r#"{"credsStore": "not-there-\u001b"}"#,
            "this is not a valid name of a helper",
        ),
        (
            r#"{"credHelpers": {"registry.digitalocean.com": "../../bin/sh"}}"#,
            "this is not a valid name of a helper",
        ),
        (r#"{"credsStore": "docr-has-none"}"#, "No such file"),
    ] {
        fs::write(&path, text).unwrap();
        let mut config = DockerConfig::load(&path).unwrap();
        config.insert(&credentials()).unwrap();
        let error = config.save().unwrap_err().to_string();
        assert!(error.starts_with("the credential helper \""), "{error}");
        assert!(error.contains(said) && !error.contains('\u{1b}'), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert!(config.password().is_err());
    }
}

#[test]
fn an_empty_helper_name_counts_as_no_helper() {
    for (before, after) in [
        (
            r#"{"credHelpers": {"registry.digitalocean.com": ""}}"#,
            None,
        ),
        (
            r#"{"credsStore": "", "credHelpers": {"ghcr.io": "pass", "registry.digitalocean.com": ""}}"#,
            Some(r#""credHelpers": {"ghcr.io":"pass"}"#),
        ),
    ] {
        let text = inserted(before);
        assert!(text.contains("bmV3OnNlY3JldA=="), "{text}");
        assert_eq!(text.contains("credHelpers"), after.is_some(), "{text}");
        assert!(text.contains(after.unwrap_or_default()), "{text}");
    }
}

#[test]
fn changes_that_others_made_meanwhile_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, "{}").unwrap();
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials()).unwrap();
    fs::write(&path, r#"{"auths": {"ghcr.io": {"auth": "b2xk"}}, "x": 1}"#).unwrap();
    config.save().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(r#""ghcr.io":{"auth": "b2xk"}"#) && text.contains(r#""x": 1"#),
        "{text}"
    );
    let config = DockerConfig::load(&path).unwrap();
    assert_eq!(config.password().unwrap().unwrap().expose(), "secret");
}

#[test]
fn concurrent_programs_lose_none_of_each_others_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let programs: Vec<_> = (0..8)
        .map(|number| {
            let path = path.clone();
            std::thread::spawn(move || {
                // As another program of this crate would, with a host of its own.
                let target = place::behind_links(&path).unwrap();
                let _lock = place::lock(&target).unwrap();
                let mut fields = read(&target).unwrap();
                let mut auths = object(&target, &fields, "auths").unwrap();
                auths.set(&format!("host-{number}"), raw(&json!({})));
                fields.set("auths", raw(&auths));
                place::replace(&target, &to_text(&fields)).unwrap();
            })
        })
        .collect();
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials()).unwrap();
    config.save().unwrap();
    for program in programs {
        program.join().unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    for host in (0..8)
        .map(|number| format!("host-{number}"))
        .chain([HOST.to_owned()])
    {
        assert!(text.contains(&host), "{host}: {text}");
    }
}

#[test]
fn credentials_are_removed_and_the_others_stay() {
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
fn with_nothing_to_remove_the_file_is_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    for text in [
        "{\n\t\"auths\": { \"ghcr.io\" : {} }\n}\n",
        "{\n\t\"credHelpers\": { \"ghcr.io\" : \"gh\" }\n}\n",
    ] {
        fs::write(&path, text).unwrap();
        let mut config = DockerConfig::load(&path).unwrap();
        assert!(!config.remove().unwrap());
        config.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn an_invalid_configuration_is_refused_without_quoting_it_and_left_unchanged() {
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
            shown.contains("config.json is not a valid Docker configuration")
                && !shown.contains("hunter2"),
            "{shown}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_file_that_is_not_text_is_an_error_and_not_an_empty_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, [b'{', 0xff, b'}']).unwrap();
    let error = DockerConfig::load(&path).unwrap_err();
    assert!(matches!(error, DockerConfigError::Io { .. }), "{error}");
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
fn a_file_keeps_its_mode_and_a_new_one_is_private_even_behind_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
    fs::write(at("real.json"), "{}").unwrap();
    fs::set_permissions(at("real.json"), fs::Permissions::from_mode(0o644)).unwrap();
    symlink("real.json", at("near.json")).unwrap();
    symlink(at("near.json"), at("far.json")).unwrap();
    symlink("elsewhere/new.json", at("dangling.json")).unwrap();
    for (link, real, expected) in [
        ("far.json", "real.json", 0o644),
        ("dangling.json", "elsewhere/new.json", 0o600),
    ] {
        let mut config = DockerConfig::load(at(link)).unwrap();
        config.insert(&credentials()).unwrap();
        config.save().unwrap();
        assert_eq!(mode(real), expected, "{link}");
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
        assert!(
            fs::read_to_string(at(real)).unwrap().contains(HOST),
            "{link}"
        );
    }
    symlink("round.json", at("round.json")).unwrap();
    let error = match DockerConfig::load(at("round.json")) {
        Ok(config) => config.save().unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, DockerConfigError::Io { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_unicode() {
    use std::os::unix::ffi::OsStringExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory
        .path()
        .join(std::ffi::OsString::from_vec(vec![b'a', 0xff, b'b']));
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials()).unwrap();
    config.save().unwrap();
    assert!(fs::read_to_string(path).unwrap().contains(HOST));
}

#[test]
fn the_helper_of_a_host_is_added_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let helper = || DockerConfig::load(&path).unwrap().helper().unwrap();
    fs::write(&path, r#"{"credHelpers": {"ghcr.io": "gh"}, "auths": {}}"#).unwrap();
    assert_eq!(helper(), None);
    let mut config = DockerConfig::load(&path).unwrap();
    config.use_helper(Some("docr")).unwrap();
    config.save().unwrap();
    assert_eq!(helper().as_deref(), Some("docr"));
    let mut config = DockerConfig::load(&path).unwrap();
    config.use_helper(None).unwrap();
    config.save().unwrap();
    assert_eq!(helper(), None);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""ghcr.io":"gh""#), "{text}");
    fs::write(&path, r#"{"credHelpers": []}"#).unwrap();
    let mut config = DockerConfig::load(&path).unwrap();
    assert!(config.helper().is_err());
    assert!(config.use_helper(Some("docr")).is_err());
}
