//! The service's clock, as its responses report it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap};

/// The difference between the service's date and [`Clock::monotonic`](super::Clock::monotonic), in milliseconds, once a
/// response has reported a date.
#[derive(Debug)]
pub(crate) struct ServiceClock(AtomicI64);

impl ServiceClock {
    /// Earlier than any date.
    const UNKNOWN: i64 = i64::MIN;

    pub(crate) fn unknown() -> Self {
        Self(AtomicI64::new(Self::UNKNOWN))
    }

    /// Observes the `date` of a response. It was sent before `now`, so the service's time derived from it is behind by the
    /// response's travel time: ages measured by it come out too young rather than too old.
    pub(crate) fn observe(&self, headers: &HeaderMap, now: Duration) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            let begin = date.timestamp_millis().saturating_sub(millis(now));
            self.0.store(begin, Ordering::Relaxed);
        }
    }

    /// The service's time `now`; `None` before a response has reported a date.
    pub(crate) fn at(&self, now: Duration) -> Option<DateTime<Utc>> {
        let begin = self.0.load(Ordering::Relaxed);
        if begin == Self::UNKNOWN {
            return None;
        }
        let date = begin.saturating_add(millis(now));
        let beyond = match date {
            ..0 => DateTime::<Utc>::MIN_UTC,
            _ => DateTime::<Utc>::MAX_UTC,
        };
        Some(DateTime::from_timestamp_millis(date).unwrap_or(beyond))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(clock: &ServiceClock, date: &str, now: Duration) {
        let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        clock.observe(&headers, now);
    }

    #[test]
    fn the_services_time_is_unknown_before_the_first_date() {
        let now = Duration::from_secs(1_000);
        let clock = ServiceClock::unknown();
        assert_eq!(clock.at(now), None);
        clock.observe(&HeaderMap::new(), now);
        told(&clock, "yesterday", now);
        assert_eq!(clock.at(now), None);
        told(&clock, "Tue, 10 Feb 2026 12:00:00 GMT", now);
        let noon: DateTime<Utc> = "2026-02-10T12:00:00Z".parse().unwrap();
        assert_eq!(
            clock.at(now + Duration::from_secs(300)),
            Some(noon + Duration::from_secs(300))
        );
        // What says nothing changes nothing.
        told(&clock, "", now);
        assert_eq!(clock.at(now), Some(noon));
    }

    #[test]
    fn no_date_or_local_time_overflows() {
        let clock = ServiceClock::unknown();
        told(&clock, "Fri, 31 Dec 9999 23:59:59 GMT", Duration::ZERO);
        assert_eq!(clock.at(Duration::MAX), Some(DateTime::<Utc>::MAX_UTC));
        told(&clock, "Thu, 1 Jan 1970 00:00:00 GMT", Duration::MAX);
        assert_eq!(clock.at(Duration::ZERO), Some(DateTime::<Utc>::MIN_UTC));
    }
}
