use std::time::Duration;

use docr_sandbox::{GcTiming, Image};
use serde_json::json;

use super::{Client, image, refused, secret, sha256};
use crate::{Bench, Reply};

const TOKENS: &str = "/v2/registry/auth?service=registry.digitalocean.com";
const COLLECTION: &str = "/v2/registries/acme/garbage-collection";

/// Requests a token.
async fn ask(bench: &Bench, password: &str, scopes: &[&str]) -> Reply {
    let scopes: String = scopes
        .iter()
        .map(|scope| format!("&scope=repository:{scope}"))
        .collect();
    let client = Client::basic(bench, password.to_owned());
    client.get(&format!("{TOKENS}{scopes}")).await
}

/// A client with a token.
async fn issued<'a>(bench: &'a Bench, password: &str, scopes: &[&str]) -> Client<'a> {
    let reply = ask(bench, password, scopes).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!(body["expires_in"], 900);
    Client::bearer(bench, body["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_unauthorized_request_learns_where_to_get_a_token_and_for_which_scope() {
    let bench = Bench::with_registry("basic").await;
    let (url, digest) = (bench.sandbox.url(), sha256(b""));
    let realm = format!("Bearer realm=\"{url}/v2/registry/auth\"");
    let nobody = Client::bearer(&bench, "unknown".to_owned());
    for (method, path, scope) in [
        ("GET", "/v2/".to_owned(), ""),
        (
            "GET",
            "/v2/acme/a/tags/list".to_owned(),
            ",scope=\"repository:acme/a:pull\"",
        ),
        (
            "POST",
            format!("/v2/acme/a/blobs/uploads/?mount={digest}&from=acme/b"),
            ",scope=\"repository:acme/a:pull,push repository:acme/b:pull\"",
        ),
        (
            "DELETE",
            format!("/v2/acme/a/blobs/{digest}"),
            ",scope=\"repository:acme/a:delete\"",
        ),
    ] {
        let reply = nobody.send(method, &path, "").await;
        refused(&reply, 401, "UNAUTHORIZED");
        assert_eq!(
            reply.header("www-authenticate"),
            format!("{realm},service=\"registry.digitalocean.com\"{scope}")
        );
    }
    // The API's token is not a token of the registry's protocol.
    refused(
        &bench.get("/v2/acme/a/tags/list").await,
        401,
        "UNAUTHORIZED",
    );
}

#[tokio::test]
async fn a_token_grants_its_scopes_for_15_minutes() {
    let bench = Bench::with_registry("professional").await;
    let secret = secret(&bench, "?read_write=true").await;
    let client = issued(&bench, &secret, &["acme/shop/api:push,pull"]).await;
    assert_eq!(client.get("/v2/").await.status, 200);
    client.image("shop/api", "v1", b"layer").await;
    let elsewhere = client.get("/v2/acme/shop/web/tags/list").await;
    refused(&elsewhere, 403, "DENIED");
    let challenge = elsewhere.header("www-authenticate");
    assert!(
        challenge.ends_with(",error=\"insufficient_scope\""),
        "{challenge}"
    );
    // Pushing doesn't include deleting.
    let path = "/v2/acme/shop/api/manifests/v1";
    refused(&client.send("DELETE", path, "").await, 403, "DENIED");
    let all = issued(&bench, &secret, &["acme/shop/api:*"]).await;
    assert_eq!(all.send("DELETE", path, "").await.status, 202);

    bench.clock.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(client.get("/v2/").await.status, 200);
    bench.clock.advance(Duration::from_secs(1));
    refused(&client.get("/v2/").await, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn one_token_may_be_for_several_repositories() {
    let bench = Bench::with_registry("professional").await;
    let secret = secret(&bench, "?read_write=true").await;
    let client = issued(&bench, &secret, &["acme/a:pull,push", "acme/b:pull,push"]).await;
    let digest = client.blob("a", b"shared").await;
    let mount = format!("/v2/acme/b/blobs/uploads/?mount={digest}&from=acme/a");
    assert_eq!(client.send("POST", &mount, "").await.status, 201);
}

#[tokio::test]
async fn the_api_token_is_also_a_password() {
    let bench = Bench::with_registry("basic").await;
    let token = bench.sandbox.token().to_owned();
    issued(&bench, &token, &["acme/a:pull,push"])
        .await
        .image("a", "v1", b"one")
        .await;
    Client::basic(&bench, token).image("a", "v2", b"two").await;
}

#[tokio::test]
async fn invalid_credentials_get_no_token_and_the_apis_reason() {
    let bench = Bench::with_registry("basic").await;
    let brief = secret(&bench, "?expiry_seconds=60").await;
    let revoked = secret(&bench, "").await;
    issued(&bench, &brief, &["acme/a:pull"]).await;
    let token = issued(&bench, &revoked, &["acme/a:pull"]).await;
    bench.clock.advance(Duration::from_secs(60));
    let form = bench
        .http
        .post(format!("{}/v1/oauth/revoke", bench.sandbox.url()))
        .bearer_auth(bench.sandbox.token())
        .body(format!("token={revoked}"));
    assert_eq!(Reply::read(form).await.status, 200);
    for bad in [&brief, &revoked, "unknown", ""] {
        let reply = ask(&bench, bad, &["acme/a:pull"]).await;
        assert_eq!(reply.status, 401);
        let said = json!({ "id": "Unauthorized", "message": "Unable to authenticate you" });
        assert_eq!(reply.json(), said);
        let direct = Client::basic(&bench, bad.to_owned()).get("/v2/").await;
        refused(&direct, 401, "UNAUTHORIZED");
    }
    let still = token.get("/v2/").await;
    assert_eq!(still.status, 200, "a token outlives its credential");
    let url = format!("{}{TOKENS}", bench.sandbox.url());
    assert_eq!(Reply::read(bench.http.get(&url)).await.status, 401);
    let posted = Reply::read(bench.http.post(&url).basic_auth("a", Some(&brief))).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn read_only_credentials_only_pull() {
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("a").layer("x").tag("v1");
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let secret = secret(&bench, "").await;
    let token = issued(&bench, &secret, &["acme/a:*"]).await;
    let basic = Client::basic(&bench, secret);
    let path = "/v2/acme/a/manifests/v1";
    for client in [&token, &basic] {
        assert_eq!(client.get(path).await.text, pushed.manifest);
        let push = client.send("POST", "/v2/acme/a/blobs/uploads/", "").await;
        refused(&push, 403, "DENIED");
        let message = push.json()["errors"][0]["message"].clone();
        assert_eq!(message, "requested access to the resource is denied");
        refused(&client.send("DELETE", path, "").await, 403, "DENIED");
        let put = client.put_manifest("a", "v1", &pushed.manifest).await;
        refused(&put, 403, "DENIED");
        let status = client.get("/v2/acme/a/blobs/uploads/1").await;
        refused(&status, 403, "DENIED");
    }
}

#[tokio::test]
async fn the_repository_limit_is_reported_when_a_token_is_requested() {
    let bench = Bench::with_registry("starter").await;
    let secret = secret(&bench, "?read_write=true").await;
    issued(&bench, &secret, &["acme/one:push,pull"])
        .await
        .image("one", "v1", b"x")
        .await;
    let refusal = ask(&bench, &secret, &["acme/two:push,pull"]).await;
    refused(&refusal, 403, "DENIED");
    let message = &refusal.json()["errors"][0]["message"];
    assert_eq!(*message, "registry contains 1 repositories, limit is 1");
    // Pulling, and pushing to existing repositories, is not affected; the same without a token.
    issued(&bench, &secret, &["acme/two:pull", "acme/one:push,pull"]).await;
    let direct = Client::basic(&bench, secret.clone());
    let started = direct.send("POST", "/v2/acme/two/blobs/uploads/", "").await;
    refused(&started, 403, "DENIED");
    let pulled = direct.get("/v2/acme/two/manifests/v1").await;
    refused(&pulled, 404, "NAME_UNKNOWN");

    // Several tokens that were issued for the last repository don't allow two.
    bench.delete("/v2/registries/acme/repositories/one").await;
    let both = issued(&bench, &secret, &["acme/b:push,pull", "acme/c:push,pull"]).await;
    both.image("b", "v1", b"x").await;
    both.blob("c", b"{}").await;
    both.blob("c", b"x").await;
    let second = both.put_manifest("c", "v1", &image(b"x", "")).await;
    refused(&second, 403, "DENIED");
}

#[tokio::test]
async fn another_account_sees_nothing() {
    let bench = Bench::with_registry("basic").await;
    bench
        .sandbox
        .push("acme", Image::new("a").layer("x").tag("v1"))
        .unwrap();
    let other = bench.sandbox.add_account();
    let body = json!({ "name": "other", "subscription_tier_slug": "basic" });
    let created = bench
        .send("POST", "/v2/registry", &other, Some(body.to_string()))
        .await;
    assert_eq!(created.status, 201);
    let token = issued(&bench, &other, &["acme/a:pull", "other/a:pull"]).await;
    refused(&token.get("/v2/acme/a/tags/list").await, 403, "DENIED");
    refused(
        &token.get("/v2/other/a/tags/list").await,
        404,
        "NAME_UNKNOWN",
    );
    let basic = Client::basic(&bench, other);
    refused(
        &basic.get("/v2/acme/a/tags/list").await,
        404,
        "NAME_UNKNOWN",
    );
}

#[tokio::test]
async fn a_collection_stops_new_tokens_from_writing_and_waits_for_the_old_ones() {
    let quick = GcTiming {
        requested: Duration::from_secs(1),
        waiting: Duration::from_secs(1),
        scanning: Duration::from_secs(1),
        deleting: Duration::from_secs(1),
        cancelling: Duration::from_secs(1),
    };
    let bench = Bench::with(|builder| builder.gc_timing(quick)).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let secret = secret(&bench, "?read_write=true").await;
    let before = issued(&bench, &secret, &["acme/a:pull,push"]).await;
    let orphan = before.blob("a", b"orphan").await;
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.post(COLLECTION, json!({})).await.status, 201);

    let during = issued(&bench, &secret, &["acme/a:pull,push"]).await;
    let start = "/v2/acme/a/blobs/uploads/";
    refused(&during.send("POST", start, "").await, 403, "DENIED");
    let direct = Client::basic(&bench, secret.clone());
    refused(&direct.send("POST", start, "").await, 403, "DENIED");
    bench.clock.advance(Duration::from_secs(14 * 60 - 1));
    before.image("a", "v1", b"late").await;
    let status = async || {
        let run = bench.get(COLLECTION).await.json();
        run["garbage_collection"]["status"].clone()
    };
    assert_eq!(status().await, "waiting for write JWTs to expire");
    bench.clock.advance(Duration::from_secs(1));
    refused(&before.send("POST", start, "").await, 401, "UNAUTHORIZED");
    assert_eq!(status().await, "scanning manifests");
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.get(COLLECTION).await.status, 404);

    let after = issued(&bench, &secret, &["acme/a:pull,push"]).await;
    refused(
        &after.get(&format!("/v2/acme/a/blobs/{orphan}")).await,
        404,
        "BLOB_UNKNOWN",
    );
    let manifest = after.get("/v2/acme/a/manifests/v1").await;
    assert_eq!(manifest.text, image(b"late", ""));
    let late = format!("/v2/acme/a/blobs/{}", sha256(b"late"));
    assert_eq!(after.get(&late).await.text, "late");
}

#[tokio::test]
async fn requests_are_recorded_without_passwords_and_tokens() {
    let bench = Bench::with_registry("basic").await;
    let secret = secret(&bench, "?read_write=true").await;
    let client = issued(&bench, &secret, &["acme/a:pull,push"]).await;
    client.image("a", "v1", b"x").await;
    let shown = format!("{:?}", bench.sandbox.requests());
    let super::Auth::Bearer(token) = &client.auth else {
        unreachable!()
    };
    assert!(!shown.contains(&secret) && !shown.contains(token.as_str()));
    assert!(shown.contains("/v2/acme/a/manifests/v1"));
}
