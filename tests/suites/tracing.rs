//! What a call leaves in a program's traces.

use std::{
    io,
    sync::{Arc, Mutex},
};

use docr_sandbox::ScriptedAnswer;
use docr_tests::sandbox::{TOKEN, client, furnish, registry_name, start};
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

#[tokio::test]
async fn a_call_leaves_its_operation_route_and_attempts_and_no_name_and_no_token() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let outage = ScriptedAnswer::status(503);
    sandbox.answer_next("registries_get", outage).unwrap();

    // Beside a single subscriber, a span or event that another test's thread meets first is off for every thread.
    let _second = Dispatch::new(NoSubscriber::default());
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let registry = client(&sandbox).registry(registry_name());
    registry.get().with_subscriber(subscriber).await.unwrap();

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let own: Vec<_> = text
        .lines()
        .filter(|line| line.contains("docr.call"))
        .collect();
    let own = own.join("\n");
    assert!(own.contains("operation=\"registries_get\""), "{own}");
    assert!(
        own.contains("http.route=\"/v2/registries/{registry_name}\""),
        "{own}"
    );
    assert!(
        own.contains("attempt=1 http.response.status_code=503"),
        "{own}"
    );
    assert!(
        own.contains("attempt=2 http.response.status_code=200"),
        "{own}"
    );
    assert!(own.contains("will be repeated"), "{own}");
    assert!(!text.contains(TOKEN), "{text}");
    let spans: Vec<_> = own
        .lines()
        .filter(|line| line.contains("docr::client"))
        .collect();
    assert!(!spans.join("\n").contains("acme-images"), "{spans:#?}");
}
