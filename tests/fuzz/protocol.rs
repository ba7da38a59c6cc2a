//! Malformed requests to a sandbox: paths, headers and bodies of the API, the registry protocol and its own controls.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use docr_tests::sandbox::{TOKEN, furnish, image, start};

use super::Inputs;

/// Sends a request, which may be cut off, and reads the response until the connection is closed.
fn exchange(address: SocketAddr, bytes: &[u8], is_whole: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // The sandbox may close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    if !is_whole {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        response.extend_from_slice(&buffer[..length]);
    }
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn requests_to_a_sandbox() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    sandbox.push("acme-images", image()).unwrap();
    let start = sandbox.snapshot();
    let address = sandbox.addr();
    Inputs::of("requests", 2).check(|input| {
        let request = String::from_utf8_lossy(input).replace('\n', "\r\n");
        let response = exchange(address, request.replace("TOKEN", TOKEN).as_bytes(), false);
        let text = String::from_utf8_lossy(&response);
        let fails = text.lines().any(|line| line.starts_with("HTTP/1.1 5"));
        assert!(!fails, "a server error: {text}");
        // It still serves other clients.
        sandbox.restore(&start);
        sandbox.forget_rates();
        let health = format!(
            "GET /v2/registry HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
        );
        let healthy = exchange(address, health.as_bytes(), true);
        assert!(healthy.starts_with(b"HTTP/1.1 200 "), "{}", healthy.escape_ascii());
    });
}
