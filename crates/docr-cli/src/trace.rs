//! What goes on below, on stderr: each request, and at `-vv` all that the SDK traces.

use std::io::{self, Write};

use docr::Attempt;
use tracing::{Level, info};

use crate::output::visible;

/// Begins to trace: nothing at 0, requests at 1, all of the SDK's at 2.
pub(crate) fn begin(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| VisibleStderr)
        .with_ansi(false)
        .without_time()
        .with_target(verbosity > 1);
    // A second one is a test's, and no reason to fail.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
}

/// Traces a request that has ended.
pub(crate) fn attempt(attempt: &Attempt<'_>) {
    info!("{}", line(attempt));
}

fn line(attempt: &Attempt<'_>) -> String {
    let path = attempt.url_template.unwrap_or("(another path)");
    let end = match (attempt.status, attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.as_str().replace('_', " "),
        (None, None) => "done".to_owned(),
    };
    let took = attempt.elapsed.as_millis();
    let limit = attempt.rate_limit;
    let left = limit.map_or_else(String::new, |limit| {
        format!(", {} requests left", limit.remaining)
    });
    let again = attempt.repeats_after.map_or_else(String::new, |wait| {
        format!("; again in {:.1} s", wait.as_secs_f64())
    });
    format!(
        "{} {path}: {end} in {took} ms, attempt {}{left}{again}",
        attempt.method, attempt.number
    )
}

/// stderr, on which nothing moves the cursor.
struct VisibleStderr;

impl Write for VisibleStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = visible(&String::from_utf8_lossy(bytes));
        io::stderr().write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use docr::{Client, ManualClock};

    use super::*;

    #[tokio::test]
    async fn each_attempt_is_a_line_that_says_how_it_ended_and_when_the_next_one_comes() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&lines);
        let docr = Client::builder()
            .base_url("http://127.0.0.1:9")
            .token("dop_v1_x")
            .clock(Arc::new(ManualClock::at(chrono::DateTime::UNIX_EPOCH)))
            .on_attempt(move |attempt| told.lock().unwrap().push(line(attempt)));
        let docr = docr.build().unwrap();
        let registry = docr.registry("sample".parse().unwrap());
        registry.get().await.unwrap_err();
        let lines = lines.lock().unwrap();
        let [first, .., last] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        for part in [
            "GET /v2/registries/{registry_name}: connect",
            "attempt 1; again in ",
        ] {
            assert!(first.contains(part), "{first}");
        }
        assert!(!last.contains("again"), "{last}");
    }
}
