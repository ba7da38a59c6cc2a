//! Which clusters may pull from which registries.

use serde_json::json;

use super::Bench;

#[tokio::test]
async fn a_cluster_gets_and_loses_registries_and_a_repeat_changes_nothing() {
    let bench = Bench::with_registry("basic").await;
    let cluster = bench.sandbox.add_cluster();
    let both = json!({ "cluster_uuids": [cluster], "registries": ["acme"] });
    for _ in 0..2 {
        assert_eq!(
            bench
                .post("/v2/kubernetes/registries", both.clone())
                .await
                .status,
            204
        );
        assert_eq!(bench.sandbox.cluster_registries(&cluster), ["acme"]);
    }
    let token = bench.sandbox.token();
    for _ in 0..2 {
        let body = Some(both.to_string());
        assert_eq!(
            bench
                .send("DELETE", "/v2/kubernetes/registries", token, body)
                .await
                .status,
            204
        );
        assert!(bench.sandbox.cluster_registries(&cluster).is_empty());
    }
    let only = json!({ "cluster_uuids": [cluster] });
    assert_eq!(
        bench
            .post("/v2/kubernetes/registry", only.clone())
            .await
            .status,
        204
    );
    assert_eq!(bench.sandbox.cluster_registries(&cluster), ["acme"]);
    let body = Some(only.to_string());
    assert_eq!(
        bench
            .send("DELETE", "/v2/kubernetes/registry", token, body)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn an_unknown_cluster_or_registry_changes_nothing_at_all() {
    let bench = Bench::with_registry("basic").await;
    let known = bench.sandbox.add_cluster();
    let unknown = "6b7c1f0a-2d1e-4f5c-8a90-3c4d5e6f7a8b";
    let clusters = json!({ "cluster_uuids": [known, unknown] });
    bench
        .post("/v2/kubernetes/registry", clusters)
        .await
        .refused(404, "not_found");
    let registries = json!({ "cluster_uuids": [known], "registries": ["acme", "other"] });
    bench
        .post("/v2/kubernetes/registries", registries)
        .await
        .refused(404, "not_found");
    assert!(bench.sandbox.cluster_registries(&known).is_empty());
}

#[tokio::test]
async fn a_call_that_names_no_cluster_or_no_registry_is_refused_with_the_field() {
    let bench = Bench::with_registry("basic").await;
    let cluster = bench.sandbox.add_cluster();
    let (one, several) = ("/v2/kubernetes/registry", "/v2/kubernetes/registries");
    for (path, body, rule) in [
        (one, json!({}), "cluster_uuids: is required"),
        (one, json!({ "cluster_uuids": [] }), "cluster_uuids: "),
        (
            several,
            json!({ "cluster_uuids": [cluster] }),
            "registries: is required",
        ),
        (
            several,
            json!({ "cluster_uuids": [cluster], "registries": [] }),
            "registries: ",
        ),
    ] {
        for method in ["POST", "DELETE"] {
            let body = Some(body.to_string());
            let sent = bench.send(method, path, bench.sandbox.token(), body).await;
            let message = sent.refused(422, "unprocessable_entity");
            assert!(message.starts_with(rule), "{method} {path}: {message}");
        }
    }
}

#[tokio::test]
async fn a_delete_whose_body_got_lost_is_a_bad_request() {
    let bench = Bench::with_registry("basic").await;
    for path in ["/v2/kubernetes/registry", "/v2/kubernetes/registries"] {
        bench.delete(path).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn without_a_registry_nothing_can_be_pulled() {
    let bench = Bench::start().await;
    let cluster = bench.sandbox.add_cluster();
    let only = json!({ "cluster_uuids": [cluster] });
    bench
        .post("/v2/kubernetes/registry", only)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn an_id_that_is_not_a_uuid_violates_the_spec() {
    let bench = Bench::with_registry("basic").await;
    for id in ["", "cluster-1", "6b7c1f0a2d1e4f5c8a903c4d5e6f7a8b"] {
        let wanted = json!({ "cluster_uuids": [bench.sandbox.add_cluster(), id] });
        let refused = bench.post("/v2/kubernetes/registry", wanted).await;
        let message = refused.refused(422, "unprocessable_entity");
        assert!(message.starts_with("cluster_uuids.1: "), "{message}");
    }
}

#[tokio::test]
async fn a_deleted_registry_is_taken_from_the_clusters() {
    let bench = Bench::with_registry("basic").await;
    let cluster = bench.sandbox.add_cluster();
    let only = json!({ "cluster_uuids": [cluster] });
    let added = bench.post("/v2/kubernetes/registry", only).await;
    assert_eq!(added.status, 204);
    assert_eq!(bench.delete("/v2/registry").await.status, 204);
    assert!(bench.sandbox.cluster_registries(&cluster).is_empty());
}
