//! Tracing on stderr: each request with `-v`, and all of the SDK's events with `-vv`.

use std::io::{self, Write};

use docr::Attempt;
use tracing::{Level, info};

use crate::output::visible;

/// Starts tracing: nothing at 0, requests at 1, all of the SDK's events at 2.
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
    // Only a test may have set one before.
    let _ = tracing::subscriber::set_global_default(subscriber.finish());
}

/// Traces a finished request.
pub(crate) fn attempt(attempt: &Attempt<'_>) {
    info!("{}", line(attempt));
}

fn line(attempt: &Attempt<'_>) -> String {
    let path = attempt.url_template.unwrap_or("(other path)");
    let end = match (attempt.status, attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => format!("failed ({})", error.as_str().replace('_', " ")),
        (None, None) => "done".to_owned(),
    };
    let took = attempt.elapsed.as_millis();
    let limit = attempt.rate_limit;
    let left = limit.map_or_else(String::new, |limit| {
        format!(", {} requests left", limit.remaining)
    });
    let retry = attempt.repeats_after.map_or_else(String::new, |wait| {
        format!("; retrying in {:.1} s", wait.as_secs_f64())
    });
    format!(
        "{} {path}: {end} in {took} ms, attempt {}{left}{retry}",
        attempt.method, attempt.number
    )
}

/// stderr, without control characters.
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
    async fn each_attempt_is_a_line_with_its_outcome_and_the_delay_before_the_next() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let traced = Arc::clone(&lines);
        let docr = Client::builder()
            .base_url("http://127.0.0.1:9")
            .token("dop_v1_x")
            .clock(Arc::new(ManualClock::at(chrono::DateTime::UNIX_EPOCH)))
            .on_attempt(move |attempt| traced.lock().unwrap().push(line(attempt)));
        let docr = docr.build().unwrap();
        let registry = docr.registry("sample".parse().unwrap());
        registry.get().await.unwrap_err();
        let lines = lines.lock().unwrap();
        let [first, .., last] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        for part in [
            "GET /v2/registries/{registry_name}: failed (connect) in ",
            "attempt 1; retrying in ",
        ] {
            assert!(first.contains(part), "{first}");
        }
        assert!(!last.contains("retrying"), "{last}");
    }
}
