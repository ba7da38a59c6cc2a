//! How long to wait for garbage collections.

use std::time::Duration;

use docr_api::types::{GarbageCollection, GarbageCollectionStatus as Status};

use crate::{
    call::Clock,
    error::{About, Error, ErrorKind},
    text::clean,
};

/// The default limit of a wait. A run may wait 15 minutes for tokens to expire before it begins.
pub(super) const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
/// The default interval of polling.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Whether another wait would exceed the limit.
pub(super) fn passes(since: Duration, clock: &dyn Clock, wait: Duration, limit: Duration) -> bool {
    let waited = clock.monotonic().saturating_sub(since);
    waited.saturating_add(wait) > limit
}

pub(super) fn expired(limit: Duration, run: GarbageCollection) -> Error {
    let status = run.status.as_ref().map_or("unknown", Status::as_str);
    let (id, status) = (clean(&run.uuid), clean(status));
    let summary = format!("garbage collection {id} is still \"{status}\" after {limit:?}");
    Error::caused_by(None, ErrorKind::WaitExpired, summary).about(About::Run(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_would_end_after_the_limit_is_not_started() {
        let clock = crate::ManualClock::at(chrono::DateTime::UNIX_EPOCH);
        let since = clock.monotonic();
        let passes = |wait| passes(since, &clock, wait, LIMIT);
        assert!(!passes(LIMIT));
        assert!(passes(LIMIT + Duration::from_millis(1)));
        clock.advance(LIMIT - INTERVAL);
        assert!(!passes(INTERVAL));
        assert!(passes(INTERVAL + Duration::from_millis(1)));
    }
}
