//! The one source of time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// The time a sandbox lives in: the system's, or one that a test moves by hand.
///
/// Clones share the same time.
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

/// How a clock goes.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    /// Like the system's clock, so far ahead of it.
    Running(TimeDelta),
    Standing(DateTime<Utc>),
}

impl Clock {
    /// Follows the system's clock.
    pub fn system() -> Self {
        Self::going(Time::Running(TimeDelta::zero()))
    }

    /// Stands at `start` until [`advance`](Self::advance) moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self::going(Time::Standing(start))
    }

    fn going(time: Time) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Moves the clock, and all its clones, forward. One that goes goes on from there.
    pub fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        let mut time = self.time();
        *time = match *time {
            Time::Running(ahead) => {
                let farther = ahead.checked_add(&by);
                Time::Running(farther.unwrap_or(TimeDelta::MAX))
            }
            Time::Standing(now) => Time::Standing(later(now, by)),
        };
    }

    /// Lets the clock, and all its clones, tell this time. One that goes goes on from there.
    ///
    /// What is in a sandbox remembers times: going back is for a sandbox whose content goes back, too.
    pub fn set(&self, now: DateTime<Utc>) {
        let mut time = self.time();
        *time = match *time {
            Time::Running(_) => Time::Running(now - system_now()),
            Time::Standing(_) => Time::Standing(now),
        };
    }

    /// Lets the clock, and all its clones, stand at the time that it tells.
    pub fn freeze(&self) {
        let mut time = self.time();
        *time = Time::Standing(time.now());
    }

    /// Lets the clock, and all its clones, go on from the time that it tells.
    pub fn resume(&self) {
        let mut time = self.time();
        *time = Time::Running(time.now() - system_now());
    }

    /// Whether it stands until it is moved.
    pub fn is_frozen(&self) -> bool {
        matches!(*self.time(), Time::Standing(_))
    }

    /// Tells the time.
    pub fn now(&self) -> DateTime<Utc> {
        self.time().now()
    }

    pub(crate) fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Time {
    fn now(self) -> DateTime<Utc> {
        match self {
            Self::Running(ahead) => later(system_now(), ahead),
            Self::Standing(now) => now,
        }
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
        match time {
            Time::Running(ahead) if ahead.is_zero() => f.write_str("Clock::system()"),
            Time::Running(ahead) => write!(f, "Clock::system() + {ahead}"),
            Time::Standing(now) => write!(f, "Clock::manual({now})"),
        }
    }
}

/// A time as the API reports it: in whole seconds.
pub(crate) fn seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(0)
}

/// Adds without overflowing: the end of time is as far as it goes.
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
    fn a_clock_that_goes_can_be_moved_stopped_and_let_go_again() {
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
}
