//! What is pushed by the protocol is listed by the API, and what is deleted by one is deleted for the other.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, MANIFEST, descriptor, refused, sha256};
use crate::Bench;

const REPOSITORIES: &str = "/v2/registries/acme/repositories";

async fn storage(bench: &Bench) -> u64 {
    let registry = bench.get("/v2/registry").await.json();
    registry["registry"]["storage_usage_bytes"]
        .as_u64()
        .unwrap()
}

async fn collect(bench: &Bench, kind: &str) {
    let path = "/v2/registries/acme/garbage-collection";
    let started = bench.post(path, json!({ "type": kind })).await;
    assert_eq!(started.status, 201, "{}", started.text);
    bench.clock.advance(Duration::from_secs(1000));
    assert_eq!(bench.get(path).await.status, 404);
}

#[tokio::test]
async fn pushed_content_is_visible_at_once() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    client.blob("shop/api", b"just a blob").await;
    let new = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    assert_eq!(new["meta"]["total"], 0, "a blob alone makes no repository");
    assert_eq!(storage(&bench).await, 11);

    let (digest, text) = client.image("shop/api", "v1", &[7; 100_000]).await;
    let tags = bench
        .get(&format!("{REPOSITORIES}/shop%2Fapi/tags"))
        .await
        .json();
    assert_eq!(tags["tags"][0]["tag"], "v1");
    assert_eq!(tags["tags"][0]["manifest_digest"], digest);
    let manifests = bench
        .get(&format!("{REPOSITORIES}/shop%2Fapi/digests"))
        .await
        .json();
    let listed = &manifests["manifests"][0];
    assert_eq!(listed["compressed_size_bytes"], 100_002);
    assert_eq!(listed["tags"], json!(["v1"]));
    let blobs = listed["blobs"].as_array().unwrap();
    let sizes: Vec<_> = blobs
        .iter()
        .map(|blob| blob["compressed_size_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes, [2, 100_000]);
    assert_eq!(blobs[1]["digest"], sha256(&[7; 100_000]));
    let new = bench.get("/v2/registries/acme/repositoriesV2").await.json();
    assert_eq!(&new["repositories"][0]["latest_manifest"], listed);
    assert_eq!(storage(&bench).await, 100_013);

    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptor(MANIFEST, text.as_bytes())
    );
    client.put_manifest("shop/api", "all", &index).await;
    let tags = bench
        .get(&format!("{REPOSITORIES}/shop%2Fapi/tags"))
        .await
        .json();
    let all = |field: &str| -> Vec<Value> {
        let tags = tags["tags"].as_array().unwrap();
        tags.iter().map(|tag| tag[field].clone()).collect()
    };
    assert_eq!(all("compressed_size_bytes"), [100_002, 100_002]);
}

#[tokio::test]
async fn deletions_by_the_api_are_visible_to_clients() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    let (digest, text) = client.image("a", "v1", b"layer").await;
    client.put_manifest("a", "v2", &text).await;
    let at = |reference: &str| format!("/v2/acme/a/manifests/{reference}");
    bench.delete(&format!("{REPOSITORIES}/a/tags/v1")).await;
    refused(&client.get(&at("v1")).await, 404, "MANIFEST_UNKNOWN");
    assert_eq!(client.get(&at("v2")).await.status, 200);
    bench
        .delete(&format!("{REPOSITORIES}/a/digests/{digest}"))
        .await;
    refused(&client.get(&at("v2")).await, 404, "MANIFEST_UNKNOWN");
    let blob = format!("/v2/acme/a/blobs/{}", sha256(b"layer"));
    assert_eq!(client.get(&blob).await.text, "layer", "it is not collected");

    let upload = client.begin("a").await;
    assert_eq!(bench.delete(&format!("{REPOSITORIES}/a")).await.status, 204);
    refused(&client.get(&blob).await, 404, "NAME_UNKNOWN");
    refused(&client.get(&upload).await, 404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(storage(&bench).await, 7);
    collect(&bench, "unreferenced blobs only").await;
    assert_eq!(storage(&bench).await, 0);
}

#[tokio::test]
async fn deletions_by_clients_are_visible_in_the_api() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (digest, _) = client.image("a", "v1", b"layer").await;
    client.send("DELETE", "/v2/acme/a/manifests/v1", "").await;
    let tags = bench.get(&format!("{REPOSITORIES}/a/tags")).await.json();
    assert_eq!(tags["meta"]["total"], 0);
    let path = format!("/v2/acme/a/manifests/{digest}");
    assert_eq!(client.send("DELETE", &path, "").await.status, 202);
    let manifests = bench.get(&format!("{REPOSITORIES}/a/digests")).await.json();
    assert_eq!(manifests["meta"]["total"], 0);
    assert_eq!(storage(&bench).await, 7);
    collect(&bench, "unreferenced blobs only").await;
    assert_eq!(storage(&bench).await, 0);
    let blob = format!("/v2/acme/a/blobs/{}", sha256(b"layer"));
    refused(&client.get(&blob).await, 404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_collection_keeps_what_a_tag_reaches() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (_, child) = client.image("a", "child", b"child").await;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptor(MANIFEST, child.as_bytes())
    );
    client.put_manifest("a", "index", &index).await;
    let untag = "/v2/acme/a/manifests/child";
    assert_eq!(client.send("DELETE", untag, "").await.status, 202);
    let (gone, _) = client.image("a", "gone", &[1; 200_000]).await;
    let untag = "/v2/acme/a/manifests/gone";
    assert_eq!(client.send("DELETE", untag, "").await.status, 202);

    collect(&bench, "untagged manifests and unreferenced blobs").await;
    let at = |kind: &str, digest: &str| format!("/v2/acme/a/{kind}/{digest}");
    refused(
        &client.get(&at("manifests", &gone)).await,
        404,
        "MANIFEST_UNKNOWN",
    );
    refused(
        &client.get(&at("blobs", &sha256(&[1; 200_000]))).await,
        404,
        "BLOB_UNKNOWN",
    );
    let kept = client
        .get(&at("manifests", &sha256(child.as_bytes())))
        .await;
    assert_eq!(kept.text, child);
    assert_eq!(
        client.get(&at("blobs", &sha256(b"child"))).await.text,
        "child"
    );
    assert_eq!(storage(&bench).await, 7);
}

#[tokio::test]
async fn only_pushed_content_counts_towards_the_tier() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    bench.sandbox.set_usage(docr_sandbox::Usage {
        storage_bytes: 524_288_000 - 5,
        repositories: 0,
    });
    let down = json!({ "tier_slug": "starter" });
    let path = "/v2/registry/subscription";
    client.blob("a", b"12345").await;
    assert_eq!(bench.post(path, down.clone()).await.status, 200);
    let up = json!({ "tier_slug": "basic" });
    assert_eq!(bench.post(path, up).await.status, 200);
    client.blob("a", b"6").await;
    let message = bench
        .post(path, down)
        .await
        .refused(412, "precondition_failed");
    assert!(message.contains("OverStorageLimit"), "{message}");
}
