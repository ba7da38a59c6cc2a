//! Time, waits and randomness, injected for tests.

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

/// The source of time for a client, and its way to wait between attempts.
///
/// It has two readings. The date may be set back and forth while a program runs, and is only compared with dates of the
/// service. Deadlines, waits and ages are measured by the other, monotonic one, which never steps.
///
/// A clock of your own can delegate to another one. This one makes all waits short:
///
/// ```
/// use std::time::Duration;
/// use docr::{Clock, SystemClock};
///
/// #[derive(Debug)]
/// struct Impatient(SystemClock);
///
/// impl Clock for Impatient {
///     fn now(&self) -> chrono::DateTime<chrono::Utc> { self.0.now() }
///     fn monotonic(&self) -> Duration { self.0.monotonic() }
///     fn random(&self) -> f64 { self.0.random() }
///     fn sleep(&self, duration: Duration) -> futures_core::future::BoxFuture<'static, ()> {
///         self.0.sleep(duration / 100)
///     }
/// }
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// The date and time.
    fn now(&self) -> DateTime<Utc>;

    /// The time since some fixed moment. It never decreases, whatever happens to the date.
    fn monotonic(&self) -> Duration;

    /// Waits for this long.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// A random number from 0 to 1, which spreads the retries of many clients.
    fn random(&self) -> f64;
}

/// The system's clock and tokio's timer: the default of each client.
///
/// ```
/// use docr::{Clock as _, CreateCertificate, SystemClock};
///
/// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
/// wanted.check(SystemClock.now())?;
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

// The only place in this crate that reads the system's clock.
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

/// A clock for tests: waits take no time, and advance both readings.
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
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), start + Duration::from_secs(65));
/// clock.set_date(start); // the monotonic time goes on
/// assert_eq!(clock.monotonic(), Duration::from_secs(65));
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
    /// A clock that stands still at this instant until someone waits or advances it.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            hands: Mutex::new(Hands {
                date: now,
                monotonic: Duration::ZERO,
            }),
            draws: AtomicU64::new(0),
        }
    }

    /// Advances date and monotonic time.
    pub fn advance(&self, by: Duration) {
        self.change(|hands| {
            hands.date = date_after(hands.date, by);
            hands.monotonic = hands.monotonic.saturating_add(by);
        });
    }

    /// Sets the date only, as correcting the system's clock does.
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

    /// Spread evenly over the range, the same sequence in each run.
    fn random(&self) -> f64 {
        const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;
        let draw = self.draws.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        (draw as f64 * GOLDEN_RATIO).fract()
    }
}

/// The date later by this much, or the last possible one.
pub(crate) fn date_after(date: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    date.checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The time from `now` to a date; zero if it is in the past.
pub(crate) fn until(date: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    date.signed_duration_since(now).to_std().unwrap_or_default()
}
