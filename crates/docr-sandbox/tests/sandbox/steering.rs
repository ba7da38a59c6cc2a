//! Faults, clocks, tokens and limits, controlled from Rust. Control over HTTP does the same.

use std::time::Duration;

use docr_sandbox::{
    Clock, Fault, GcStep, Image, RateLimits, Sandbox, ScriptError, ScriptedResponse, Seed,
    TokenSeed, TokenSeedError,
};
use serde_json::{Value, json};

async fn status(sandbox: &Sandbox, token: &str, path: &str) -> u16 {
    let request = reqwest::Client::new().get(format!("{}{path}", sandbox.url()));
    request
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn seeded(text: Value) -> Sandbox {
    let seed = Seed::from_json(&text.to_string()).unwrap();
    Sandbox::builder().content(seed).start().await.unwrap()
}

#[tokio::test]
async fn a_fault_applies_to_the_requests_that_it_matches_and_counts_them() {
    let sandbox = Sandbox::start().await.unwrap();
    let busy = Fault::response(ScriptedResponse::status(503))
        .path("/v2/registries")
        .skip(1)
        .times(1);
    let id = sandbox.add_fault(busy).unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(status(&sandbox, sandbox.token(), "/v2/registries").await);
    }
    assert_eq!(seen, [200, 503, 200]);
    let count = sandbox.faults()[0];
    assert_eq!((count.id, count.matched, count.applied), (id, 3, 1));
    let applied: Vec<_> = sandbox
        .requests()
        .iter()
        .map(|request| request.fault)
        .collect();
    assert_eq!(applied, [None, Some(id), None]);
    assert!(sandbox.remove_fault(id) && !sandbox.remove_fault(id));
}

#[tokio::test]
async fn the_connection_is_dropped_before_or_after_the_request_is_carried_out() {
    let sandbox = Sandbox::start().await.unwrap();
    for (fault, created) in [
        (Fault::reset(), false),
        (Fault::lost(), true),
        (Fault::cut_off(5), true),
    ] {
        sandbox.reset();
        sandbox
            .add_fault(fault.operation("registries_create"))
            .unwrap();
        let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
        let request = reqwest::Client::new().post(format!("{}/v2/registries", sandbox.url()));
        let sent = request
            .bearer_auth(sandbox.token())
            .json(&body)
            .send()
            .await;
        let arrived = match sent {
            Ok(response) => response.bytes().await.is_ok(),
            Err(_) => false,
        };
        assert!(!arrived);
        let found = status(&sandbox, sandbox.token(), "/v2/registries/acme").await == 200;
        assert_eq!(found, created);
    }
}

#[tokio::test]
async fn a_fault_that_can_never_apply_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let refused = |fault| sandbox.add_fault(fault).unwrap_err();
    assert!(matches!(
        refused(Fault::reset().operation("get_registry")),
        ScriptError::UnknownOperation(_, nearest) if nearest == "registry_get"
    ));
    assert!(matches!(
        refused(Fault::reset().path("[")),
        ScriptError::Path(..)
    ));
    for share in [-0.1, 1.1, f64::NAN] {
        assert_eq!(
            refused(Fault::reset().probability(share, 0)),
            ScriptError::Probability
        );
    }
    assert_eq!(
        refused(Fault::response(ScriptedResponse::status(42))),
        ScriptError::Status(42)
    );
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_snapshot_restores_content_limits_and_time() {
    let start = "2026-01-12T09:30:00Z".parse().unwrap();
    let builder = Sandbox::builder().clock(Clock::manual(start)).sample(true);
    let sandbox = builder.start().await.unwrap();
    let before = sandbox.snapshot();
    assert_eq!(before.taken_at(), start);

    assert!(sandbox.delete("sample", "shop/web", "latest"));
    sandbox
        .push("sample", Image::new("more").tag("v1").layer("x"))
        .unwrap();
    sandbox.set_rate_limits(RateLimits {
        per_minute: 1,
        per_hour: 1,
    });
    sandbox.clock().advance(Duration::from_secs(60));
    sandbox.restore(&before);

    assert_eq!(sandbox.clock().now(), start);
    for (path, wanted) in [("shop%2Fweb", 200), ("more", 404)] {
        let path = format!("/v2/registries/sample/repositories/{path}/tags");
        assert_eq!(status(&sandbox, sandbox.token(), &path).await, wanted);
    }
    assert_eq!(
        status(&sandbox, sandbox.token(), "/v2/registries").await,
        200,
        "the limits are back"
    );
}

#[tokio::test]
async fn a_snapshot_keeps_the_content_of_blobs_deleted_later() {
    let sandbox = seeded(json!({ "accounts": [{ "registries": [{ "name": "acme" }] }] })).await;
    let blob = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let pull = || async {
        let url = format!("{}/v2/acme/app/blobs/{blob}", sandbox.url());
        let request = reqwest::Client::new().get(url);
        let token = sandbox.token();
        request.basic_auth(token, Some(token)).send().await.unwrap()
    };
    let url = format!("{}/v2/acme/app/blobs/uploads/?digest={blob}", sandbox.url());
    let request = reqwest::Client::new().post(url).body("x");
    let pushed = request
        .basic_auth(sandbox.token(), Some(sandbox.token()))
        .send()
        .await
        .unwrap();
    assert_eq!(pushed.status(), 201);
    let before = sandbox.snapshot();
    sandbox.reset();
    assert_eq!(pull().await.status(), 404);
    sandbox.restore(&before);
    assert_eq!(pull().await.text().await.unwrap(), "x");
}

#[tokio::test]
async fn a_token_grants_only_its_scopes_until_it_expires() {
    let clock = Clock::manual("2026-01-12T09:30:00Z".parse().unwrap());
    let sandbox = Sandbox::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let reader = TokenSeed::new()
        .scopes(["registry:read"])
        .lives(Duration::from_secs(60));
    let reader = sandbox.add_token(reader).unwrap();
    assert_eq!(status(&sandbox, &reader, "/v2/registries").await, 200);
    assert_eq!(status(&sandbox, &reader, "/v2/certificates").await, 403);
    clock.advance(Duration::from_secs(60));
    assert_eq!(status(&sandbox, &reader, "/v2/registries").await, 401);

    let named = TokenSeed::new().text("mine").account_of(sandbox.token());
    assert_eq!(sandbox.add_token(named.clone()).unwrap(), "mine");
    assert_eq!(sandbox.add_token(named).unwrap_err(), TokenSeedError::Taken);
    let refused = |seed| sandbox.add_token(seed).unwrap_err();
    assert_eq!(
        refused(TokenSeed::new().text("a b")),
        TokenSeedError::Malformed
    );
    assert_eq!(
        refused(TokenSeed::new().account_of("none")),
        TokenSeedError::UnknownAccount
    );
    let unknown = refused(TokenSeed::new().scopes(["registry:fly"]));
    assert!(unknown.to_string().contains("registry:read"), "{unknown}");
    assert!(sandbox.expire_token("mine") && !sandbox.expire_token("none"));
    assert_eq!(status(&sandbox, "mine", "/v2/registries").await, 401);
}

#[tokio::test]
async fn a_garbage_collection_can_be_advanced_without_the_clock() {
    let clock = Clock::manual("2026-01-12T09:30:00Z".parse().unwrap());
    let sandbox = Sandbox::builder()
        .clock(clock.clone())
        .sample(true)
        .start()
        .await
        .unwrap();
    let start = || async {
        let url = format!("{}/v2/registries/sample/garbage-collection", sandbox.url());
        let request = reqwest::Client::new()
            .post(url)
            .bearer_auth(sandbox.token());
        request.send().await.unwrap().status()
    };
    assert_eq!(
        sandbox.move_garbage_collection("sample", GcStep::Next),
        None
    );
    assert_eq!(start().await, 201);
    let mut states = Vec::new();
    while let Some(state) = sandbox.move_garbage_collection("sample", GcStep::Next) {
        states.push(state);
    }
    assert_eq!(
        states,
        [
            "waiting for write JWTs to expire",
            "scanning manifests",
            "deleting unreferenced blobs",
            "succeeded"
        ]
    );
    assert_eq!(start().await, 201);
    let ended = sandbox.move_garbage_collection("sample", GcStep::End);
    assert_eq!(ended.as_deref(), Some("succeeded"));
    assert_eq!(start().await, 201);
    let failed = sandbox.move_garbage_collection("sample", GcStep::Fail);
    assert_eq!(failed.as_deref(), Some("failed"));
    assert!(
        sandbox
            .push("sample", Image::new("shop/api").tag("new"))
            .is_ok(),
        "it can be written to"
    );
    assert_eq!(sandbox.clock().now(), clock.now());
}

#[tokio::test]
async fn the_newest_requests_are_kept_up_to_a_number() {
    let sandbox = Sandbox::builder().keep_requests(2).start().await.unwrap();
    for _ in 0..3 {
        status(&sandbox, sandbox.token(), "/v2/registries").await;
    }
    let kept = sandbox.requests();
    let numbers: Vec<_> = kept.iter().map(|request| request.number).collect();
    assert_eq!(numbers, [2, 3]);
    let body: Value = serde_json::from_str(&kept[0].response_body).unwrap();
    assert_eq!(body["registries"], json!([]));
    assert_eq!(kept[0].response_headers["content-type"], "application/json");

    let forgetful = Sandbox::builder().keep_requests(0).start().await.unwrap();
    status(&forgetful, forgetful.token(), "/v2/registries").await;
    assert!(forgetful.requests().is_empty());
}

#[tokio::test]
async fn a_sandbox_with_data_applies_its_seed_once() {
    let folder = tempfile::tempdir().unwrap();
    let seed = json!({ "accounts": [{ "registries": [{ "name": "acme" }] }] }).to_string();
    let start = || {
        let seed = Seed::from_json(&seed).unwrap();
        Sandbox::builder().data(folder.path()).content(seed).start()
    };
    let sandbox = start().await.unwrap();
    let url = format!("{}/v2/registries/acme", sandbox.url());
    let request = reqwest::Client::new()
        .delete(url)
        .bearer_auth(sandbox.token());
    assert_eq!(request.send().await.unwrap().status(), 204);
    let add = json!({ "accounts": [{ "registries": [{ "name": "other" }] }] }).to_string();
    sandbox.seed(&Seed::from_json(&add).unwrap()).unwrap();
    sandbox.stop().await;

    let sandbox = start().await.unwrap();
    assert_eq!(
        status(&sandbox, sandbox.token(), "/v2/registries/other").await,
        200
    );
    assert_eq!(
        status(&sandbox, sandbox.token(), "/v2/registries/acme").await,
        404
    );
}

#[tokio::test]
async fn a_certificate_of_a_seed_may_have_its_own_expiry() {
    let end = "2031-05-06T07:08:09Z";
    let certificate = json!({ "name": "old", "type": "custom", "dns_names": ["a.example.com"] });
    for not_after in [None, Some(end)] {
        let mut certificate = certificate.clone();
        if let Some(end) = not_after {
            certificate["not_after"] = end.into();
        }
        let account = json!({ "certificates": [certificate] });
        let sandbox = seeded(json!({ "accounts": [account] })).await;
        let url = format!("{}/v2/certificates", sandbox.url());
        let list = reqwest::Client::new().get(url).bearer_auth(sandbox.token());
        let list: Value = list.send().await.unwrap().json().await.unwrap();
        assert_eq!(
            list["certificates"][0]["not_after"] == end,
            not_after.is_some()
        );
    }
}
