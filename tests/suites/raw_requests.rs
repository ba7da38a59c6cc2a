//! Requests to any path have everything that other calls have.

use std::{sync::Arc, time::Duration};

use docr::{Effect, ManualClock, Method};
use docr_sandbox::ScriptedResponse;
use docr_tests::{
    fault_proxy::{Fault, FaultProxy},
    raw_server::RawServer,
    sandbox::{TOKEN, client, client_at, client_with_clock, furnish, noon, start},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_raw_request_has_a_token_a_query_a_body_and_a_typed_response() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    sandbox.clear_requests();
    let docr = client(&sandbox);
    let request = docr.request(Method::GET, "/v2/registries/acme-images/repositoriesV2");
    let page: Value = request
        .query("per_page", 5)
        .query("x", "a b&c")
        .send()
        .await
        .unwrap();
    assert_eq!(page["repositories"], json!([]));
    assert_eq!(
        sandbox.requests()[0].query.as_deref(),
        Some("per_page=5&x=a+b%26c")
    );

    let body = json!({ "tier_slug": "professional" });
    let request = docr.request(Method::POST, "/v2/registries/subscription");
    let changed: Value = request
        .json(&body)
        .unwrap()
        .effect(Effect::Set)
        .send()
        .await
        .unwrap();
    assert_eq!(changed["subscription"]["tier"]["slug"], "professional");

    // A response without a body.
    docr.request(Method::DELETE, "/v2/registries/acme-images")
        .send::<()>()
        .await
        .unwrap();
    let deleted = docr
        .request(Method::GET, "/v2/registries/acme-images")
        .send::<Value>()
        .await;
    let error = deleted.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.operation(), Some("GET /v2/registries/acme-images"));
    assert!(
        error
            .to_string()
            .starts_with("GET /v2/registries/acme-images: 404"),
        "{error}"
    );
}

#[tokio::test]
async fn the_effect_of_a_raw_request_decides_whether_it_is_retried() {
    let (sandbox, _) = start().await;
    for (method, effect, attempts, ambiguous) in [
        (Method::GET, None, 2, false),
        (Method::PUT, None, 2, false),
        (Method::DELETE, None, 2, false),
        (Method::POST, None, 1, true),
        (Method::PATCH, None, 1, true),
        (Method::POST, Some(Effect::Set), 2, false),
        (Method::GET, Some(Effect::Mint), 1, true),
    ] {
        let proxy = FaultProxy::start(sandbox.addr(), Fault::ClosedAfter).await;
        let docr = client_at(proxy.url(), TOKEN);
        let mut request = docr.request(method.clone(), "/v2/registries/options");
        if let Some(effect) = effect {
            request = request.effect(effect);
        }
        let result = request.send::<Value>().await;
        assert_eq!(proxy.requests(), attempts, "{method} {effect:?}");
        assert_eq!(
            result.is_err_and(|error| error.is_ambiguous()),
            ambiguous,
            "{method} {effect:?}"
        );
    }
}

#[tokio::test]
async fn a_raw_request_can_have_a_deadline_of_its_own() {
    let (sandbox, _) = start().await;
    let clock = Arc::new(ManualClock::at(noon()));
    let docr = client_with_clock(sandbox.url(), TOKEN, clock);
    for _ in 0..5 {
        sandbox
            .respond_next(
                "registries_get_options",
                ScriptedResponse::status(503).header("retry-after", "60"),
            )
            .unwrap();
    }
    let request = docr.request(Method::GET, "/v2/registries/options");
    let hasty = request.with(|calls| calls.deadline(Duration::from_secs(10)));
    let error = hasty.send::<Value>().await.unwrap_err();
    assert_eq!((error.attempts(), error.retry_at().is_some()), (1, true));
}

#[tokio::test]
async fn no_path_leads_to_another_host() {
    let server = RawServer::responding("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let docr = client_at(server.url(), TOKEN);
    for path in [
        "",
        "v2/account",
        "https://evil.example/",
        "//evil.example/v2",
        "@evil.example/",
        ":80/",
        "/v2/../v1",
        "/v2/%2e%2E/v1",
        "/v2/./x",
        "/v2\\..\\v1",
        "/v2/a?b=c",
        "/v2/a#b",
        "/v2/a b",
        "/v2/\r\nx: y",
        "/v2/é",
    ] {
        let result = docr.request(Method::GET, path).send::<Value>().await;
        if path.starts_with("//") {
            // A path with an empty segment is still a path of this host.
            result.unwrap();
            continue;
        }
        let error = result.unwrap_err();
        assert!(error.is_invalid_input(), "{path:?}: {error:?}");
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].starts_with("GET //evil.example/v2 HTTP/1.1\r\n"),
        "{requests:?}"
    );
}
