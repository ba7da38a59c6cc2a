//! Time, waiting and chance, injected so that tests need neither.

use std::{
    fmt,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_core::future::BoxFuture;

/// Where a client takes the time from, and how it waits between attempts.
///
/// It has two hands. The date may be set, back and forth, while a program runs: only dates of the service are held
/// against it. All that is measured here (deadlines, waits, ages) goes by the other one, which never steps.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The date and time.
    fn now(&self) -> DateTime<Utc>;

    /// How long ago some fixed moment was. It never gets less, whatever happens to the date.
    fn monotonic(&self) -> Duration;

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

    fn monotonic(&self) -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// A clock for tests: waiting takes no time, and moves both hands by as much.
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
    hands: Mutex<Hands>,
    draws: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Hands {
    date: DateTime<Utc>,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock that stands at an instant until someone waits.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            hands: Mutex::new(Hands {
                date: now,
                monotonic: Duration::ZERO,
            }),
            draws: AtomicU64::new(0),
        }
    }

    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.change(|hands| {
            hands.date = date_after(hands.date, by);
            hands.monotonic = hands.monotonic.saturating_add(by);
        });
    }

    /// Sets the date and nothing else, as somebody may do who corrects the system's clock.
    pub fn set_date(&self, date: DateTime<Utc>) {
        self.change(|hands| hands.date = date);
    }

    fn change(&self, change: impl FnOnce(&mut Hands)) -> Hands {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut hands);
        *hands
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.change(|_| {}).date
    }

    fn monotonic(&self) -> Duration {
        self.change(|_| {}).monotonic
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }

    /// Walks through the range evenly, the same way each time.
    fn random(&self) -> f64 {
        const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;
        let draw = self.draws.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        (draw as f64 * GOLDEN_RATIO).fract()
    }
}

/// The date so much later, or the last one there is.
pub(crate) fn date_after(date: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    date.checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How long it is from one date to another; nothing, if that is past.
pub(crate) fn until(date: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    date.signed_duration_since(now).to_std().unwrap_or_default()
}
