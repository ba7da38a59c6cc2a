use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use crate::Bench;

#[tokio::test]
async fn every_read_mints_another_credential() {
    let bench = Bench::with_registry("basic").await;
    let first = bench
        .get("/v2/registry/docker-credentials?read_write=true&expiry_seconds=86400")
        .await;
    let second = bench.get("/v2/registry/docker-credentials").await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_ne!(auth(&first.json()), auth(&second.json()));

    assert_eq!(bench.sandbox.minted_credentials(), 2);
    let minted = bench.sandbox.credentials();
    assert_eq!(
        (minted[0].read_write, minted[0].expiry_seconds),
        (true, 86_400)
    );
    assert_eq!((minted[1].read_write, minted[1].expiry_seconds), (false, 0));
    assert_eq!(minted[0].minted_at, bench.clock.now());
}

#[tokio::test]
async fn credentials_are_also_for_the_sandboxs_host_on_request() {
    let bench = Bench::with(|builder| builder.credentials_for_own_host(true)).await;
    let wanted = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registries", wanted).await.status, 201);
    let auths = &bench.get("/v2/registry/docker-credentials").await.json()["auths"];
    let own = &auths[bench.sandbox.addr().to_string()];
    assert!(own["auth"].is_string(), "{auths}");
    assert_eq!(*own, auths["registry.digitalocean.com"]);
}

#[tokio::test]
async fn nothing_is_minted_without_a_registry_or_for_a_bad_query() {
    let bench = Bench::start().await;
    bench
        .get("/v2/registry/docker-credentials")
        .await
        .refused(404, "not_found");
    drop(bench);

    let bench = Bench::with_registry("basic").await;
    for query in [
        "expiry_seconds=-1",
        "expiry_seconds=",
        "expiry_seconds=1.5",
        "expiry_seconds=x&expiry_seconds=1",
        "expiry_seconds=1576800001",
        "expiry_seconds=18446744073709551616",
        "expiry_seconds=-9223372036854775809",
        "read_write=yes",
    ] {
        let refused = bench
            .get(&format!("/v2/registry/docker-credentials?{query}"))
            .await;
        let message = refused.refused(422, "unprocessable_entity");
        assert!(
            query.starts_with(message.split(':').next().unwrap()),
            "{message}"
        );
    }
    assert_eq!(bench.sandbox.minted_credentials(), 0);
}

#[tokio::test]
async fn unknown_query_parameters_are_ignored_and_the_first_of_a_repeated_one_counts() {
    let bench = Bench::with_registry("basic").await;
    let query = "expiry_seconds=1576800000&color=blue&expiry_seconds=x&read%5Fwrite=tru%65";
    assert_eq!(
        bench
            .get(&format!("/v2/registry/docker-credentials?{query}"))
            .await
            .status,
        200
    );
    let minted = bench.sandbox.credentials()[0];
    assert_eq!(
        (minted.read_write, minted.expiry_seconds),
        (true, 1_576_800_000)
    );
}

#[tokio::test]
async fn another_accounts_credentials_are_not_counted_in_the_first() {
    let bench = Bench::with_registry("basic").await;
    let other = bench.sandbox.add_account();
    let body = r#"{ "name": "other", "subscription_tier_slug": "starter" }"#.to_owned();
    assert_eq!(
        bench
            .send("POST", "/v2/registry", &other, Some(body))
            .await
            .status,
        201
    );
    assert_eq!(
        bench
            .send("GET", "/v2/registry/docker-credentials", &other, None)
            .await
            .status,
        200
    );
    assert_eq!(bench.sandbox.minted_credentials(), 0);
}

fn auth(response: &Value) -> &str {
    response["auths"]["registry.digitalocean.com"]["auth"]
        .as_str()
        .unwrap()
}

#[tokio::test]
async fn a_credential_is_revoked_by_its_token() {
    let bench = Bench::with_registry("basic").await;
    let path = "/v2/registry/docker-credentials";
    let revoke = |token: String, bearer: String| {
        let url = format!("{}/v1/oauth/revoke", bench.sandbox.url());
        let form = bench
            .http
            .post(url)
            .bearer_auth(bearer)
            .body(format!("token={token}"));
        async { crate::Reply::read(form).await }
    };
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let auth =
            bench.get(path).await.json()["auths"]["registry.digitalocean.com"]["auth"].clone();
        let plain = String::from_utf8(BASE64.decode(auth.as_str().unwrap()).unwrap()).unwrap();
        secrets.push(plain.split_once(':').unwrap().1.to_owned());
    }
    let token = bench.sandbox.token().to_owned();
    assert_eq!(revoke(secrets[1].clone(), token.clone()).await.status, 200);
    let revoked: Vec<_> = bench
        .sandbox
        .credentials()
        .iter()
        .map(|one| one.revoked)
        .collect();
    assert_eq!(revoked, [false, true]);
    // Repeated, or for an unknown token, it is not an error.
    assert_eq!(revoke(secrets[1].clone(), token.clone()).await.status, 200);
    assert_eq!(
        revoke("unknown".to_owned(), token.clone()).await.status,
        200
    );
    revoke(String::new(), token)
        .await
        .refused(400, "bad_request");
    revoke(secrets[0].clone(), "nobody".to_owned())
        .await
        .refused(401, "unauthorized");
    assert_eq!(bench.sandbox.requests().last().unwrap().body, "[redacted]");
}
