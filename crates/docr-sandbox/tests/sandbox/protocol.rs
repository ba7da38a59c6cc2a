use serde_json::json;

use crate::{Bench, Reply};

#[tokio::test]
async fn every_response_has_a_request_id_and_the_rate_limit() {
    let bench = Bench::with_registry("basic").await;
    let replies = [
        bench.get("/v2/registry").await,
        bench.get("/v2/nothing").await,
        bench
            .send("PUT", "/v2/registry", bench.sandbox.token(), None)
            .await,
        bench.send("GET", "/v2/registry", "wrong", None).await,
        bench.delete("/v2/registry").await,
    ];
    assert_eq!(
        replies.each_ref().map(|reply| reply.status),
        [200, 404, 405, 401, 204]
    );
    for reply in replies {
        for name in [
            "x-request-id",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
        ] {
            assert!(!reply.header(name).is_empty());
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_and_a_known_one_names_its_methods() {
    let bench = Bench::start().await;
    for path in [
        "/",
        "/v2",
        "/v2/registry/",
        "/v2//registry",
        "/v3/registry",
        "/v2/certificates/",
        "/v2%2Fregistry",
    ] {
        bench.get(path).await.refused(404, "not_found");
    }
    let wrong = bench.send("PUT", "/v2/registry", "", None).await;
    wrong.refused(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "DELETE, GET, HEAD, POST");
    for (path, methods) in [
        ("/v2/registries", "GET, HEAD, POST"),
        ("/v2/registry/validate-name", "POST"),
        ("/v2/certificates/1", "DELETE, GET, HEAD"),
        ("/v2/registry/docker-credentials", "GET"),
    ] {
        let wrong = bench.send("OPTIONS", path, "", None).await;
        wrong.refused(405, "method_not_allowed");
        assert_eq!(wrong.header("allow"), methods, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_its_body_and_mints_nothing() {
    let bench = Bench::with_registry("basic").await;
    let token = bench.sandbox.token();
    let whole = bench.get("/v2/registry").await;
    let head = bench.send("HEAD", "/v2/registry", token, None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for name in ["content-type", "content-length"] {
        assert_eq!(head.header(name), whole.header(name));
    }
    let none = bench.send("HEAD", "/v2/registries/none", token, None).await;
    assert_eq!((none.status, none.text.as_str()), (404, ""));
    let path = "/v2/registry/docker-credentials";
    assert_eq!(bench.send("HEAD", path, token, None).await.status, 405);
    assert_eq!(bench.sandbox.minted_credentials(), 0);
    let requests = bench.sandbox.requests();
    assert_eq!(requests[2].operation.as_deref(), Some("registry_get"));
    assert_eq!(requests[2].method, "HEAD");
}

#[tokio::test]
async fn an_error_about_a_value_states_the_rule_in_words() {
    let bench = Bench::start().await;
    let create = |name: &str, more: serde_json::Value| {
        let mut body = json!({ "name": name, "subscription_tier_slug": "basic" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    for (body, expected) in [
        (
            create("My Images", json!({})),
            "name: must consist of 1 to 63 lower-case letters, digits and hyphens, \
             begin with a letter and end with a letter or a digit",
        ),
        (
            create("acme", json!({ "subscription_tier_slug": "gold" })),
            "subscription_tier_slug: must be one of: starter, basic, professional",
        ),
        (
            create("acme", json!({ "region": 7 })),
            "region: must be a string; region: must be one of: nyc3, sfo3, sfo2, ams3, sgp1, fra1, blr1, syd1",
        ),
    ] {
        let refused = bench.post("/v2/registry", body).await;
        assert_eq!(refused.refused(422, "unprocessable_entity"), expected);
    }
}

#[tokio::test]
async fn a_request_without_a_valid_token_is_unauthorized_whatever_it_asks() {
    let bench = Bench::start().await;
    let url = format!("{}/v2/registry", bench.sandbox.url());
    Reply::read(bench.http.post(&url).body("{"))
        .await
        .refused(401, "unauthorized");
    let token = bench.sandbox.token();
    for value in [
        "",
        "Bearer",
        "Bearer ",
        token,
        &format!("Basic {token}"),
        &format!("Bearer {token}x"),
        "Bearer a b",
    ] {
        let reply = Reply::read(bench.http.get(&url).header("authorization", value)).await;
        reply.refused(401, "unauthorized");
    }
    let reply = Reply::read(
        bench
            .http
            .get(&url)
            .header("authorization", format!("bearer {token}")),
    )
    .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_a_bad_request() {
    let bench = Bench::start().await;
    for body in ["", "{", "name=acme", "\u{feff}{}", &"[".repeat(100_000)] {
        let reply = bench
            .send(
                "POST",
                "/v2/registry",
                bench.sandbox.token(),
                Some(body.to_owned()),
            )
            .await;
        reply.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn a_body_that_breaks_its_schema_is_unprocessable_and_its_values_are_not_repeated() {
    let bench = Bench::start().await;
    for (body, field) in [
        (json!(null), "body"),
        (json!([]), "body"),
        (json!({ "subscription_tier_slug": "basic" }), "name"),
        (
            json!({ "name": 5, "subscription_tier_slug": "basic" }),
            "name",
        ),
        (
            json!({ "name": "acme", "subscription_tier_slug": "s3cret" }),
            "subscription_tier_slug",
        ),
        (
            json!({ "name": "acme", "subscription_tier_slug": "basic", "region": "s3cret" }),
            "region",
        ),
    ] {
        let message = bench
            .post("/v2/registry", body)
            .await
            .refused(422, "unprocessable_entity");
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}

#[tokio::test]
async fn a_body_above_a_mebibyte_is_too_large() {
    let bench = Bench::start().await;
    let pad = |size: usize| Some(format!("{{\"name\":\"acme\"{}}}", " ".repeat(size - 15)));
    let path = "/v2/registry/validate-name";
    assert_eq!(
        bench
            .send("POST", path, bench.sandbox.token(), pad(1024 * 1024))
            .await
            .status,
        204
    );
    let refused = bench
        .send("POST", path, bench.sandbox.token(), pad(1024 * 1024 + 1))
        .await;
    refused.refused(413, "payload_too_large");
    assert_eq!(bench.sandbox.requests()[1].body, "");
}

#[tokio::test]
async fn requests_are_recorded_without_their_token() {
    let bench = Bench::start().await;
    let url = format!("{}/v2/certificates/a%2Fb?x=%20", bench.sandbox.url());
    Reply::read(
        bench
            .http
            .get(&url)
            .bearer_auth(bench.sandbox.token())
            .header("X-Two", "1"),
    )
    .await;
    bench.post("/v2/other", json!({ "name": "acme" })).await;

    let requests = bench.sandbox.requests();
    assert_eq!(requests.len(), 2);
    let request = &requests[0];
    assert_eq!(request.operation.as_deref(), Some("certificates_get"));
    assert_eq!(
        request.route.as_deref(),
        Some("/v2/certificates/{certificate_id}")
    );
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v2/certificates/a%2Fb")
    );
    assert_eq!(
        (request.query.as_deref(), request.status),
        (Some("x=%20"), 404)
    );
    assert_eq!(request.headers["authorization"], "Bearer [redacted]");
    assert_eq!(request.headers["x-two"], "1");
    assert_eq!((&requests[1].operation, &requests[1].route), (&None, &None));
    assert_eq!(requests[1].body, r#"{"name":"acme"}"#);
    assert!(!format!("{requests:?}").contains(bench.sandbox.token()));
    assert!(
        !serde_json::to_string(&requests)
            .unwrap()
            .contains(bench.sandbox.token())
    );

    bench.sandbox.clear_requests();
    assert!(bench.sandbox.requests().is_empty());
}

#[tokio::test]
async fn times_are_whole_seconds_except_that_of_the_measured_storage() {
    let bench = Bench::start().await;
    bench
        .clock
        .advance(std::time::Duration::from_nanos(123_456_789));
    let wanted = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    let made = bench.post("/v2/registry", wanted).await.json();
    let registry = &made["registry"];
    assert_eq!(registry["created_at"], "2026-01-12T09:30:00Z");
    assert_eq!(
        registry["subscription"]["updated_at"],
        "2026-01-12T09:30:00Z"
    );
    assert_eq!(
        registry["storage_usage_bytes_updated_at"],
        "2026-01-12T09:30:00.123456789Z"
    );
}
