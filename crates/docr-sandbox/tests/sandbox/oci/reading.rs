use docr_sandbox::Image;
use serde_json::Value;

use super::{Client, refused, secret, sha256};
use crate::Bench;

async fn credentials<'a>(bench: &'a Bench, query: &str) -> Client<'a> {
    Client::basic(bench, secret(bench, query).await)
}

#[tokio::test]
async fn a_manifest_is_read_by_tag_and_by_digest_as_it_was_pushed() {
    let bench = Bench::with_registry("basic").await;
    let index = Image::index("shop/api")
        .child(Image::new("shop/api").layer("a"))
        .tag("v1");
    let pushed = bench.sandbox.push("acme", index).unwrap();
    let good = credentials(&bench, "").await;
    assert_eq!(good.get("/v2/").await.status, 200);
    for reference in ["v1", &pushed.digest] {
        let path = format!("/v2/acme/shop/api/manifests/{reference}");
        let reply = good.get(&path).await;
        assert_eq!((reply.status, &reply.text), (200, &pushed.manifest));
        assert_eq!(reply.header("docker-content-digest"), pushed.digest);
        assert_eq!(
            reply.header("content-type"),
            "application/vnd.oci.image.index.v1+json"
        );
        assert_eq!(reply.json()["manifests"][0]["digest"], pushed.children[0]);
    }
    for (path, code) in [
        ("/v2/acme/shop/api/manifests/v2", "MANIFEST_UNKNOWN"),
        ("/v2/acme/none/manifests/v1", "NAME_UNKNOWN"),
        ("/v2/other/shop/api/manifests/v1", "NAME_UNKNOWN"),
    ] {
        refused(&good.get(path).await, 404, code);
    }
    // Other paths are unknown to the API.
    bench
        .get("/v2/acme/shop/api/uploads/v1")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn all_blobs_of_a_pushed_image_can_be_read_and_have_their_digests() {
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("shop/api")
        .layer("a layer")
        .sized_layer(1, 700_001);
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let manifest: Value = serde_json::from_str(&pushed.manifest).unwrap();
    let good = credentials(&bench, "").await;
    let layers = manifest["layers"].as_array().unwrap();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().unwrap();
        let content = good
            .bytes(&format!("/v2/acme/shop/api/blobs/{digest}"))
            .await;
        assert_eq!(content.len() as u64, blob["size"].as_u64().unwrap());
        assert_eq!(sha256(&content), digest);
    }
    let unknown = format!("/v2/acme/shop/api/blobs/{}", sha256(b"unknown"));
    refused(&good.get(&unknown).await, 404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_declared_blob_has_a_size_but_no_content() {
    let bench = Bench::with_registry("basic").await;
    let digest = sha256(b"never pushed");
    let text = format!(r#"{{"layers":[{{"digest":"{digest}","size":12345}}]}}"#);
    bench.sandbox.push("acme", Image::raw("a", text)).unwrap();
    let good = credentials(&bench, "").await;
    let path = format!("/v2/acme/a/blobs/{digest}");
    let head = good.send("HEAD", &path, "").await;
    assert_eq!((head.status, head.header("content-length")), (200, "12345"));
    refused(&good.get(&path).await, 404, "BLOB_UNKNOWN");
}
