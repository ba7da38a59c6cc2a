use std::io::ErrorKind;
use std::net::TcpListener;

use docr_sandbox::{CertificateSeed, Clock, Sandbox};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Bench, port::ReservedPort};

async fn on_reserved_port() -> (ReservedPort, Sandbox) {
    let port = ReservedPort::new();
    let sandbox = Sandbox::builder().port(port.number()).start().await;
    (port, sandbox.unwrap())
}

#[tokio::test]
async fn stopping_frees_the_port_even_with_connections_open() {
    let (port, sandbox) = on_reserved_port().await;
    let addr = port.addr();
    assert_eq!(sandbox.addr(), addr);
    assert_eq!(sandbox.url(), format!("http://{addr}"));
    let client = reqwest::Client::new();
    client.get(sandbox.url()).send().await.unwrap();
    let mut half_sent = tokio::net::TcpStream::connect(addr).await.unwrap();
    half_sent.write_all(b"GET / HT").await.unwrap();
    let _silent = tokio::net::TcpStream::connect(addr).await.unwrap();

    let taken = Sandbox::builder()
        .port(addr.port())
        .start()
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    sandbox.stop().await;
    let again = Sandbox::builder().port(addr.port()).start().await.unwrap();
    assert_eq!(again.addr(), addr);
}

#[tokio::test]
async fn dropping_frees_the_port_too() {
    let (port, sandbox) = on_reserved_port().await;
    let addr = port.addr();
    drop(sandbox);
    // The server notices as soon as the runtime gives it a turn.
    let mut turns = 0;
    while TcpListener::bind(addr).is_err() {
        turns += 1;
        assert!(turns < 1000, "the port is still taken");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let bench = Bench::start().await;
    let mut stream = tokio::net::TcpStream::connect(bench.sandbox.addr())
        .await
        .unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(chunk[..read].starts_with(b"HTTP/1.1 404"));
    }
}

#[tokio::test]
async fn the_same_calls_get_the_same_responses_and_another_seed_gives_others() {
    async fn play(seed: u64) -> Vec<String> {
        let bench = Bench::with(|builder| builder.seed(seed)).await;
        let mut said = vec![
            bench.sandbox.token().to_owned(),
            bench.sandbox.add_account(),
        ];
        said.push(
            bench
                .sandbox
                .add_certificate(CertificateSeed::custom("shop", ["shop.example.com"])),
        );
        let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
        for reply in [
            bench.post("/v2/registry", body).await,
            bench.get("/v2/registry/docker-credentials").await,
            bench.get(&format!("/v2/certificates/{}", said[2])).await,
        ] {
            said.extend([reply.header("x-request-id").to_owned(), reply.text]);
        }
        said
    }
    let first = play(7).await;
    assert_eq!(first, play(7).await);
    let other = play(8).await;
    assert!(
        first.iter().zip(&other).filter(|(a, b)| a == b).count() <= 1,
        "only the registry has no id"
    );
}

#[tokio::test]
async fn a_repeated_read_does_not_change_later_ids() {
    let (one, two) = (Bench::start().await, Bench::start().await);
    one.get("/v2/registry").await;
    let seed = CertificateSeed::custom("shop", ["shop.example.com"]);
    assert_eq!(
        one.sandbox.add_certificate(seed.clone()),
        two.sandbox.add_certificate(seed)
    );
}

#[tokio::test]
async fn debug_output_never_shows_a_token() {
    let builder = Sandbox::builder().token("s3cret").clock(Clock::system());
    assert!(!format!("{builder:?}").contains("s3cret"));
    let sandbox = builder.start().await.unwrap();
    assert_eq!(sandbox.token(), "s3cret");
    assert!(!format!("{sandbox:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused() {
    for token in ["", "two words", "line\nbreak", "$(x)"] {
        let error = Sandbox::builder().token(token).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
