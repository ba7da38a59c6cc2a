use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, refused, sha256};
use crate::{Bench, Reply};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[tokio::test]
async fn a_blob_has_its_size_its_digest_and_its_bytes() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    for content in [content(0), content(1000), content(1_500_000)] {
        let digest = client.blob("a", &content).await;
        let path = format!("/v2/acme/a/blobs/{digest}");
        let head = client.send("HEAD", &path, "").await;
        assert_eq!(head.status, 200);
        assert_eq!(head.header("content-length"), content.len().to_string());
        assert_eq!(head.header("docker-content-digest"), digest);
        assert_eq!(head.header("accept-ranges"), "bytes");
        let get = client.request("GET", &path).send().await.unwrap();
        assert_eq!(get.content_length(), Some(content.len() as u64));
        assert!(get.bytes().await.unwrap() == content);
    }
}

#[tokio::test]
async fn a_part_of_a_blob_is_read_by_its_range() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    for length in [1000, 1_500_000] {
        let content = content(length);
        let digest = client.blob("a", &content).await;
        let path = format!("/v2/acme/a/blobs/{digest}");
        let range = async |range: &str| {
            let request = client.request("GET", &path).header("range", range);
            request.send().await.unwrap()
        };
        for (asked, first, last) in [
            ("bytes=0-9".to_owned(), 0, 9),
            (format!("bytes={}-", length - 5), length - 5, length - 1),
            ("bytes=-7".to_owned(), length - 7, length - 1),
            ("bytes=3-99999999".to_owned(), 3, length - 1),
        ] {
            let part = range(&asked).await;
            assert_eq!(part.status(), 206);
            let expected = format!("bytes {first}-{last}/{length}");
            assert_eq!(part.headers()["content-range"], expected);
            assert!(part.bytes().await.unwrap() == content[first..=last]);
        }
        let beyond = range(&format!("bytes={length}-")).await;
        assert_eq!(beyond.status(), 416);
        let expected = format!("bytes */{length}");
        assert_eq!(beyond.headers()["content-range"], expected);
        assert_eq!(range("bytes=0-1,5-6").await.status(), 200);
    }
}

#[tokio::test]
async fn a_deleted_blob_is_gone_from_its_repository_only() {
    let bench = Bench::with_registry("professional").await;
    let client = Client::new(&bench).await;
    let digest = client.blob("a", b"blob").await;
    client.blob("b", b"blob").await;
    let path = format!("/v2/acme/a/blobs/{digest}");
    assert_eq!(client.send("DELETE", &path, "").await.status, 202);
    refused(&client.get(&path).await, 404, "BLOB_UNKNOWN");
    refused(&client.send("DELETE", &path, "").await, 404, "BLOB_UNKNOWN");
    let other = format!("/v2/acme/b/blobs/{digest}");
    assert_eq!(client.get(&other).await.text, "blob");
    client.blob("a", b"blob").await;
    assert_eq!(client.get(&path).await.text, "blob");
}

#[tokio::test]
async fn unknown_digests_are_distinguished_from_malformed_ones() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    client.blob("a", b"blob").await;
    let absent = sha256(b"absent");
    for (path, status, code) in [
        (format!("/v2/acme/a/blobs/{absent}"), 404, "BLOB_UNKNOWN"),
        (format!("/v2/acme/none/blobs/{absent}"), 404, "NAME_UNKNOWN"),
        (format!("/v2/none/a/blobs/{absent}"), 404, "NAME_UNKNOWN"),
        ("/v2/acme/a/blobs/latest".to_owned(), 400, "DIGEST_INVALID"),
        ("/v2/acme/a/blobs/..".to_owned(), 400, "DIGEST_INVALID"),
        (
            "/v2/acme/a/blobs/sha256:%2e%2e%2f".to_owned(),
            400,
            "DIGEST_INVALID",
        ),
        (
            format!("/v2/acme/../acme/a/blobs/{absent}"),
            400,
            "NAME_INVALID",
        ),
    ] {
        let reply = raw(&bench, &client, &path).await;
        assert!(reply.contains(&format!(" {status} ")), "{path}: {reply}");
        assert!(reply.contains(code), "{path}: {reply}");
    }
    let path = format!("/v2/acme/a/blobs/{absent}");
    let put = client.send("PUT", &path, "x").await;
    refused(&put, 405, "UNSUPPORTED");
    assert_eq!(put.header("allow"), "DELETE, GET, HEAD");
}

/// Sends a path as it is, which HTTP clients don't.
async fn raw(bench: &Bench, client: &Client<'_>, path: &str) -> String {
    let mut stream = connect(bench, client, path).await;
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    said
}

async fn connect(bench: &Bench, client: &Client<'_>, path: &str) -> tokio::net::TcpStream {
    let request = client.request("GET", "/").build().unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    let mut stream = tokio::net::TcpStream::connect(bench.sandbox.addr())
        .await
        .unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_reader_that_stops_reading_delays_nobody() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let content = content(8_000_000);
    let digest = client.blob("a", &content).await;
    let path = format!("/v2/acme/a/blobs/{digest}");
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&bench, &client, &path).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        idle.push(stream);
    }
    assert!(client.bytes(&path).await == content);
    // A blob that is deleted while it is read can be read to its end.
    client.send("DELETE", &path, "").await;
    let mut rest = Vec::new();
    idle.pop().unwrap().read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(&content));
}

#[tokio::test]
async fn a_request_with_an_unexpected_or_longer_body_gets_a_response() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let digest = client.blob("a", b"blob").await;
    let path = format!("/v2/acme/a/blobs/{digest}");
    let with_body = client.request("GET", &path).body(vec![0; 100_000]);
    assert_eq!(Reply::read(with_body).await.text, "blob");
}
