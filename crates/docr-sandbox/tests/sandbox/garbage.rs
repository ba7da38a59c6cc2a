use std::fmt::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Bench;

/// A small xorshift generator with the same numbers in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn parts(&mut self, from: &[&str], most: usize) -> String {
        (0..self.roll(most + 1)).map(|_| self.pick(from)).collect()
    }
}

const PATHS: [&str; 12] = [
    "/v2",
    "/registry",
    "/registries",
    "/certificates",
    "/",
    "%",
    "%2F",
    "%ff",
    "%00",
    "{}",
    "..",
    "validate-name",
];
const QUERIES: [&str; 10] = [
    "expiry_seconds",
    "read_write",
    "=",
    "&",
    "%",
    "%zz",
    "+",
    "-1",
    "1e400",
    "99999999999999999999",
];
const BODIES: [&str; 12] = [
    "{",
    "}",
    "[",
    "]",
    "\"name\"",
    ":",
    ",",
    "1e999",
    "\"\\ud800\"",
    "null",
    "\"\u{0}é\"",
    "-0.0",
];

#[tokio::test]
async fn malformed_requests_always_get_a_response() {
    let bench = Bench::with(|builder| {
        builder.rate_limits(docr_sandbox::RateLimits {
            per_minute: 10_000,
            per_hour: 10_000,
        })
    })
    .await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let known = [
        "/v2/registry",
        "/v2/registry/docker-credentials",
        "/v2/registry/validate-name",
        "/v2/registry/subscription",
    ];
    for round in 0..400 {
        let path = if dice.roll(2) == 0 {
            dice.pick(&known).to_owned()
        } else {
            format!("/{}", dice.parts(&PATHS, 6))
        };
        let query = dice.parts(&QUERIES, 8);
        let body = dice.parts(&BODIES, 12);
        let method = dice.pick(&["GET", "POST", "DELETE", "HEAD", "OPTIONS", "BREW"]);
        let mut head =
            format!("{method} {path}?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        write!(
            head,
            "authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            bench.sandbox.token(),
            body.len()
        )
        .unwrap();
        let response = raw(&bench, format!("{head}{body}").as_bytes()).await;
        assert!(
            response.starts_with("HTTP/1.1 "),
            "round {round}: {head}{body} -> {response:?}"
        );
        assert!(
            !response.starts_with("HTTP/1.1 5"),
            "round {round}: {head}{body} -> {response:?}"
        );
    }
    assert_eq!(bench.sandbox.requests().len(), 400);
}

#[tokio::test]
async fn malformed_http_and_huge_queries_leave_the_sandbox_running() {
    let bench = Bench::start().await;
    let mut dice = Dice(1);
    for _ in 0..100 {
        let bytes: Vec<u8> = (0..dice.roll(200))
            .map(|_| u8::try_from(dice.roll(256)).unwrap())
            .collect();
        raw(&bench, &bytes).await;
    }
    raw(&bench, b"* * *\r\n\r\n").await;
    raw(
        &bench,
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    raw(
        &bench,
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    let headers = b"GET /v2/registry HTTP/1.1\r\nhost: x\r\nauthorization: \xff\xfe\xc3\xa9\xc3\xa9\xc3\xa9\r\nconnection: close\r\n\r\n";
    assert!(raw(&bench, headers).await.starts_with("HTTP/1.1 401"));

    bench
        .get(&format!("/v2/registry?{}", "a=%41&".repeat(10_000)))
        .await
        .refused(404, "not_found");
    let path = format!(
        "/v2/registry/docker-credentials?expiry_seconds={}",
        "9".repeat(50_000)
    );
    bench.get(&path).await.refused(422, "unprocessable_entity");
    let endless = format!("GET /?{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    assert!(
        raw(&bench, endless.as_bytes())
            .await
            .starts_with("HTTP/1.1 414")
    );
    assert_eq!(bench.get("/v2/registry/options").await.status, 200);
}

/// Sends bytes, closes the sending side, and reads the response.
async fn raw(bench: &Bench, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(bench.sandbox.addr()).await.unwrap();
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}
