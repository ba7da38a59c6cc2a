//! The sandbox's clock as the client's, so that waits take no time.

use std::{future::ready, pin::Pin, time::Duration};

use chrono::{DateTime, Utc};

#[derive(Debug)]
pub(crate) struct SandboxTime(pub(crate) docr_sandbox::Clock);

impl docr::Clock for SandboxTime {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        let since = self.0.now().signed_duration_since(DateTime::UNIX_EPOCH);
        since.to_std().unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.advance(duration);
        Box::pin(ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}
