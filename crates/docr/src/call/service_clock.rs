//! What the service's clock says, learned from its responses.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap};

/// How far the service's clock is ahead of this machine's, in milliseconds, once a response has told.
#[derive(Debug)]
pub(crate) struct ServiceClock(AtomicI64);

impl ServiceClock {
    /// No difference between two instants is as large.
    const UNKNOWN: i64 = i64::MIN;

    pub(crate) fn unknown() -> Self {
        Self(AtomicI64::new(Self::UNKNOWN))
    }

    /// Takes in the `date` of a response. It was sent before `now`, so the service's time as it is read from here is
    /// late by the response's way rather than early: what is measured by it looks young rather than old.
    pub(crate) fn observe(&self, headers: &HeaderMap, now: DateTime<Utc>) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            let ahead = date.signed_duration_since(now).num_milliseconds();
            self.0.store(ahead, Ordering::Relaxed);
        }
    }

    /// The service's time when it is `now` on this machine; `None` before a response has told.
    #[cfg(feature = "retention")]
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ahead = self.0.load(Ordering::Relaxed);
        if ahead == Self::UNKNOWN {
            return None;
        }
        let end = match ahead {
            ..0 => DateTime::<Utc>::MIN_UTC,
            _ => DateTime::<Utc>::MAX_UTC,
        };
        let ahead = chrono::TimeDelta::try_milliseconds(ahead)?;
        Some(now.checked_add_signed(ahead).unwrap_or(end))
    }
}

#[cfg(test)]
#[cfg(feature = "retention")]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn told(clock: &ServiceClock, date: &str, now: DateTime<Utc>) {
        let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        clock.observe(&headers, now);
    }

    #[test]
    fn the_service_s_time_is_unknown_until_a_response_has_a_date() {
        let clock = ServiceClock::unknown();
        assert_eq!(clock.at(noon()), None);
        clock.observe(&HeaderMap::new(), noon());
        told(&clock, "yesterday", noon());
        assert_eq!(clock.at(noon()), None);
        told(&clock, "Tue, 10 Feb 2026 12:00:00 GMT", noon());
        let later = noon() + TimeDelta::minutes(5);
        assert_eq!(clock.at(later), Some(later + TimeDelta::days(40)));
        // What says nothing changes nothing.
        told(&clock, "", noon());
        assert_eq!(clock.at(noon()), Some(noon() + TimeDelta::days(40)));
    }

    #[test]
    fn no_date_and_no_local_time_is_beyond_it() {
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let clock = ServiceClock::unknown();
        told(&clock, "Fri, 31 Dec 9999 23:59:59 GMT", first);
        assert_eq!(clock.at(last), Some(last));
        told(&clock, "Thu, 1 Jan 1970 00:00:00 GMT", last);
        assert_eq!(clock.at(first), Some(first));
    }
}
