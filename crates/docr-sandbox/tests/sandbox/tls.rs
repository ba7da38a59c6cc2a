//! The sandbox over TLS.

use std::time::Duration;

use docr_sandbox::Sandbox;
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::Instant};

use crate::port::ReservedPort;

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served_and_its_links_say_https() {
    let sandbox = Sandbox::builder().tls(true).start().await.unwrap();
    let pem = sandbox.certificate_pem().unwrap();
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    for name in ["a", "b"] {
        let seed = docr_sandbox::CertificateSeed::custom(name, ["a.example.com"]);
        sandbox.add_certificate(seed);
    }
    let url = format!("{}/v2/certificates?per_page=1", sandbox.url());
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let response = http
        .get(url)
        .bearer_auth(sandbox.token())
        .send()
        .await
        .unwrap();
    let list: serde_json::Value = response.json().await.unwrap();
    let next = list["links"]["pages"]["next"].as_str().unwrap();
    assert!(next.starts_with(sandbox.url()), "{next}");
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_or_speaks_plain_http_is_not_served() {
    let port = ReservedPort::new();
    let builder = Sandbox::builder().tls(true).port(port.number());
    let sandbox = builder.start().await.unwrap();
    let url = format!("{}/v2/certificates", sandbox.url());
    assert!(reqwest::get(&url).await.is_err());
    assert!(reqwest::get(url.replace("https", "http")).await.is_err());
    assert_eq!(sandbox.requests(), []);
    sandbox.stop().await;
    std::net::TcpListener::bind(port.addr()).unwrap();
}

#[tokio::test]
async fn without_tls_there_is_no_certificate() {
    assert_eq!(Sandbox::start().await.unwrap().certificate_pem(), None);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_the_handshake_is_dropped() {
    let sandbox = Sandbox::builder().tls(true).start().await.unwrap();
    let begin = Instant::now();
    let mut silent = TcpStream::connect(sandbox.addr()).await.unwrap();
    let mut read = Vec::new();
    silent.read_to_end(&mut read).await.unwrap();
    assert!(read.is_empty());
    assert!(begin.elapsed() >= Duration::from_secs(10));
}
