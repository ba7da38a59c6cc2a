//! Rate limits: sliding windows of a minute and an hour for each token.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::later;

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// How many requests a token may make. The default is the real service's limits.
///
/// ```
/// use docr_sandbox::RateLimits;
///
/// assert_eq!(RateLimits::default(), RateLimits { per_minute: 250, per_hour: 5000 });
/// ```
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Requests in any 60 seconds.
    pub per_minute: u32,
    /// Requests in any 60 minutes.
    pub per_hour: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_minute: 250,
            per_hour: 5000,
        }
    }
}

/// The limit that one more request would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    Minute {
        /// Seconds until the next request is admitted.
        wait: i64,
    },
    Hour,
}

/// What is left of a token's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// When the oldest request no longer counts, in Unix seconds.
    pub(crate) reset: u64,
}

/// The requests of one token that count. Refused ones don't.
#[derive(Clone, Default)]
pub(crate) struct Window(VecDeque<DateTime<Utc>>);

impl Window {
    /// Counts one request, or refuses it.
    pub(crate) fn admit(&mut self, limits: RateLimits, now: DateTime<Utc>) -> Result<(), Exceeded> {
        self.forget(now);
        if self.0.len() as u64 >= u64::from(limits.per_hour) {
            return Err(Exceeded::Hour);
        }
        let start = self.0.partition_point(|at| later(*at, MINUTE) <= now);
        if (self.0.len() - start) as u64 >= u64::from(limits.per_minute) {
            let free = later(self.0.get(start).copied().unwrap_or(now), MINUTE);
            let wait = free - now;
            return Err(Exceeded::Minute {
                wait: wait.num_seconds() + i64::from(wait.subsec_nanos() > 0),
            });
        }
        self.0.push_back(now);
        Ok(())
    }

    pub(crate) fn allowance(&mut self, limits: RateLimits, now: DateTime<Utc>) -> Allowance {
        self.forget(now);
        let reset = self.0.front().map_or(now, |oldest| later(*oldest, HOUR));
        Allowance {
            limit: limits.per_hour.into(),
            remaining: u64::from(limits.per_hour).saturating_sub(self.0.len() as u64),
            reset: u64::try_from(seconds_up(reset)).unwrap_or(0),
        }
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while self
            .0
            .front()
            .is_some_and(|oldest| later(*oldest, HOUR) <= now)
        {
            self.0.pop_front();
        }
    }
}

/// Unix seconds, rounded up: at that second the time is reached.
fn seconds_up(time: DateTime<Utc>) -> i64 {
    time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    #[test]
    fn the_reset_is_the_second_at_which_the_oldest_request_no_longer_counts() {
        let (mut window, limits) = (
            Window::default(),
            RateLimits {
                per_minute: 9,
                per_hour: 2,
            },
        );
        window.admit(limits, at(500)).unwrap();
        window.admit(limits, at(1500)).unwrap();
        assert!(window.admit(limits, at(2000)).is_err());
        assert_eq!(
            window.allowance(limits, at(2000)),
            Allowance {
                limit: 2,
                remaining: 0,
                reset: 3601
            }
        );
        assert!(window.admit(limits, at(3_600_499)).is_err());
        window.admit(limits, at(3_600_500)).unwrap();
    }

    #[test]
    fn the_wait_is_rounded_up_to_a_second() {
        let (mut window, limits) = (
            Window::default(),
            RateLimits {
                per_minute: 1,
                per_hour: 9,
            },
        );
        window.admit(limits, at(500)).unwrap();
        for (now, wait) in [(500, 60), (600, 60), (1500, 59), (60_499, 1)] {
            let exceeded = window.admit(limits, at(now)).unwrap_err();
            assert_eq!(exceeded, Exceeded::Minute { wait });
        }
        window.admit(limits, at(60_500)).unwrap();
    }

    #[test]
    fn a_limit_of_zero_refuses_everything() {
        let limits = RateLimits {
            per_minute: 0,
            per_hour: 10,
        };
        let exceeded = Window::default().admit(limits, at(0)).unwrap_err();
        assert_eq!(exceeded, Exceeded::Minute { wait: 60 });
    }
}
