//! The only source of time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// A sandbox's clock: the system's, or one that a test controls. Clones share the same time.
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::Clock;
///
/// let start = "2026-01-12T09:30:00Z".parse()?;
/// let clock = Clock::manual(start);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!((clock.now() - start).num_seconds(), 90);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Mutex<Time>>);

/// The state of a clock.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    /// The time to which it was set.
    told: DateTime<Utc>,
    /// When that was, by the system's clock; `None` while it is frozen.
    since: Option<DateTime<Utc>>,
    /// Its speed, as a multiple of the system's clock.
    rate: i32,
}

impl Clock {
    /// A clock that follows the system's.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// assert!(!Clock::system().is_frozen());
    /// ```
    pub fn system() -> Self {
        Self::at_rate(1)
    }

    /// A clock that starts at the system's time and runs `rate` times as fast. At 60, a wait of minutes is over after as
    /// many seconds.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// let clock = Clock::at_rate(60);
    /// assert!(!clock.is_frozen());
    /// ```
    pub fn at_rate(rate: u16) -> Self {
        // At the system's own pace it follows the system's clock even when that is set.
        let start = match rate {
            1 => DateTime::UNIX_EPOCH,
            _ => system_now(),
        };
        Self::going(Time {
            told: start,
            since: Some(start),
            rate: rate.into(),
        })
    }

    /// A clock that is frozen at `start` until [`advance`](Self::advance) moves it.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// let start = "2026-01-12T09:30:00Z".parse()?;
    /// assert_eq!(Clock::manual(start).now(), start);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::going(Time {
            told: start,
            since: None,
            rate: 1,
        })
    }

    fn going(time: Time) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Moves the clock and its clones forward. A running clock continues from there.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let clock = docr_sandbox::Clock::system();
    /// clock.advance(Duration::from_secs(3600));
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        let mut time = self.time();
        time.told = later(time.told, by);
    }

    /// Sets the clock and its clones. A running clock continues from there.
    ///
    /// The content of a sandbox has times: set the clock back only together with the content, as
    /// [`Sandbox::restore`](crate::Sandbox::restore) does.
    ///
    /// ```
    /// let clock = docr_sandbox::Clock::system();
    /// clock.set("2026-01-12T09:30:00Z".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set(&self, now: DateTime<Utc>) {
        let mut time = self.time();
        time.told = now;
        time.since = time.since.map(|_| system_now());
    }

    /// Freezes the clock and its clones at the present time.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// let clock = Clock::system();
    /// clock.freeze();
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    pub fn freeze(&self) {
        let mut time = self.time();
        time.told = time.now();
        time.since = None;
    }

    /// Lets the clock and its clones run from the present time.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// let clock = Clock::system();
    /// clock.freeze();
    /// clock.resume();
    /// assert!(!clock.is_frozen());
    /// ```
    pub fn resume(&self) {
        let mut time = self.time();
        time.told = time.now();
        time.since = Some(system_now());
    }

    /// Whether it is frozen until it is moved.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// assert!(Clock::manual(Clock::system().now()).is_frozen());
    /// ```
    pub fn is_frozen(&self) -> bool {
        self.time().since.is_none()
    }

    /// The time.
    ///
    /// ```
    /// use docr_sandbox::Clock;
    ///
    /// let clock = Clock::system();
    /// assert!(clock.now() <= clock.now());
    /// ```
    pub fn now(&self) -> DateTime<Utc> {
        self.time().now()
    }

    pub(crate) fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Time {
    fn now(self) -> DateTime<Utc> {
        let Some(since) = self.since else {
            return self.told;
        };
        let gone = (system_now() - since).checked_mul(self.rate);
        later(self.told, gone.unwrap_or(TimeDelta::MAX))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the only place that reads the system's clock"
)]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = *self.time();
        match time.since {
            None => write!(f, "Clock::manual({})", time.told),
            Some(since) if time.rate != 1 || time.told != since => {
                let ahead = time.told - since;
                write!(f, "Clock::at_rate({}) + {ahead}", time.rate)
            }
            Some(_) => f.write_str("Clock::system()"),
        }
    }
}

/// A time as the API reports it: in whole seconds.
pub(crate) fn seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(0)
}

/// Adds a duration, saturating at the latest time.
pub(crate) fn later(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_its_time_and_it_never_overflows() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        clock.clone().advance(Duration::from_secs(5));
        assert_eq!(clock.now().timestamp(), 5);
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
        let clock = Clock::system();
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn a_running_clock_can_be_moved_stopped_and_started() {
        let clock = Clock::system();
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() - before >= TimeDelta::hours(1));
        assert!(!clock.is_frozen());
        clock.freeze();
        let frozen = clock.now();
        assert!(clock.is_frozen() && clock.now() == frozen);
        clock.set(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        clock.resume();
        let day = TimeDelta::days(1);
        assert!(!clock.is_frozen() && clock.now() - DateTime::UNIX_EPOCH < day);
    }

    #[test]
    fn a_faster_clock_starts_at_the_systems_time_and_runs_ahead() {
        let millis = |millis| {
            let end = system_now() + TimeDelta::milliseconds(millis);
            while system_now() < end {
                std::thread::yield_now();
            }
        };
        let clock = Clock::at_rate(1_000);
        let start = clock.now();
        assert!(start - system_now() < TimeDelta::hours(1));
        millis(5);
        assert!(clock.now() - start >= TimeDelta::seconds(5));
        clock.freeze();
        clock.set(DateTime::UNIX_EPOCH);
        clock.resume();
        millis(5);
        assert!(clock.now() - DateTime::UNIX_EPOCH >= TimeDelta::seconds(5));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC);
    }
}
