//! Clients that send what no client should, or stop halfway: each gets a clear response or is disconnected, and the next
//! one is served.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use docr_sandbox::{ConnectionLimits, Image, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Bench;
use crate::oci::{Client, sha256};

/// Too long to wait for by mistake, and short enough to wait for.
const SHORT: Duration = Duration::from_millis(50);

async fn bench(choose: impl FnOnce(ConnectionLimits) -> ConnectionLimits) -> Bench {
    let limits = choose(ConnectionLimits::default());
    Bench::with(|builder| builder.connection_limits(limits)).await
}

/// Connects and sends before the sandbox gets a turn, so that it finds everything at once.
fn send(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream.write_all(bytes).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

/// Everything that is received until the sandbox closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    String::from_utf8(read).unwrap()
}

async fn raw(bench: &Bench, request: &str) -> String {
    rest(&mut send(bench.sandbox.addr(), request.as_bytes())).await
}

/// A whole request of the first account, after which the connection is closed.
fn request(bench: &Bench, line: &str, more: &str) -> String {
    let token = bench.sandbox.token();
    format!("{line}\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{more}\r\n")
}

/// Asserts the error envelope of a response and returns its message.
#[track_caller]
fn refused(response: &str, status: u16) -> String {
    assert!(
        response.starts_with(&format!("HTTP/1.1 {status} ")),
        "{response}"
    );
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let envelope: Value = serde_json::from_str(body).unwrap();
    assert!(envelope["id"].is_string(), "{body}");
    envelope["message"].as_str().unwrap().to_owned()
}

/// The statuses of all responses on a connection.
fn statuses(received: &str) -> Vec<&str> {
    let responses = received.split("HTTP/1.1 ").skip(1);
    responses.map(|response| &response[..3]).collect()
}

async fn is_served(bench: &Bench) {
    let response = raw(
        bench,
        &request(bench, "GET /v2/registry/options HTTP/1.1", ""),
    )
    .await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn headers_that_take_too_long_are_refused_and_idle_connections_end() {
    let bench = bench(|limits| ConnectionLimits {
        head: SHORT,
        ..limits
    })
    .await;
    let message = refused(
        &raw(&bench, "GET /v2/registry HTTP/1.1\r\nhost: ").await,
        408,
    );
    assert_eq!(
        message,
        "The head of the request did not arrive within 50ms."
    );
    assert_eq!(raw(&bench, "").await, "");
    is_served(&bench).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_response() {
    let bench = bench(|limits| ConnectionLimits {
        head: SHORT,
        ..limits
    })
    .await;
    let response = raw(&bench, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(response.matches("HTTP/1.1").count(), 1, "{response}");
    refused(&response, 404);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let bench = bench(|limits| ConnectionLimits {
        body: SHORT,
        ..limits
    })
    .await;
    for more in [
        "content-length: 10\r\n\r\n{",
        "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        "content-length: 2000000\r\n\r\n{",
    ] {
        let mut request = request(&bench, "POST /v2/registry HTTP/1.1", "");
        request.truncate(request.len() - 2);
        let response = raw(&bench, &(request + more)).await;
        assert_eq!(refused(&response, 408), "The body did not arrive in time.");
    }
    is_served(&bench).await;
}

#[tokio::test]
async fn a_stalled_upload_is_refused_and_continues_from_what_arrived() {
    let bench = bench(|limits| ConnectionLimits {
        idle: SHORT,
        ..limits
    })
    .await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let token = bench.sandbox.token();
    let client = Client::basic(&bench, token.to_owned());
    let location = client.begin("a").await;
    let path = location.strip_prefix(bench.sandbox.url()).unwrap();
    let basic = format!("Basic {}", base64(&format!("x:{token}")));
    let head = format!("PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: {basic}\r\n");
    let response = raw(&bench, &format!("{head}content-length: 10\r\n\r\nabc")).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("BLOB_UPLOAD_INVALID"), "{response}");

    let status = client.get(&location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-2"));
    let at = format!("{location}?digest={}", sha256(b"abcdef"));
    assert_eq!(client.send("PUT", &at, "def").await.status, 201);
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_dropped_for_the_next_one() {
    let limits = ConnectionLimits {
        connections: 1,
        idle: SHORT,
        ..ConnectionLimits::default()
    };
    let bench = Bench::with(|builder| builder.connection_limits(limits)).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "professional" });
    let create = format!("content-length: {}\r\n\r\n{body}", body.to_string().len());
    let mut first = request(&bench, "POST /v2/registry HTTP/1.1", "");
    first.truncate(first.len() - 2);
    let created = raw(&bench, &(first + &create)).await;
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    let image = Image::new("a").sized_layer(1, 1 << 30);
    let manifest: Value =
        serde_json::from_str(&bench.sandbox.push("acme", image).unwrap().manifest).unwrap();
    let digest = manifest["layers"][0]["digest"].as_str().unwrap();
    let basic = base64(&format!("x:{}", bench.sandbox.token()));
    let pull = format!(
        "GET /v2/acme/a/blobs/{digest} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {basic}\r\n\r\n"
    );
    let _never_reads = send(bench.sandbox.addr(), pull.as_bytes());
    is_served(&bench).await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let bench = bench(|limits| ConnectionLimits {
        connections: 1,
        ..limits
    })
    .await;
    let mut first = send(bench.sandbox.addr(), b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(first.read(&mut [0; 4096]).await.unwrap() > 0);
    let get = request(&bench, "GET /v2/registry/options HTTP/1.1", "");
    let mut second = send(bench.sandbox.addr(), get.as_bytes());
    let mut begin = [0; 12];
    let early = tokio::time::timeout(SHORT, second.read_exact(&mut begin)).await;
    assert!(early.is_err(), "the second one is served beside the first");
    drop(first);
    second.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let bench = Bench::start().await;
    let (megabyte, many) = ("a".repeat(1_000_000), "x: y\r\n".repeat(1000));
    for (target, headers, status) in [
        ("/", format!("x: {megabyte}\r\n"), 431),
        ("/", many, 431),
        (&*format!("/{megabyte}"), String::new(), 431),
        (&*format!("/{}", &megabyte[..100_000]), String::new(), 414),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(bench.sandbox.addr()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let response = rest(&mut stream).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(response.starts_with(&expected), "{status}: {response}");
    }
    is_served(&bench).await;
}

#[tokio::test]
async fn contradictory_headers_are_refused() {
    let bench = Bench::start().await;
    let get = "GET /v2/registry/options HTTP/1.1\r\n";
    let missing = raw(&bench, &format!("{get}connection: close\r\n\r\n")).await;
    assert!(refused(&missing, 400).starts_with("Host: is missing"));
    let twice = format!("{get}host: x\r\nhost: y\r\nconnection: close\r\n\r\n");
    assert!(refused(&raw(&bench, &twice).await, 400).starts_with("Host: is given more"));
    let old = "GET /v2/registry/options HTTP/1.0\r\n\r\n";
    assert!(raw(&bench, old).await.starts_with("HTTP/1.0 401 "));
    for wrong in [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: -1",
        "content-length: 99999999999999999999999",
        "transfer-encoding: gzip",
        " folded: x",
        "na me: x",
        "x: \0",
    ] {
        let head = format!("POST /v2/registry HTTP/1.1\r\nhost: x\r\n{wrong}\r\n\r\n");
        let response = raw(&bench, &head).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{wrong}: {response}");
    }
    // Chunked encoding takes precedence over a length, and nothing of the body is taken for another request.
    let more = "content-length: 3\r\ntransfer-encoding: chunked\r\n";
    let both = request(&bench, "POST /v2/registry HTTP/1.1", more);
    let response = raw(&bench, &format!("{both}3\r\n{{}}x\r\n0\r\n\r\n")).await;
    assert!(refused(&response, 400).starts_with("error parsing request body"));
    let more = "transfer-encoding: chunked\r\n";
    let chunked = request(&bench, "POST /v2/registry HTTP/1.1", more);
    let response = raw(&bench, &format!("{chunked}zz\r\n")).await;
    assert_eq!(refused(&response, 400), "The body is incomplete.");
    is_served(&bench).await;
}

#[tokio::test]
async fn unusual_request_targets_are_routed_like_any_other() {
    let bench = Bench::start().await;
    for path in [
        "/v2/registries/%00",
        "/v2/registries/acme%00",
        "/v2/registries/%ff%fe",
        "/v2/registries/%",
        "/v2/registries/%zz",
        "/v2/certificates/%2e%2e%2f%2e%2e",
        "/v2/../v2/registry",
        "/%00",
        "//",
        "*",
    ] {
        let method = if path == "*" { "OPTIONS" } else { "GET" };
        let line = format!("{method} {path} HTTP/1.1");
        refused(&raw(&bench, &request(&bench, &line, "")).await, 404);
    }
    for path in ["/v2/acme/%00/manifests/v1", "/v2/acme/a%00/blobs/uploads/"] {
        let line = format!("GET {path} HTTP/1.1");
        let response = raw(&bench, &request(&bench, &line, "")).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(response.contains("NAME_INVALID"), "{response}");
    }
    let absolute = "GET http://registry.example.com/v2/registry/options HTTP/1.1";
    let response = raw(&bench, &request(&bench, absolute, "")).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let connect = request(&bench, "CONNECT example.com:443 HTTP/1.1", "");
    refused(&raw(&bench, &connect).await, 404);
}

#[tokio::test]
async fn other_protocols_are_refused_or_dropped() {
    let bench = Bench::start().await;
    for (bytes, expected) in [
        ("GET /\r\n\r\n", "HTTP/1.1 400 "),
        ("GET / HTTP/7.0\r\n\r\n", "HTTP/1.1 400 "),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", "HTTP/1.1 400 "),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
    ] {
        let response = raw(&bench, bytes).await;
        match expected {
            "" => assert_eq!(response, ""),
            _ => assert!(response.starts_with(expected), "{bytes:?}: {response}"),
        }
    }
    is_served(&bench).await;
}

#[tokio::test]
async fn a_body_with_a_huge_content_length_is_refused_before_it_is_sent() {
    let bench = Bench::start().await;
    for more in [
        "content-length: 5000000000\r\n",
        "content-length: 5000000000\r\nexpect: 100-continue\r\n",
        "content-length: 9007199254740991\r\n",
    ] {
        let head = request(&bench, "POST /v2/registry HTTP/1.1", more);
        let message = refused(&raw(&bench, &head).await, 413);
        assert_eq!(message, "The body is larger than 1 MiB.");
    }
    is_served(&bench).await;
}

#[tokio::test]
async fn a_client_that_expects_a_100_gets_it_or_a_refusal() {
    let bench = Bench::with_registry("basic").await;
    let more = "content-length: 2\r\nexpect: 100-continue\r\n";
    let head = request(&bench, "POST /v2/registries/validate-name HTTP/1.1", more);
    let mut stream = send(bench.sandbox.addr(), head.as_bytes());
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").await.unwrap();
    refused(&rest(&mut stream).await, 422);

    let head = request(&bench, "PUT /v2/acme/a/manifests/v1 HTTP/1.1", more);
    let response = raw(&bench, &head.replace("Bearer ", "Bearer x")).await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
}

#[tokio::test]
async fn an_endless_body_is_abandoned_and_its_sender_gets_the_reason() {
    let bench = Bench::start().await;
    let more = "transfer-encoding: chunked\r\n";
    let head = request(&bench, "POST /v2/registry HTTP/1.1", more);
    let stream = send(bench.sandbox.addr(), head.as_bytes());
    let (mut reader, mut writer) = stream.into_split();
    let writing = async {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let mut sent = 0_u64;
        while sent < 1 << 30 && writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 0x10000;
        }
        sent
    };
    let reading = async {
        let mut response = vec![0; 4096];
        let length = reader.read(&mut response).await.unwrap();
        String::from_utf8_lossy(&response[..length]).into_owned()
    };
    let (sent, response) = tokio::join!(writing, reading);
    refused(&response, 413);
    assert!(sent < 1 << 27, "{sent} bytes were taken");
    is_served(&bench).await;
}

#[tokio::test]
async fn after_a_body_that_is_too_large_the_connection_serves_the_next_request() {
    let bench = Bench::start().await;
    // The sandbox still has to read half of it when it refuses it.
    let body = "x".repeat(2 << 20);
    let more = format!("content-length: {}\r\n", body.len());
    let first = request(&bench, "POST /v2/registry HTTP/1.1", &more);
    let first = first.replace("connection: close\r\n", "");
    let last = request(&bench, "GET /v2/registry/options HTTP/1.1", "");
    let (mut reader, mut writer) = send(bench.sandbox.addr(), b"").into_split();
    let sent = first + &body + &last;
    let mut received = String::new();
    let (written, read) = tokio::join!(
        writer.write_all(sent.as_bytes()),
        reader.read_to_string(&mut received),
    );
    written.unwrap();
    read.unwrap();
    assert_eq!(statuses(&received), ["413", "200"]);
}

#[tokio::test]
async fn pipelined_requests_get_responses_in_order_up_to_the_first_malformed_one() {
    let bench = Bench::start().await;
    let token = bench.sandbox.token();
    let mut sent = String::new();
    let mut expected = Vec::new();
    for _ in 0..20 {
        for (request, status) in [
            ("GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "404"),
            (
                format!(
                    "POST /v2/registry HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 1\r\n\r\n{{"
                ),
                "400",
            ),
            (
                "GET /v2/registry HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
                "401",
            ),
        ] {
            sent.push_str(&request);
            expected.push(status);
        }
    }
    sent.push_str("what is this?\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n");
    expected.push("400");
    let response = raw(&bench, &sent).await;
    assert_eq!(statuses(&response), expected);
}

#[tokio::test]
async fn a_broken_handshake_is_dropped_and_delays_nobody() {
    let limits = ConnectionLimits {
        connections: 1,
        handshake: SHORT,
        ..ConnectionLimits::default()
    };
    let sandbox = Sandbox::builder().tls(true).connection_limits(limits);
    let sandbox = sandbox.start().await.unwrap();
    // Only the beginning of a handshake.
    let _dawdling = send(sandbox.addr(), b"\x16\x03\x01\x02\x00\x01");
    for _ in 0..2 {
        let mut broken = send(sandbox.addr(), b"GET / HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut alert = Vec::new();
        broken.read_to_end(&mut alert).await.unwrap();
        assert_eq!(alert[0], 21, "an alert");
    }
    assert_eq!(sandbox.requests(), []);
}
