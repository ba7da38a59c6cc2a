//! The spans and events of a call.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{Client, ErrorKind, FileBudget, ManualClock, Method, RateBudget as _, Secret};
use docr_sandbox::ScriptedResponse;
use docr_tests::sandbox::{TOKEN, client, furnish, noon, registry_name, start};
use tracing::{Dispatch, instrument::WithSubscriber as _, subscriber::NoSubscriber};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no writer panics")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What a future returns, and the spans and events that it leaves.
async fn traced<T>(future: impl Future<Output = T>) -> (T, String) {
    // With a single subscriber, a span or event that another test's thread reaches first is disabled for every thread.
    let _second = Dispatch::new(NoSubscriber::default());
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let returned = future.with_subscriber(subscriber).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (returned, text)
}

#[tokio::test]
async fn a_call_is_traced_with_operation_route_and_attempts_but_no_name_or_token() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let outage = ScriptedResponse::status(503);
    sandbox.respond_next("registries_get", outage).unwrap();

    let registry = client(&sandbox).registry(registry_name());
    let (got, text) = traced(registry.get()).await;
    got.unwrap();
    let own: Vec<_> = text
        .lines()
        .filter(|line| line.contains("docr.call"))
        .collect();
    let own = own.join("\n");
    assert!(own.contains("docr.operation=\"registries_get\""), "{own}");
    let port = sandbox.addr().port();
    let every = format!(
        "docr.attempt{{otel.kind=\"client\" otel.name=\"GET /v2/registries/{{registry_name}}\" \
         http.request.method=\"GET\" url.template=\"/v2/registries/{{registry_name}}\" \
         server.address=\"127.0.0.1\" server.port={port}"
    );
    let closed: Vec<_> = own.lines().filter(|line| line.contains("close")).collect();
    let attempts: Vec<_> = closed
        .iter()
        .filter(|line| line.contains("docr.attempt"))
        .collect();
    assert_eq!(attempts.len(), 2, "{attempts:#?}");
    assert!(attempts[0].contains(&every), "{attempts:#?}");
    for has in [
        "http.response.status_code=503",
        "error.type=503",
        "otel.status_code=\"ERROR\"",
    ] {
        assert!(attempts[0].contains(has), "{attempts:#?}");
    }
    assert!(!attempts[0].contains("resend_count"), "{attempts:#?}");
    assert!(
        attempts[1].contains("http.request.resend_count=1"),
        "{attempts:#?}"
    );
    assert!(
        attempts[1].contains("http.response.status_code=200"),
        "{attempts:#?}"
    );
    assert!(!attempts[1].contains("error.type"), "{attempts:#?}");
    assert!(own.contains("will be repeated"), "{own}");
    assert!(!text.contains(TOKEN), "{text}");
    let spans: Vec<_> = own
        .lines()
        .filter(|line| line.contains("docr::client"))
        .collect();
    assert!(!spans.join("\n").contains("acme-images"), "{spans:#?}");
}

#[tokio::test]
async fn each_attempt_is_reported_with_its_outcome() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let limits = |response: ScriptedResponse| {
        let response = response.header("ratelimit-limit", "5000");
        let response = response.header("ratelimit-remaining", "12");
        response.header("ratelimit-reset", "1767268850")
    };
    let outage = limits(ScriptedResponse::status(503)).header("retry-after", "7");
    sandbox.respond_next("registries_get", outage).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(TOKEN)
        .clock(Arc::new(ManualClock::at(noon())))
        .on_attempt(move |attempt| {
            let left = attempt.rate_limit.map(|limit| limit.remaining);
            let what = (
                attempt.operation,
                attempt.method.to_owned(),
                attempt.url_template,
            );
            let end = (
                attempt.number,
                attempt.status,
                attempt.error,
                attempt.repeats_after,
            );
            notes.lock().unwrap().push((what, end, left.is_some()));
        })
        .build()
        .unwrap();
    docr.registry(registry_name()).get().await.unwrap();
    docr.request(Method::DELETE, "/v2/registries/none")
        .send::<()>()
        .await
        .unwrap_err();
    let get = (
        Some("registries_get"),
        "GET".to_owned(),
        Some("/v2/registries/{registry_name}"),
    );
    let seven = Some(Duration::from_secs(7));
    let (server, missing) = (Some(ErrorKind::Server), Some(ErrorKind::NotFound));
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (get.clone(), (1, Some(503), server, seven), true),
            (get, (2, Some(200), None, None), true),
            (
                (None, "DELETE".to_owned(), None),
                (1, Some(404), missing, None),
                true
            ),
        ]
    );
}

#[tokio::test]
async fn a_budget_file_that_cannot_be_used_is_reported_once_until_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("budgets");
    let budget = FileBudget::new(&in_the_way, &Secret::from("dop_v1_0123"));
    let clock = ManualClock::at(noon());
    let (_, text) = traced(async {
        for is_blocked in [true, true, false, true] {
            let _ = std::fs::remove_dir_all(&in_the_way);
            let _ = std::fs::remove_file(&in_the_way);
            if is_blocked {
                std::fs::write(&in_the_way, "").unwrap();
            }
            budget.acquire(&clock, Duration::ZERO).await.unwrap();
        }
    })
    .await;
    let warning = "the rate budget's file can't be used";
    assert_eq!(text.matches(warning).count(), 2, "{text}");
}
