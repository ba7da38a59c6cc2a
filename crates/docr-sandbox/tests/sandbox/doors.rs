//! What doctl and others need beside registries and certificates.

use docr_sandbox::{Image, RateLimits, ScriptedResponse};
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn the_owner_of_a_token_is_reported() {
    let bench = Bench::start().await;
    let account = bench.get("/v2/account").await.json();
    assert_eq!(account["account"]["status"], "active");
    assert_eq!(account["account"]["email_verified"], true);
    assert_eq!(account["account"]["email"], "sandbox-1@example.com");
    let info = bench.get("/v1/oauth/token/info").await.json();
    assert_eq!(info["resource_owner_id"], 1);

    let other = bench.sandbox.add_account();
    let theirs = bench.send("GET", "/v2/account", &other, None).await.json();
    assert_ne!(theirs["account"]["uuid"], account["account"]["uuid"]);
    assert_ne!(theirs["account"]["email"], account["account"]["email"]);
    let info = bench
        .send("GET", "/v1/oauth/token/info", &other, None)
        .await;
    assert_eq!(info.json()["resource_owner_id"], 2);
}

#[tokio::test]
async fn a_cluster_is_found_by_its_name_and_shows_the_registries_that_it_has() {
    let bench = Bench::with_registry("basic").await;
    let unnamed = bench.sandbox.add_cluster();
    let staging = bench.sandbox.add_named_cluster("staging");
    // The requests of `doctl kubernetes cluster registry add staging`, in order.
    let list = bench
        .get("/v2/kubernetes/clusters?page=1&per_page=200")
        .await
        .json();
    assert_eq!(list["meta"]["total"], 2);
    let clusters = list["kubernetes_clusters"].as_array().unwrap();
    let found = clusters.iter().find(|cluster| cluster["name"] == "staging");
    let found = found.unwrap();
    assert_eq!(found["id"], staging);
    assert_eq!(found["registry_enabled"], false);
    assert_eq!(found["registries"], json!([]));
    assert_eq!(found["status"]["state"], "running");
    assert_eq!(found["node_pools"][0]["name"], "staging-pool");
    let added = json!({ "cluster_uuids": [staging] });
    let added = bench.post("/v2/kubernetes/registry", added).await;
    assert_eq!(added.status, 204);

    let path = format!("/v2/kubernetes/clusters/{staging}");
    let cluster = &bench.get(&path).await.json()["kubernetes_cluster"];
    assert_eq!(cluster["registry_enabled"], true);
    assert_eq!(cluster["registries"], json!(["acme"]));
    let path = format!("/v2/kubernetes/clusters/{unnamed}");
    let cluster = &bench.get(&path).await.json()["kubernetes_cluster"];
    assert_eq!(cluster["registry_enabled"], false);
    assert_eq!(cluster["name"], format!("cluster-{}", &unnamed[..8]));

    bench.delete("/v2/registry").await;
    let path = format!("/v2/kubernetes/clusters/{staging}");
    let cluster = &bench.get(&path).await.json()["kubernetes_cluster"];
    assert_eq!(cluster["registry_enabled"], false);
}

#[tokio::test]
async fn clusters_are_listed_page_by_page_and_each_account_has_its_own() {
    let bench = Bench::start().await;
    for number in 0..3 {
        bench.sandbox.add_named_cluster(format!("c{number}"));
    }
    let path = "/v2/kubernetes/clusters";
    let mut names = Vec::new();
    for page in 1..3 {
        let list = bench.get(&format!("{path}?per_page=2&page={page}")).await;
        let list = list.json();
        for cluster in list["kubernetes_clusters"].as_array().unwrap() {
            names.push(cluster["name"].as_str().unwrap().to_owned());
        }
        let next = list["links"]["pages"].get("next");
        assert_eq!(next.is_some(), page == 1);
    }
    names.sort();
    assert_eq!(names, ["c0", "c1", "c2"]);
    let other = bench.sandbox.add_account();
    let theirs = bench.send("GET", path, &other, None).await.json();
    assert_eq!(theirs["kubernetes_clusters"], json!([]));
}

#[tokio::test]
async fn operations_outside_the_description_follow_the_same_rules() {
    let bench = Bench::with(|builder| {
        builder.rate_limits(RateLimits {
            per_minute: 6,
            per_hour: 100,
        })
    })
    .await;
    let unknown = "/v2/kubernetes/clusters/6b7c1f0a-2d1e-4f5c-8a90-3c4d5e6f7a8b";
    for path in [
        "/v2/account",
        "/v1/oauth/token/info",
        "/v2/kubernetes/clusters",
        unknown,
    ] {
        let stranger = bench.send("GET", path, "wrong", None).await;
        stranger.refused(401, "unauthorized");
        let wrong = bench.send("POST", path, "", None).await;
        wrong.refused(405, "method_not_allowed");
        assert_eq!(wrong.header("allow"), "GET, HEAD");
        assert!(
            !bench
                .get(path)
                .await
                .header("ratelimit-remaining")
                .is_empty()
        );
    }
    bench.get(unknown).await.refused(404, "not_found");
    bench
        .get("/v2/kubernetes/clusters?page=0")
        .await
        .refused(422, "unprocessable_entity");
    let limited = bench.get("/v2/account").await;
    limited.refused(429, "too_many_requests");
    assert_eq!(limited.header("retry-after"), "60");

    let requests = bench.sandbox.requests();
    let get = requests.iter().find(|request| request.path == unknown);
    let get = get.unwrap();
    assert_eq!(get.operation.as_deref(), Some("kubernetes_get_cluster"));
    assert_eq!(
        get.route.as_deref(),
        Some("/v2/kubernetes/clusters/{cluster_id}")
    );
    assert_eq!(get.headers["authorization"], "Bearer [redacted]");
    bench.clock.advance(std::time::Duration::from_secs(60));
    let response = ScriptedResponse::status(503);
    bench.sandbox.respond_next("account_get", response).unwrap();
    assert_eq!(bench.get("/v2/account").await.status, 503);
}

#[tokio::test]
async fn paths_of_clusters_and_accounts_do_not_hide_repositories() {
    let bench = Bench::with_registry("professional").await;
    let image = Image::new("clusters").tag("v1").layer("files");
    bench.sandbox.push("acme", image).unwrap();
    let wanted = json!({ "name": "kubernetes" });
    assert_eq!(bench.post("/v2/registries", wanted).await.status, 201);
    let image = Image::new("clusters").tag("v1").layer("files");
    bench.sandbox.push("kubernetes", image).unwrap();
    let token = bench.sandbox.token();
    let url = format!(
        "{}/v2/kubernetes/clusters/manifests/v1",
        bench.sandbox.url()
    );
    let request = bench.http.get(url).basic_auth(token, Some(token));
    assert_eq!(crate::Reply::read(request).await.status, 200);
}
