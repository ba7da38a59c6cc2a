//! Time, waiting and chance, injected so that tests need neither.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_core::future::BoxFuture;

/// Where a client takes the time from, and how it waits between attempts.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time.
    fn now(&self) -> DateTime<Utc>;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// A number from 0 to 1, another one each time, which spreads the retries of many clients.
    fn random(&self) -> f64;
}

/// The system's clock, and tokio's timer. What every client uses unless told otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

// The only place of this crate that reads the system's clock.
#[allow(clippy::disallowed_methods)]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// A clock for tests: waiting takes no time, and moves the clock by as much.
///
/// ```
/// use std::time::Duration;
/// use docr::{Clock as _, ManualClock};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let start = "2026-01-01T12:00:00Z".parse()?;
/// let clock = ManualClock::at(start);
/// clock.sleep(Duration::from_secs(60)).await;
/// assert_eq!(clock.now(), start + Duration::from_secs(60));
/// # Ok::<(), chrono::ParseError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<DateTime<Utc>>,
    draws: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at an instant until someone waits.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now: Mutex::new(now),
            draws: AtomicU64::new(0),
        }
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        *now = now
            .checked_add_signed(by)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }

    /// Walks through the range evenly, the same way each time.
    fn random(&self) -> f64 {
        const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;
        let draw = self.draws.fetch_add(1, Ordering::Relaxed) + 1;
        (draw as f64 * GOLDEN_RATIO).fract()
    }
}
