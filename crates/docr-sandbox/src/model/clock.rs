//! The one source of time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
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
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// Follows the system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Stands at `start` until [`advance`](Self::advance) moves it.
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// Moves a manual clock, and all its clones, forward. A system clock can't be moved and ignores this.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(time) = &self.0 {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            *time = later(*time, TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX));
        }
    }

    /// Tells the time.
    #[allow(
        clippy::disallowed_methods,
        reason = "the only place that reads the system's clock"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => Utc::now(),
            Source::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock::system()"),
            Source::Manual(_) => write!(f, "Clock::manual({})", self.now()),
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
    }
}
