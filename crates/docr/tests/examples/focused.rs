//! The examples of one job each: they end well, and say what they have done.

use std::{fs, path::Path};

use crate::example;

/// Each example, and a line of what it prints.
const PRINTED: [(&str, &str); 12] = [
    ("create_registry", "acme-images already exists"),
    ("docker_login", "no valid credential is left behind"),
    ("garbage_collection", "succeeded: 41943"),
    ("handle_errors", "the call may have taken effect"),
    ("jobs", "shop-2026 was deleted"),
    ("kubernetes_secret", "type: kubernetes.io/dockerconfigjson"),
    ("list_everything", "shop/api: page 3, 5 tags"),
    ("own_http_client", "user-agent: acme-deploy/1.4 docr/"),
    ("prune", "2 deleted"),
    ("record_and_replay", "the program does what was recorded"),
    ("rotate_certificate", "shop-2026 was replaced by shop-2027"),
    ("shared_rate_limit", "25 requests of two clients took"),
];
/// These have tests of their own.
const ELSEWHERE: [&str; 2] = ["telemetry", "tour"];
/// Built only with the features `oci` and `retention`.
const NEED_FEATURES: [&str; 2] = ["jobs", "prune"];

#[test]
fn each_example_succeeds_and_prints_what_it_did() {
    for (name, line) in PRINTED {
        if NEED_FEATURES.contains(&name) && !cfg!(all(feature = "oci", feature = "retention")) {
            continue;
        }
        let output = example(name).output().expect("the example starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        assert!(printed.contains(line), "{name}: {printed}");
    }
}

#[test]
fn every_example_has_a_test() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(directory).expect("the examples");
    let mut names: Vec<_> = files
        .map(|file| file.expect("an entry").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let mut tested: Vec<_> = PRINTED.map(|(name, _)| name).into();
    tested.extend(ELSEWHERE);
    tested.sort_unstable();
    assert_eq!(names, tested);
}
