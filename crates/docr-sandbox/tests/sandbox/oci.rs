use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr_sandbox::Image;
use serde_json::Value;

use crate::{Bench, Reply};

/// Credentials of the first account, as user and password.
async fn credentials(bench: &Bench, query: &str) -> (String, String) {
    let answer = bench
        .get(&format!("/v2/registry/docker-credentials{query}"))
        .await
        .json();
    let auth = answer["auths"]["registry.digitalocean.com"]["auth"]
        .as_str()
        .unwrap();
    let plain = String::from_utf8(BASE64.decode(auth).unwrap()).unwrap();
    let (user, password) = plain.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

async fn read(bench: &Bench, path: &str, (user, password): &(String, String)) -> Reply {
    let url = format!("{}{path}", bench.sandbox.url());
    Reply::read(bench.http.get(url).basic_auth(user, Some(password))).await
}

#[tokio::test]
async fn a_manifest_is_read_by_tag_and_by_digest_as_it_was_pushed() {
    let bench = Bench::with_registry("basic").await;
    let index = Image::index("shop/api")
        .child(Image::new("shop/api").layer("a"))
        .tag("v1");
    let pushed = bench.sandbox.push("acme", index).unwrap();
    let good = credentials(&bench, "").await;
    assert_eq!(read(&bench, "/v2/", &good).await.status, 200);
    for reference in ["v1", &pushed.digest] {
        let reply = read(
            &bench,
            &format!("/v2/acme/shop/api/manifests/{reference}"),
            &good,
        )
        .await;
        assert_eq!((reply.status, &reply.text), (200, &pushed.manifest));
        assert_eq!(reply.header("docker-content-digest"), pushed.digest);
        assert_eq!(
            reply.header("content-type"),
            "application/vnd.oci.image.index.v1+json"
        );
        assert_eq!(reply.json()["manifests"][0]["digest"], pushed.children[0]);
    }
    for path in [
        "/v2/acme/shop/api/manifests/v2",
        "/v2/acme/none/manifests/v1",
        "/v2/other/shop/api/manifests/v1",
    ] {
        let reply = read(&bench, path, &good).await;
        assert_eq!(reply.status, 404);
        assert_eq!(
            reply.json()["errors"][0]["code"],
            Value::from("MANIFEST_UNKNOWN")
        );
    }
    // What is no path of the protocol stays unknown to the API.
    bench
        .get("/v2/acme/shop/api/uploads/v1")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_blob_is_read_if_its_content_was_pushed() {
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("shop/api").layer("a layer").sized_layer(1, 1000);
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let manifest: Value = serde_json::from_str(&pushed.manifest).unwrap();
    let good = credentials(&bench, "").await;
    let path = |digest: &Value| format!("/v2/acme/shop/api/blobs/{}", digest.as_str().unwrap());
    let layer = read(&bench, &path(&manifest["layers"][0]["digest"]), &good).await;
    assert_eq!((layer.status, layer.text.as_str()), (200, "a layer"));
    let config = read(&bench, &path(&manifest["config"]["digest"]), &good).await;
    assert_eq!(
        config.json()["rootfs"]["diff_ids"][0],
        manifest["layers"][0]["digest"]
    );
    // One that is only said to be so large has nothing to read.
    for digest in [
        &manifest["layers"][1]["digest"],
        &Value::from(format!("sha256:{:064}", 1)),
    ] {
        let none = read(&bench, &path(digest), &good).await;
        assert_eq!(none.status, 404);
        assert_eq!(none.json()["errors"][0]["code"], "BLOB_UNKNOWN");
    }
}

#[tokio::test]
async fn only_credentials_that_are_good_open_it() {
    let bench = Bench::with_registry("basic").await;
    bench
        .sandbox
        .push("acme", Image::new("a").layer("a").tag("v1"))
        .unwrap();
    let path = "/v2/acme/a/manifests/v1";
    let brief = credentials(&bench, "?expiry_seconds=60").await;
    assert_eq!(read(&bench, path, &brief).await.status, 200);
    bench.clock.advance(Duration::from_secs(60));
    let unknown = ("user".to_owned(), "unknown".to_owned());
    for bad in [brief, unknown] {
        let reply = read(&bench, path, &bad).await;
        assert_eq!(reply.status, 401);
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"sandbox\"");
    }
    // The API's own token is none of these.
    assert_eq!(bench.get(path).await.status, 401);
}
