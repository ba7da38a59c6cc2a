//! How errors are put: what happened, the cause, what to do, the request id last; never the name of a call.

use docr_sandbox::{Clock, Sandbox, ScriptedAnswer};
use serde_json::json;

use crate::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_happened_the_cause_and_what_to_do() {
    let noon = "2026-01-01T12:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder().clock(Clock::manual(noon));
    let sandbox = sandbox.start().await.unwrap();
    sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox);
    let refuse = |operation: &str, status: u16, message: &str| {
        let answer = ScriptedAnswer::json(status, json!({ "id": "failed", "message": message }));
        sandbox.answer_next(operation, answer).unwrap();
    };
    let mut all = String::new();
    let mut run = |line: &str| {
        let ended = shell.run(line);
        for operation in docr_api::operations::ALL {
            assert!(!ended.err.contains(operation.id), "{line}: {ended}");
        }
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

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_several_registries_is_asked_which_one_is_meant() {
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

#[test]
fn a_service_that_cannot_be_reached_is_said_with_the_cause_and_where_to_look() {
    let shell = Shell::new()
        .set("DIGITALOCEAN_TOKEN", "dop_v1_x")
        .set("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    let ended = shell.run("-v registry show sample");
    assert_eq!(ended.code, 1);
    for part in [
        "error: cannot connect to the service: ",
        "hint: check the network, the proxy and --api-url; nothing was sent.",
        "GET /v2/registries/{registry_name}: connect",
        "again in",
    ] {
        assert!(ended.err.contains(part), "{part}: {ended}");
    }
}
