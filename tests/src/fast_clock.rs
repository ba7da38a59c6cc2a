//! A client's clock that runs as fast as the sandbox's.

use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};

/// The system's clock, sped up from an instant on: [`Clock::at_rate`](docr_sandbox::Clock::at_rate) for every process of
/// this machine.
#[derive(Debug)]
pub struct FastClock {
    start: DateTime<Utc>,
    rate: u32,
    draws: AtomicU64,
}

impl FastClock {
    /// A clock that showed the system's time at `start`.
    pub fn since(start: DateTime<Utc>, rate: u32) -> Self {
        Self {
            start,
            rate,
            draws: AtomicU64::new(0),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a clock reads the system's")]
impl docr::Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        let elapsed = (Utc::now() - self.start).to_std();
        elapsed.unwrap_or_default() * self.rate
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration / self.rate))
    }

    fn random(&self) -> f64 {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id());
        (draw as f64 * 0.618_033_988_749_895).fract()
    }
}
