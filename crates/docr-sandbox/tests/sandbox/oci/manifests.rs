use serde_json::json;

use super::{Client, INDEX, MANIFEST, descriptor, image, refused, sha256, sha512};
use crate::{Bench, Reply};

async fn put(client: &Client<'_>, reference: &str, media_type: &str, text: &str) -> Reply {
    let path = format!("/v2/acme/a/manifests/{reference}");
    let request = client.request("PUT", &path);
    let request = request.header("content-type", media_type);
    Reply::read(request.body(text.to_owned())).await
}

#[tokio::test]
async fn a_manifest_is_kept_byte_for_byte_and_read_by_tag_and_digest() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", b"{}").await;
    client.blob("a", b"layer").await;
    let text = image(b"layer", ",  \"custom\" : 1.0") + "\n";
    let digest = sha256(text.as_bytes());
    let pushed = put(&client, "v1", MANIFEST, &text).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    assert_eq!(pushed.header("docker-content-digest"), digest);
    assert!(
        pushed
            .header("location")
            .ends_with("/v2/acme/a/manifests/v1")
    );
    for reference in ["v1", &digest] {
        let path = format!("/v2/acme/a/manifests/{reference}");
        let pulled = client.get(&path).await;
        assert_eq!((pulled.status, &pulled.text), (200, &text));
        assert_eq!(pulled.header("content-type"), MANIFEST);
        assert_eq!(pulled.header("docker-content-digest"), digest);
        let head = client.send("HEAD", &path, "").await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(head.header("content-length"), text.len().to_string());
        assert_eq!(head.header("docker-content-digest"), digest);
    }
}

#[tokio::test]
async fn manifests_of_all_kinds_are_accepted() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (child, text) = client.image("a", "child", b"layer").await;
    assert!(text.contains(MANIFEST));
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let custom = "application/vnd.example.thing.v1+json";
    let (config, layer) = (descriptor("c/c", b"{}"), descriptor("l/l", b"layer"));
    let named = descriptor(MANIFEST, text.as_bytes());
    assert!(named.contains(&child));
    for (kind, text) in [
        (
            docker,
            format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#),
        ),
        (
            docker,
            format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#),
        ),
        (
            list,
            format!(r#"{{"schemaVersion":2,"manifests":[{named}]}}"#),
        ),
        (
            INDEX,
            format!(r#"{{"schemaVersion":2,"manifests":[{named}]}}"#),
        ),
        (INDEX, r#"{"schemaVersion":2,"manifests":[]}"#.to_owned()),
        (custom, format!(r#"{{"blobs":[{layer}]}}"#)),
        (custom, "{}".to_owned()),
    ] {
        let pushed = put(&client, "it", &format!("{kind}; charset=utf-8"), &text).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        let pulled = client.get("/v2/acme/a/manifests/it").await;
        assert_eq!((pulled.header("content-type"), &pulled.text), (kind, &text));
    }
}

#[tokio::test]
async fn a_manifest_without_a_content_type_has_the_one_that_it_names() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.image("a", "v1", b"layer").await;
    let pulled = client.get("/v2/acme/a/manifests/v1").await;
    assert_eq!(pulled.header("content-type"), MANIFEST);
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    assert_eq!(client.put_manifest("a", "v2", index).await.status, 201);
}

#[tokio::test]
async fn a_manifest_is_pushed_by_a_digest_of_either_kind() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", b"{}").await;
    let layer = b"layer";
    let path = format!("/v2/acme/a/blobs/uploads/?digest={}", sha512(layer));
    assert_eq!(client.send("POST", &path, &layer[..]).await.status, 201);
    let text = image(layer, "").replace(&sha256(layer), &sha512(layer));
    for digest in [sha256(text.as_bytes()), sha512(text.as_bytes())] {
        let pushed = client.put_manifest("a", &digest, &text).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        assert_eq!(pushed.header("docker-content-digest"), digest);
        let path = format!("/v2/acme/a/manifests/{digest}");
        assert_eq!(client.get(&path).await.text, text);
    }
    let wrong = client.put_manifest("a", &sha256(b"other"), &text).await;
    refused(&wrong, 400, "DIGEST_INVALID");
    let malformed = client.put_manifest("a", "sha256:abc", &text).await;
    refused(&malformed, 400, "DIGEST_INVALID");
}

#[tokio::test]
async fn a_manifest_that_is_pushed_by_its_digest_may_get_tags_with_it() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (digest, text) = client.image("a", "v1", b"layer").await;
    let pushed = client
        .put_manifest("a", &format!("{digest}?tag=v2&tag=latest"), &text)
        .await;
    assert_eq!(
        (pushed.status, pushed.header("oci-tag")),
        (201, "v2, latest")
    );
    for tag in ["v1", "v2", "latest"] {
        let path = format!("/v2/acme/a/manifests/{tag}");
        assert_eq!(client.get(&path).await.text, text);
    }
    let bad = client
        .put_manifest("a", &format!("{digest}?tag=-x"), &text)
        .await;
    refused(&bad, 400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_and_children_in_the_same_repository() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    let (_, child) = client.image("b", "v1", b"layer").await;
    client.blob("a", b"{}").await;
    let text = image(b"layer", "");
    let missing = client.put_manifest("a", "v1", &text).await;
    refused(&missing, 400, "MANIFEST_BLOB_UNKNOWN");
    let said = missing.json()["errors"][0]["message"].clone();
    assert!(said.as_str().unwrap().contains(&sha256(b"layer")));
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptor(MANIFEST, child.as_bytes())
    );
    let missing = put(&client, "v1", INDEX, &index).await;
    refused(&missing, 400, "MANIFEST_BLOB_UNKNOWN");
    client.blob("a", b"layer").await;
    assert_eq!(client.put_manifest("a", "v1", &text).await.status, 201);
    assert_eq!(put(&client, "v2", INDEX, &index).await.status, 201);
    // Nothing of the refused manifest was kept.
    let listed = bench
        .get("/v2/registries/acme/repositories/a/digests")
        .await
        .json();
    assert_eq!(listed["meta"]["total"], 2);
}

#[tokio::test]
async fn foreign_layers_need_not_be_pushed() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", b"{}").await;
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let text = image(b"windows", "").replace("application/vnd.oci.image.layer.v1.tar", foreign);
    let pushed = client.put_manifest("a", "v1", &text).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
}

#[tokio::test]
async fn a_manifest_that_breaks_the_rules_is_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", b"{}").await;
    client.blob("a", b"layer").await;
    let good = image(b"layer", "");
    for (media_type, text) in [
        (MANIFEST, "{".to_owned()),
        (MANIFEST, "\u{0}".to_owned()),
        (MANIFEST, "[]".to_owned()),
        (MANIFEST, "{}".to_owned()),
        (INDEX, good.clone()),
        (MANIFEST, good.replace("\"size\":5", "\"size\":6")),
        (MANIFEST, good.replace("\"size\":5", "\"size\":-5")),
        (MANIFEST, good.replace("sha256:", "sha256:/")),
        (
            MANIFEST,
            good.replace("\"schemaVersion\":2", "\"schemaVersion\":1"),
        ),
        ("application/json", "[".repeat(100_000)),
    ] {
        let reply = put(&client, "v1", media_type, &text).await;
        refused(&reply, 400, "MANIFEST_INVALID");
    }
    for tag in [".x", "-x", "a%20b", &"x".repeat(129)] {
        let reply = put(&client, tag, MANIFEST, &good).await;
        refused(&reply, 400, "MANIFEST_INVALID");
    }
}

#[tokio::test]
async fn a_manifest_may_have_4_mebibytes() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let custom = "application/vnd.example.thing.v1+json";
    let text = |length: usize| format!("{{}}{}", " ".repeat(length - 2));
    let limit = 4 * 1024 * 1024;
    assert_eq!(put(&client, "v1", custom, &text(limit)).await.status, 201);
    let above = put(&client, "v2", custom, &text(limit + 1)).await;
    refused(&above, 413, "SIZE_INVALID");
    let path = "/v2/acme/a/manifests/v2";
    refused(&client.get(path).await, 404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_tag_moves_and_is_deleted_without_its_manifest() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (old, _) = client.image("a", "v1", b"one").await;
    let (new, _) = client.image("a", "v1", b"two").await;
    let at = |reference: &str| format!("/v2/acme/a/manifests/{reference}");
    let pulled = client.get(&at("v1")).await;
    assert_eq!(pulled.header("docker-content-digest"), new);
    assert_eq!(client.get(&at(&old)).await.status, 200);

    assert_eq!(client.send("DELETE", &at("v1"), "").await.status, 202);
    refused(&client.get(&at("v1")).await, 404, "MANIFEST_UNKNOWN");
    assert_eq!(client.get(&at(&new)).await.status, 200);
    let again = client.send("DELETE", &at("v1"), "").await;
    refused(&again, 404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_is_deleted_with_its_tags() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (digest, text) = client.image("a", "v1", b"one").await;
    client.put_manifest("a", "v2", &text).await;
    let at = |reference: &str| format!("/v2/acme/a/manifests/{reference}");
    assert_eq!(client.send("DELETE", &at(&digest), "").await.status, 202);
    for reference in ["v1", "v2", &digest] {
        refused(&client.get(&at(reference)).await, 404, "MANIFEST_UNKNOWN");
    }
    let again = client.send("DELETE", &at(&digest), "").await;
    refused(&again, 404, "MANIFEST_UNKNOWN");
    let unknown = format!("/v2/acme/none/manifests/{digest}");
    refused(
        &client.send("DELETE", &unknown, "").await,
        404,
        "NAME_UNKNOWN",
    );
    let posted = client.send("POST", &at("v1"), "").await;
    refused(&posted, 405, "UNSUPPORTED");
}

#[tokio::test]
async fn the_tags_of_a_deleted_manifest_remain_where_the_service_leaves_them() {
    let bench = Bench::with(|builder| builder.manifests_leave_tags(true)).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let client = Client::new(&bench).await;
    let (digest, _) = client.image("a", "v1", b"one").await;
    let manifest = format!("/v2/acme/a/manifests/{digest}");
    assert_eq!(client.send("DELETE", &manifest, "").await.status, 202);
    let listed = bench.get("/v2/registry/acme/repositories/a/tags").await;
    assert_eq!(listed.json()["tags"][0]["tag"], "v1");
}
