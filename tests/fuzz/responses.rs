//! Responses of the API and of the registry: their bodies and the headers that the client reads.

use std::{sync::Arc, time::Duration};

use docr::{
    Client, ManualClock,
    retention::{ManifestReader as _, OciManifests},
};
use docr_api::operations;
use docr_tests::{
    calls::{Subjects, call, repository_name},
    raw_server::{RawServer, response},
    sandbox::noon,
};
use tokio::runtime::Runtime;

use super::{Inputs, SECRET, assert_presentable};

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// A client whose waits take no time, with the corpus's secret as its token.
fn client(url: &str) -> (Client, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(noon()));
    let builder = Client::builder().base_url(url).token(SECRET);
    let builder = builder.clock(clock.clone()).response_limit(1_000_000);
    (builder.build().unwrap(), clock)
}

/// Calls every operation, with the responses that `respond` makes of the inputs.
fn call_all(target: &'static str, respond: impl Fn(&[u8]) -> Vec<u8>) {
    let runtime = runtime();
    Inputs::of(target, 40).check(|input| {
        runtime.block_on(async {
            let server = RawServer::responding(respond(input)).await;
            let (docr, clock) = client(server.url());
            for operation in operations::ALL {
                let before = docr::Clock::monotonic(&*clock);
                let result = call(&docr, operation.id, &Subjects::default()).await;
                if let Some(Err(error)) = result {
                    assert_presentable(&error.to_string());
                    assert_presentable(&format!("{error:?}"));
                    assert!(error.attempts() <= 5, "{error}");
                }
                let took = docr::Clock::monotonic(&*clock).saturating_sub(before);
                assert!(
                    took <= Duration::from_secs(600),
                    "{} took {took:?}",
                    operation.id
                );
            }
        });
    });
}

#[test]
fn bodies_of_successes() {
    call_all("successes", |input| {
        response(200, "content-type: application/json\r\n", input)
    });
}

#[test]
fn bodies_of_failures() {
    call_all("errors", |input| {
        response(422, "content-type: application/json\r\n", input)
    });
}

/// The headers of a rate-limited response.
#[test]
fn headers_that_say_when_to_retry() {
    call_all("headers", |input| {
        let headers: Vec<_> = input.split(|byte| *byte == b'\n').collect();
        let headers = headers.join(&b"\r\n"[..]);
        let end = b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        [
            b"HTTP/1.1 429 Too Many Requests\r\n",
            headers.trim_ascii(),
            end,
        ]
        .concat()
    });
}

#[test]
fn challenges_of_the_registry() {
    let runtime = runtime();
    Inputs::of("challenges", 20).check(|input| {
        runtime.block_on(async {
            let challenge: String = String::from_utf8_lossy(input)
                .chars()
                .filter(|letter| !letter.is_control())
                .collect();
            let body = r#"{"auths":{"registry.digitalocean.com":{"auth":"dXNlcjpkb3BfdjFfNWVjMmU3YTBiMWM5ZDhlN2Y2YTViNGMzZDJlMWYwYTliOGM3ZDZlNQ=="}}}"#;
            let api = RawServer::responding_with_body("200 OK", "application/json", body).await;
            let (docr, clock) = client(api.url());
            let registry = docr.registry("acme".parse().unwrap());
            let wanted = docr::CredentialsRequest::read_only();
            let credentials = registry.docker_credentials(wanted).await.unwrap();
            // The server must not be the realm, too: its responses would lead to further requests.
            let headers = format!("www-authenticate: {challenge}\r\n");
            let server = RawServer::responding(response(401, &headers, SECRET)).await;
            let host = server.url().trim_start_matches("http://");
            let reader = OciManifests::new(registry.name(), &credentials).unwrap();
            let reader = reader.plain_http_host(host).clock(clock);
            let read = reader.read(&repository_name(), &Subjects::default().digest).await;
            let error = read.unwrap_err();
            assert_presentable(&error.to_string());
            assert!(server.requests().len() <= 10);
        });
    });
}
