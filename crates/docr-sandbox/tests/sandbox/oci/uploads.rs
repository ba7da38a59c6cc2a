use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, refused, sha256, sha512};
use crate::{Bench, Reply};

const START: &str = "/v2/acme/a/blobs/uploads/";

/// Pseudorandom bytes, just small enough for memory.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as u8)
        .collect()
}

async fn patch(client: &Client<'_>, to: &str, range: Option<&str>, body: &[u8]) -> Reply {
    let mut request = client.request("PATCH", to).body(body.to_vec());
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    Reply::read(request).await
}

async fn close(client: &Client<'_>, to: &str, digest: &str, body: &[u8]) -> Reply {
    client
        .send("PUT", &format!("{to}?digest={digest}"), body)
        .await
}

async fn assert_blob(client: &Client<'_>, digest: &str, content: &[u8]) {
    let path = format!("/v2/acme/a/blobs/{digest}");
    assert!(
        client.bytes(&path).await == content,
        "another content of {digest}"
    );
}

#[tokio::test]
async fn a_blob_is_pushed_in_one_request_whatever_its_size() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    for length in [0, 1, 65_536, 65_537, 3_000_000] {
        let content = content(length);
        for digest in [sha256(&content), sha512(&content)] {
            let path = format!("{START}?digest={digest}");
            let reply = client.send("POST", &path, content.clone()).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            assert_eq!(reply.header("docker-content-digest"), digest);
            let at = reply.header("location").to_owned();
            assert!(client.bytes(&at).await == content);
        }
    }
}

#[tokio::test]
async fn a_blob_is_pushed_in_two_requests() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    for content in [content(10), content(200_000)] {
        for digest in [sha256(&content), sha512(&content)] {
            let at = client.begin("a").await;
            let reply = close(&client, &at, &digest, &content).await;
            assert_eq!(reply.status, 201, "{}", reply.text);
            assert_blob(&client, &digest, &content).await;
            let again = close(&client, &at, &digest, &content).await;
            refused(&again, 404, "BLOB_UPLOAD_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn a_blob_is_pushed_in_chunks_with_and_without_ranges() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let content = content(150_000);
    for with_ranges in [true, false] {
        let mut at = client.begin("a").await;
        for (number, chunk) in content.chunks(60_000).enumerate() {
            let (first, last) = (number * 60_000, number * 60_000 + chunk.len() - 1);
            let range = format!("{first}-{last}");
            let reply = patch(&client, &at, with_ranges.then_some(&range), chunk).await;
            assert_eq!(reply.status, 202, "{}", reply.text);
            assert_eq!(reply.header("range"), format!("0-{last}"));
            at = reply.header("location").to_owned();
        }
        let digest = sha256(&content);
        assert_eq!(close(&client, &at, &digest, b"").await.status, 201);
        assert_blob(&client, &digest, &content).await;
    }
}

#[tokio::test]
async fn a_chunk_that_is_out_of_order_is_refused_and_the_upload_goes_on() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    for (range, received) in [("1-3", "0-0"), ("0-", "0-0"), ("x", "0-0"), ("3-1", "0-0")] {
        let reply = patch(&client, &at, Some(range), b"abc").await;
        refused(&reply, 416, "BLOB_UPLOAD_INVALID");
        assert_eq!(reply.header("range"), received);
        assert_eq!(reply.header("location"), at);
    }
    assert_eq!(patch(&client, &at, Some("0-2"), b"abc").await.status, 202);
    let repeated = patch(&client, &at, Some("0-2"), b"abc").await;
    refused(&repeated, 416, "BLOB_UPLOAD_INVALID");
    let digest = sha256(b"abcdef");
    let last = client
        .request("PUT", &format!("{at}?digest={digest}"))
        .header("content-range", "4-6")
        .body("def");
    refused(&Reply::read(last).await, 416, "BLOB_UPLOAD_INVALID");
    assert_eq!(close(&client, &at, &digest, b"def").await.status, 201);
    assert_blob(&client, &digest, b"abcdef").await;
}

#[tokio::test]
async fn a_chunk_whose_length_differs_from_its_range_is_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    let reply = patch(&client, &at, Some("0-4"), b"abc").await;
    refused(&reply, 400, "SIZE_INVALID");
    // The length was declared, so nothing was read.
    assert_eq!(patch(&client, &at, Some("0-2"), b"abc").await.status, 202);
    // Of a body without a declared length, as much as the range says is kept.
    for (range, body, received) in [("3-4", "defgh", "0-4"), ("5-9", "fg", "0-6")] {
        let stream = reqwest::Body::wrap_stream(Once(Some(body)));
        let request = client
            .request("PATCH", &at)
            .header("content-range", range)
            .body(stream);
        refused(&Reply::read(request).await, 400, "SIZE_INVALID");
        assert_eq!(client.get(&at).await.header("range"), received);
    }
    let digest = sha256(b"abcdefg");
    assert_eq!(close(&client, &at, &digest, b"").await.status, 201);
}

/// A stream of one chunk, which reqwest sends without a length.
struct Once(Option<&'static str>);

impl futures_core::Stream for Once {
    type Item = Result<&'static str, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

#[tokio::test]
async fn an_upload_reports_its_progress_and_can_be_cancelled() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    let status = client.get(&at).await;
    assert_eq!((status.status, status.header("range")), (204, "0-0"));
    patch(&client, &at, None, b"abc").await;
    let status = client.get(&at).await;
    assert_eq!((status.status, status.header("range")), (204, "0-2"));
    assert_eq!(status.header("location"), at);
    let id = status.header("docker-upload-uuid");
    assert!(at.ends_with(id));

    assert_eq!(client.send("DELETE", &at, "").await.status, 204);
    for method in ["GET", "PATCH", "DELETE", "PUT"] {
        let reply = client.send(method, &at, "").await;
        refused(&reply, 404, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    let elsewhere = at.replace("/acme/a/", "/acme/b/");
    for method in ["GET", "PATCH", "DELETE"] {
        let reply = client.send(method, &elsewhere, "x").await;
        refused(&reply, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    assert_eq!(client.get(&at).await.status, 204);
}

#[tokio::test]
async fn content_of_another_digest_is_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    for length in [5, 100_000] {
        let content = content(length);
        for wrong in [sha256(b"other"), sha512(b"other")] {
            let path = format!("{START}?digest={wrong}");
            let reply = client.send("POST", &path, content.clone()).await;
            refused(&reply, 400, "DIGEST_INVALID");
            let at = client.begin("a").await;
            let reply = close(&client, &at, &wrong, &content).await;
            refused(&reply, 400, "DIGEST_INVALID");
            let path = format!("/v2/acme/a/blobs/{wrong}");
            assert_eq!(client.send("HEAD", &path, "").await.status, 404);
        }
    }
    let registry = bench.get("/v2/registry").await.json();
    assert_eq!(registry["registry"]["storage_usage_bytes"], 0);
}

#[tokio::test]
async fn a_malformed_digest_is_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    for digest in ["", "sha256:", "md5:abc", "sha256:../../etc/passwd", "x"] {
        let reply = close(&client, &at, digest, b"abc").await;
        refused(&reply, 400, "DIGEST_INVALID");
        let path = format!("{START}?digest={digest}");
        let one = client.send("POST", &path, "abc").await;
        refused(&one, 400, "DIGEST_INVALID");
    }
    refused(&client.send("PUT", &at, "abc").await, 400, "DIGEST_INVALID");
    let other = format!("{START}?digest-algorithm=md5");
    refused(
        &client.send("POST", &other, "").await,
        400,
        "DIGEST_INVALID",
    );
    // The upload is unaffected.
    let digest = sha256(b"abc");
    assert_eq!(close(&client, &at, &digest, b"abc").await.status, 201);
}

#[tokio::test]
async fn the_digest_algorithm_may_be_announced() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let path = format!("{START}?digest-algorithm=sha512");
    let started = client.send("POST", &path, "").await;
    let (at, digest) = (started.header("location"), sha512(b"abc"));
    assert_eq!(close(&client, at, &digest, b"abc").await.status, 201);
    assert_blob(&client, &digest, b"abc").await;
}

#[tokio::test]
async fn an_interrupted_upload_keeps_what_arrived() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let content = content(300_000);
    let at = client.begin("a").await;
    let path = at.strip_prefix(bench.sandbox.url()).unwrap();
    let authorization = client.request("GET", "/").build().unwrap();
    let authorization = authorization.headers()["authorization"].to_str().unwrap();
    let mut stream = tokio::net::TcpStream::connect(bench.sandbox.addr())
        .await
        .unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {authorization}\r\ncontent-length: {}\r\n\r\n",
        bench.sandbox.addr(),
        content.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&content[..200_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    drop(stream);

    // The sandbox notices on its own.
    let mut range = String::new();
    for _ in 0..1000 {
        range = client.get(&at).await.header("range").to_owned();
        if range == "0-199999" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(range, "0-199999");
    let rest = patch(&client, &at, Some("200000-299999"), &content[200_000..]).await;
    assert_eq!(rest.status, 202, "{}", rest.text);
    let digest = sha256(&content);
    assert_eq!(close(&client, &at, &digest, b"").await.status, 201);
    assert_blob(&client, &digest, &content).await;
}

#[tokio::test]
async fn an_upload_takes_one_request_at_a_time() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let at = client.begin("a").await;
    let path = at.strip_prefix(bench.sandbox.url()).unwrap();
    let authorization = client.request("GET", "/").build().unwrap();
    let authorization = authorization.headers()["authorization"].to_str().unwrap();
    let mut stream = tokio::net::TcpStream::connect(bench.sandbox.addr())
        .await
        .unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\ncontent-length: 2\r\n\r\na"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut other = patch(&client, &at, Some("5-6"), b"xy").await;
    for _ in 0..1000 {
        // Until the first one was received.
        if other.status == 409 {
            break;
        }
        other = patch(&client, &at, Some("5-6"), b"xy").await;
    }
    refused(&other, 409, "BLOB_UPLOAD_INVALID");
    stream.write_all(b"b").await.unwrap();
    let mut said = [0; 12];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 202");
    let digest = sha256(b"ab");
    assert_eq!(close(&client, &at, &digest, b"").await.status, 201);
}

#[tokio::test]
async fn two_uploads_of_one_digest_at_once_make_one_blob() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let content = content(500_000);
    let digest = sha256(&content);
    let (one, two) = (client.begin("a").await, client.begin("a").await);
    let (one, two) = tokio::join!(
        close(&client, &one, &digest, &content),
        close(&client, &two, &digest, &content)
    );
    assert_eq!((one.status, two.status), (201, 201));
    assert_blob(&client, &digest, &content).await;
    let registry = bench.get("/v2/registry").await.json();
    assert_eq!(registry["registry"]["storage_usage_bytes"], 500_000);
}

#[tokio::test]
async fn abandoned_uploads_are_dropped_after_a_day() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (old, used) = (client.begin("a").await, client.begin("a").await);
    patch(&client, &old, None, &content(100_000)).await;
    bench.clock.advance(Duration::from_secs(86_399));
    patch(&client, &used, None, b"abc").await;
    bench.clock.advance(Duration::from_secs(1));
    refused(&client.get(&old).await, 404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(client.get(&used).await.status, 204);
}

#[tokio::test]
async fn a_blob_is_mounted_from_another_repository() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    let digest = client.blob("a", b"shared").await;
    let storage = async || {
        let registry = bench.get("/v2/registry").await.json();
        registry["registry"]["storage_usage_bytes"].clone()
    };
    let before = storage().await;
    for (repository, from) in [("b", "&from=acme/a"), ("c", "")] {
        let at = format!("/v2/acme/{repository}/blobs/{digest}");
        assert_eq!(client.send("HEAD", &at, "").await.status, 404);
        let path = format!("/v2/acme/{repository}/blobs/uploads/?mount={digest}{from}");
        let mounted = client.send("POST", &path, "").await;
        assert_eq!(mounted.status, 201, "{}", mounted.text);
        assert!(mounted.header("location").ends_with(&at));
        assert_eq!(client.get(&at).await.text, "shared");
    }
    assert_eq!(storage().await, before, "it is stored once");
}

#[tokio::test]
async fn a_blob_is_mounted_from_another_registry_of_the_account() {
    let bench = Bench::with_registry("professional").await;
    let body = serde_json::json!({ "name": "second" });
    assert_eq!(bench.post("/v2/registries", body).await.status, 201);
    let client = Client::basic(&bench, bench.sandbox.token().to_owned());
    let content = content(100_000);
    let digest = client.blob("a", &content).await;
    let mount = format!("/v2/second/b/blobs/uploads/?mount={digest}&from=acme/a");
    assert_eq!(client.send("POST", &mount, "").await.status, 201);
    bench.delete("/v2/registries/acme").await;
    let copy = format!("/v2/second/b/blobs/{digest}");
    assert!(client.bytes(&copy).await == content);
}

#[tokio::test]
async fn a_blob_that_cannot_be_mounted_becomes_an_upload() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    let digest = client.blob("a", b"shared").await;
    let absent = sha256(b"absent");
    for query in [
        format!("mount={absent}&from=acme/a"),
        format!("mount={digest}&from=acme/none"),
        format!("mount={digest}&from=other/a"),
        format!("mount={absent}"),
    ] {
        let reply = client
            .send("POST", &format!("/v2/acme/b/blobs/uploads/?{query}"), "")
            .await;
        assert_eq!(reply.status, 202, "{query}: {}", reply.text);
        let at = reply.header("location");
        let closed = close(&client, at, &sha256(b"absent"), b"absent").await;
        assert_eq!(closed.status, 201);
        let path = format!("/v2/acme/b/blobs/{}", sha256(b"absent"));
        client.send("DELETE", &path, "").await;
    }
    let bad = "/v2/acme/b/blobs/uploads/?mount=x&from=acme/a";
    refused(&client.send("POST", bad, "").await, 400, "DIGEST_INVALID");
}

#[tokio::test]
async fn storage_beyond_the_tier_is_denied() {
    let bench = Bench::with_registry("starter").await;
    bench.sandbox.set_usage(docr_sandbox::Usage {
        storage_bytes: 524_288_000 - 100,
        repositories: 0,
    });
    let client = Client::new(&bench).await;
    client.blob("a", &content(100)).await;
    let path = format!("{START}?digest={}", sha256(b"x"));
    refused(&client.send("POST", &path, "x").await, 403, "DENIED");
    // Existing blobs need no more storage.
    client.blob("a", &content(100)).await;
}

#[tokio::test]
async fn an_unknown_registry_and_bad_names_are_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let other = client.send("POST", "/v2/other/a/blobs/uploads/", "");
    refused(&other.await, 404, "NAME_UNKNOWN");
    for name in ["acme/A", "acme/a%2Fb", "acme/a//b", "acme/-a"] {
        let path = format!("/v2/{name}/blobs/uploads/");
        refused(&client.send("POST", &path, "").await, 400, "NAME_INVALID");
    }
    for method in ["GET", "PUT", "DELETE"] {
        refused(&client.send(method, START, "").await, 405, "UNSUPPORTED");
    }
}

#[tokio::test]
async fn the_files_of_a_sandbox_are_deleted_with_it() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", &content(100_000)).await;
    let folder = bench.sandbox.storage().to_owned();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    drop(bench);
    assert!(!folder.exists());
}
