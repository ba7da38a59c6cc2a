//! Servers that send nothing, or too much, or can't be reached in time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use docr::{
    CredentialsRequest, Digest, DockerCredentials, ManualClock,
    retention::{ManifestReader as _, OciManifests},
};
use docr_api::operations;
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{TOKEN, client, client_at, furnish, noon, registry_name, start},
};
use tokio::net::{TcpSocket, TcpStream};

use super::held;

/// An address at which connections are neither accepted nor refused: its queue is full.
struct FullQueue {
    address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
}

impl FullQueue {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let patience = Duration::from_millis(25);
        // A busy machine may cause one timeout.
        let mut late = 0;
        while late < 3 {
            match tokio::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(stream) => queued.push(stream.unwrap()),
                Err(_) => late += 1,
            }
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn a_connection_slower_than_the_attempt_timeout_has_sent_nothing() {
    let queue = FullQueue::new().await;
    for operation in operations::ALL {
        let docr = client_at(&format!("http://{}", queue.address), TOKEN);
        let docr = docr
            .with(|calls| calls.max_attempts(1))
            .with(|calls| calls.attempt_timeout(Duration::from_millis(5)));
        let outcome = call(&docr, operation.id, &Subjects::default())
            .await
            .unwrap();
        let error = outcome.unwrap_err();
        assert!(error.is_connect(), "{}: {error}", operation.id);
        assert!(!error.is_ambiguous(), "{}: {error}", operation.id);
        assert_eq!(error.operation(), Some(operation.id));
    }
    held(
        "a connection that is too slow has sent nothing",
        operations::ALL.len(),
    );
}

#[tokio::test]
async fn a_body_that_stalls_times_out() {
    let mut reading = 0;
    for operation in operations::ALL
        .iter()
        .filter(|o| !o.statuses.contains(&204))
    {
        let whole = response(200, "", vec![b' '; 1000]);
        let server = RawServer::stopping_after(whole, 300).await;
        let docr = client_at(server.url(), TOKEN);
        let docr = docr
            .with(|calls| calls.max_attempts(1))
            .with(|calls| calls.attempt_timeout(Duration::from_millis(30)));
        let outcome = call(&docr, operation.id, &Subjects::default())
            .await
            .unwrap();
        let error = outcome.unwrap_err();
        assert!(error.is_timeout(), "{}: {error}", operation.id);
        assert_eq!(error.status(), Some(200), "{}: {error}", operation.id);
        reading += 1;
        assert_eq!(error.operation(), Some(operation.id));
    }
    held("the attempt timeout covers reading the body", reading);
}

/// A reader of manifests that connects to a server in place of the registry.
async fn reader_of(server: &RawServer) -> OciManifests {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let registry = client(&sandbox).registry(registry_name());
    let credentials = registry.docker_credentials(CredentialsRequest::read_only());
    let credentials: DockerCredentials = credentials.await.unwrap();
    let host = server.url().trim_start_matches("http://").to_owned();
    let reader = OciManifests::new(registry.name(), &credentials).unwrap();
    reader
        .plain_http_host(host)
        .clock(Arc::new(ManualClock::at(noon())))
}

fn digest() -> Digest {
    format!("sha256:{:064x}", 1).parse().unwrap()
}

#[tokio::test]
async fn reading_from_a_silent_registry_times_out() {
    let server = RawServer::serving(|_, _| std::future::pending()).await;
    let reader = reader_of(&server)
        .await
        .time_limit(Duration::from_millis(30));
    let read = reader.read(&"shop/api".parse().unwrap(), &digest()).await;
    let error = read.unwrap_err().to_string();
    assert_eq!(error, "not read within 30ms");
    held("a silent registry does not hang the reader of manifests", 1);
}

#[tokio::test]
async fn a_failed_request_to_a_registry_is_retried() {
    let manifest = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}"#;
    let digest = docr_sandbox::Image::raw("shop/api", manifest).digest();
    let named = digest.clone();
    let server = RawServer::serving(move |number, _| {
        let headers = format!("docker-content-digest: {named}\r\n");
        std::future::ready(match number {
            0 => response(502, "", "<html>bad gateway</html>"),
            1 => response(
                429,
                "",
                r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}"#,
            ),
            2 => Vec::new(),
            _ => response(200, &headers, manifest),
        })
    });
    let server = server.await;
    let reader = reader_of(&server).await;
    let read = reader
        .read(&"shop/api".parse().unwrap(), &digest.parse().unwrap())
        .await;
    assert!(read.unwrap().parts.is_empty());
    assert!(server.requests().len() > 3, "{:?}", server.requests());
    held("a failed request to a registry is retried", 1);
}

#[tokio::test]
async fn a_response_of_any_size_takes_no_more_memory_than_the_limit() {
    let huge = response(200, "", vec![b' '; 60 * 1024 * 1024]);
    let server = RawServer::responding(huge).await;
    let docr = client_at(server.url(), TOKEN).with(|calls| calls.max_attempts(1));
    let mut reading = 0;
    for operation in operations::ALL
        .iter()
        .filter(|o| !o.statuses.contains(&204))
        .take(3)
    {
        let outcome = call(&docr, operation.id, &Subjects::default())
            .await
            .unwrap();
        let error = outcome.unwrap_err();
        assert!(error.is_unreadable(), "{error}");
        assert!(
            error.to_string().contains("larger than 8388608 bytes"),
            "{error}"
        );
        reading += 1;
    }
    let builder = docr::Client::builder().base_url(server.url()).token(TOKEN);
    let narrow = builder
        .max_attempts(1)
        .response_limit(1000)
        .build()
        .unwrap();
    let error = narrow.registries().options().await.unwrap_err();
    assert!(
        error.to_string().contains("larger than 1000 bytes"),
        "{error}"
    );
    held("a response that is too large is aborted early", reading + 1);
}
