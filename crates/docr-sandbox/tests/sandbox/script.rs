use docr_sandbox::{ScriptError, ScriptedResponse};
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn scripted_responses_come_in_order_and_change_nothing() {
    let bench = Bench::with_registry("basic").await;
    let script = |response| {
        bench
            .sandbox
            .respond_next("registry_delete", response)
            .unwrap()
    };
    script(
        ScriptedResponse::status(503)
            .header("Retry-After", "2")
            .header("x-request-id", "mine"),
    );
    script(ScriptedResponse::html(502, "<html>"));
    script(ScriptedResponse::json(200, json!({ "odd": true })));
    script(ScriptedResponse::status(204));

    let unavailable = bench.delete("/v2/registry").await;
    assert_eq!(
        (unavailable.status, unavailable.header("retry-after")),
        (503, "2")
    );
    assert_eq!(unavailable.header("x-request-id"), "mine");
    assert_eq!(unavailable.json()["id"], "service_unavailable");

    let page = bench.delete("/v2/registry").await;
    assert_eq!(
        (page.status, page.header("content-type"), page.text.as_str()),
        (502, "text/html", "<html>")
    );
    assert!(
        page.headers.contains_key("ratelimit-remaining")
            && page.headers.contains_key("x-request-id")
    );
    assert_eq!(
        bench.delete("/v2/registry").await.json(),
        json!({ "odd": true })
    );
    assert_eq!(bench.delete("/v2/registry").await.text, "");

    assert_eq!(bench.get("/v2/registry").await.status, 200);
    assert_eq!(bench.delete("/v2/registry").await.status, 204);
    let statuses: Vec<_> = bench
        .sandbox
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [201, 503, 502, 200, 204, 200, 204]);
}

#[tokio::test]
async fn a_scripted_response_waits_for_its_operation_and_a_valid_token() {
    let bench = Bench::start().await;
    bench
        .sandbox
        .respond_next("registry_get", ScriptedResponse::status(500))
        .unwrap();
    assert_eq!(bench.get("/v2/registry/options").await.status, 200);
    assert_eq!(
        bench
            .send("GET", "/v2/registry", "wrong", None)
            .await
            .status,
        401
    );
    bench.get("/v2/registry").await.refused(500, "server_error");
}

#[tokio::test]
async fn an_invalid_script_is_refused_at_once() {
    let bench = Bench::start().await;
    let script = |operation, response| bench.sandbox.respond_next(operation, response);
    let unknown = script("registry_rename", ScriptedResponse::status(200)).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the spec has no operation `registry_rename`; did you mean `registry_create`?"
    );
    for status in [0, 99, 101, 1000] {
        assert_eq!(
            script("registry_get", ScriptedResponse::status(status)),
            Err(ScriptError::Status(status))
        );
    }
    for (name, value) in [
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("a b", "x"),
        ("x", "a\nb"),
    ] {
        let response = ScriptedResponse::status(200).header(name, value);
        assert_eq!(
            script("registry_get", response),
            Err(ScriptError::Header(name.to_owned()))
        );
    }
    for (id, nearest) in [
        ("create_registry", "registry_create"),
        ("registries.create", "registries_create"),
        ("registryListRepositoryTags", "registry_list_repositoryTags"),
        ("certificate_delete", "certificates_delete"),
    ] {
        let response = ScriptedResponse::status(500);
        let error = bench.sandbox.respond_next(id, response).unwrap_err();
        let said = format!("the spec has no operation `{id}`; did you mean `{nearest}`?");
        assert_eq!(error.to_string(), said);
    }
    bench.get("/v2/registry").await.refused(404, "not_found");
}

#[tokio::test]
async fn statuses_that_allow_no_body_survive_one() {
    let bench = Bench::start().await;
    for status in [204, 205, 304, 999] {
        bench
            .sandbox
            .respond_next(
                "registry_get",
                ScriptedResponse::status(status).body("body"),
            )
            .unwrap();
        assert_eq!(bench.get("/v2/registry").await.status, status);
    }
}
