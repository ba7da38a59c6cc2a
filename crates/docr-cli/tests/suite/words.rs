//! Error messages: what happened, the cause, a hint, and the request id; never the name of an operation.

use std::{fs, path::Path};

use docr_sandbox::{Clock, Sandbox, ScriptedResponse};
use serde_json::json;

use crate::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_cause_and_a_hint() {
    let noon = "2026-01-01T12:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder().clock(Clock::manual(noon));
    let sandbox = sandbox.start().await.unwrap();
    sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox);
    let refuse = |operation: &str, status: u16, message: &str| {
        let response =
            ScriptedResponse::json(status, json!({ "id": "failed", "message": message }));
        sandbox.respond_next(operation, response).unwrap();
    };
    let mut all = String::new();
    let mut run = |line: &str| {
        let ended = shell.run(line);
        for operation in docr_api::operations::ALL {
            assert!(!ended.err.contains(operation.id), "{line}: {ended}");
        }
        assert_no_rust(line, &ended.err, &[]);
        all += &format!("$ docr {line}\n{ended}\n");
    };
    run("tag list nowhere/at-all");
    run("tag list registry.digitalocean.com/other/api");
    run("tag list https://ghcr.io/other/api");
    run("image show shop/api:none");
    run("image show shop/api");
    run("image show shop%2Fapi:Latest");
    run("repository delete Shop/Web --yes");
    run("registry create Sample --tier basic");
    run("registry create sample --tier basic");
    run("registry tier gold");
    run("tag delete registry.digitalocean.com/a/b:c registry.digitalocean.com/d/e:f --yes");
    run("--registry sample tag list registry.digitalocean.com/other/api");
    run("repositry list");
    run("tag list shop/api --colums tag");
    run("tag list shop/api --columns tag,colour");
    run("tag list shop/api --sort size:down");
    run("tag list shop/api --columns tag --output json");
    run("login --output csv");
    run("gc wait --registry nowhere");
    run("registry delete sample --yes --limit 3");
    run("registry get");
    run("registry repository list-v2");
    run("registry list --format Name,Region");
    run("registry list --outptu json");
    run("registry create acme --subscription-tier basic");
    run("--access-token dop_v1_x registry list");
    run("tag list shop/api --limit 0");
    run("prune --plan --keep-newest few");
    run("login --expires-in 40000d");
    run("login --dry-run --expires-in 40000d");
    run("configure-docker --expires-in 40000d");
    run("registry list --api-url http://example.com");
    run("certificate rotate shop-front new --dns-name example.com --dry-run");
    run("cluster unlink staging --yes");
    refuse(
        "kubernetes_list_clusters",
        403,
        "You are missing the required permission kubernetes:read.",
    );
    run("cluster link staging");
    refuse(
        "registries_update_subscription",
        412,
        "registry is not eligible for tier because: [OverStorageLimit]",
    );
    run("registry tier starter");
    refuse(
        "certificates_delete",
        403,
        "Make sure the certificate is not in use before deleting it",
    );
    run("certificate delete shop-front --yes");
    refuse(
        "registries_delete_repositoryTag",
        403,
        "You are not authorized to perform this operation",
    );
    run("tag delete shop/api:latest --yes");
    refuse("registries_create", 409, "name already exists");
    run("registry create taken --tier basic");
    insta::with_settings!({
        omit_expression => true,
        filters => [(r"request id: [0-9a-f-]{36}", "request id: [id]")],
    }, { insta::assert_snapshot!("words", all) });
}

/// No text has Rust paths, or identifiers between backticks other than keys of the user's files.
fn assert_no_rust(place: &str, text: &str, keys: &[String]) {
    assert!(!text.contains("::"), "{place}: {text}");
    let pieces: Vec<_> = text.split('`').collect();
    for place_of_quote in (1..pieces.len()).step_by(2) {
        let (before, quoted) = (pieces[place_of_quote - 1], pieces[place_of_quote]);
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let is_identifier = quoted.trim_end_matches("()").chars().all(is_of_name);
        // The error about a user's file quotes an unknown key.
        let is_key = keys.iter().any(|key| key == quoted) || before.ends_with("unknown field ");
        assert!(!is_identifier || is_key, "{place}: {before}`{quoted}`");
    }
}

#[test]
fn no_output_has_names_of_rust_items() {
    let schema = Shell::new().run("prune --schema").out;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let mut keys = vec!["latest".to_owned()];
    let types = schema["$defs"].as_object().unwrap().values();
    for type_ in types.chain([&schema]) {
        let properties = type_["properties"].as_object();
        keys.extend(properties.into_iter().flat_map(|all| all.keys().cloned()));
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut read = 0;
    for directory in ["snapshots", "suite/snapshots", "usage_and_try/snapshots"] {
        for file in fs::read_dir(tests.join(directory)).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            // The header is insta's.
            let (_, shown) = text.split_once("\n---\n").unwrap();
            assert_no_rust(&path.display().to_string(), shown, &keys);
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_registries_one_must_be_chosen() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox);
    let created = shell.run("registry create second");
    assert_eq!(created.code, 0, "{created}");
    let which = shell.run("repository list");
    assert_eq!(which.code, 2);
    assert!(
        which
            .err
            .contains("choose one with --registry: sample, second"),
        "{which}"
    );
    let legacy = shell.run("--legacy repository list");
    assert!(legacy.err.contains("hint: leave out --legacy."), "{legacy}");
    assert_eq!(
        shell
            .run("tag list registry.digitalocean.com/sample/shop/api")
            .code,
        0
    );
}
