//! When a call is repeated: the policy, the waiting and the budget.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr_api::Effect;

use super::clock::until;
use crate::error::{ErrorKind, Inner, RetryAfter};

/// What is known about a failed attempt's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    /// Nothing was sent, or the service rejected it before it did anything.
    NoEffect,
    /// It may have taken effect.
    Unknown,
    /// The service has decided; a retry would end the same.
    Decided,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Repeat the request.
    Repeat,
    /// It may have taken effect: look it up.
    LookUp,
    /// It may have taken effect, and there is no way to find out.
    Ambiguous,
    /// It failed.
    Stop,
}

pub(crate) fn outcome(kind: ErrorKind, status: Option<u16>) -> AttemptOutcome {
    match (kind, status) {
        (ErrorKind::Connect | ErrorKind::RateLimited, _) => AttemptOutcome::NoEffect,
        (ErrorKind::Timeout | ErrorKind::Interrupted, _) => AttemptOutcome::Unknown,
        (_, Some(408 | 500 | 502 | 503 | 504)) => AttemptOutcome::Unknown,
        _ => AttemptOutcome::Decided,
    }
}

/// The retry table: the effect of the call on the server, against what is known about the attempt.
pub(crate) fn decide(effect: Effect, error: &Inner) -> RetryDecision {
    let outcome = outcome(error.kind, error.status());
    match (effect, outcome) {
        (_, AttemptOutcome::NoEffect) => RetryDecision::Repeat,
        (Effect::Read | Effect::Set | Effect::Delete, AttemptOutcome::Unknown) => {
            RetryDecision::Repeat
        }
        (Effect::Create, AttemptOutcome::Unknown) => RetryDecision::LookUp,
        // A success with an unreadable response has created something, too.
        (Effect::Create, AttemptOutcome::Decided) if error.kind == ErrorKind::Unreadable => {
            RetryDecision::LookUp
        }
        (Effect::Mint, AttemptOutcome::Decided) if error.kind == ErrorKind::Unreadable => {
            RetryDecision::Ambiguous
        }
        (_, AttemptOutcome::Decided) => RetryDecision::Stop,
        // A secret that was minted and lost stays valid; another one would, too. An effect that this
        // version doesn't know isn't repeated either.
        _ => RetryDecision::Ambiguous,
    }
}

/// The wait before the next attempt: the server's, or else an exponential backoff with full jitter, which spreads the
/// retries of many clients.
pub(crate) fn wait(error: &Inner, attempt: u32, now: DateTime<Utc>, random: f64) -> Duration {
    server_wait(error, now).unwrap_or_else(|| backoff(attempt, random))
}

/// Exponential backoff with full jitter.
pub(crate) fn backoff(attempt: u32, random: f64) -> Duration {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(20);
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
    doubled.min(LONGEST).mul_f64(random.clamp(0.0, 1.0))
}

/// The wait that the service requests.
pub(super) fn server_wait(error: &Inner, now: DateTime<Utc>) -> Option<Duration> {
    match error.retry_after() {
        Some(RetryAfter::Seconds(seconds)) => Some(Duration::from_secs(seconds)),
        Some(RetryAfter::At(date)) => Some(until(date, now)),
        None if error.kind == ErrorKind::RateLimited => {
            let limit = error.rate_limit().filter(|limit| limit.remaining == 0)?;
            Some(until(limit.reset, now))
        }
        None => None,
    }
}

/// What calls may spend on retries: each retry costs as much as five successes give back. During an outage a client then
/// sends a few more requests, not a multiple. Clones are the same budget. A client has one of 20 retries, which all its
/// handles share; [`CallOptions::retry_budget`](crate::CallOptions::retry_budget) sets another one for some calls.
///
/// ```
/// use docr::{Client, RetryBudget};
///
/// let budget = RetryBudget::of(10);
/// let one = Client::builder().token("dop_v1_0123").retry_budget(budget.clone()).build()?;
/// let other = Client::builder().token("dop_v1_4567").retry_budget(budget).build()?; // shares it
/// # Ok::<(), docr::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Purse>);

#[derive(Debug)]
struct Purse {
    left: AtomicU32,
    full: u32,
}

impl RetryBudget {
    const COST: u32 = 5;

    /// A budget for this many retries in a row.
    pub fn of(repeats: u32) -> Self {
        let full = repeats.saturating_mul(Self::COST);
        Self(Arc::new(Purse {
            left: AtomicU32::new(full),
            full,
        }))
    }

    /// Takes the cost of a retry; `None` if too little is left.
    pub(crate) fn spend(&self) -> Option<PaidRepeat<'_>> {
        let take = |left: u32| left.checked_sub(Self::COST);
        let taken = { &self.0.left }.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok().then(|| PaidRepeat(&self.0))
    }

    pub(crate) fn succeed(&self) {
        self.0.give_back(1);
    }
}

impl Purse {
    fn give_back(&self, amount: u32) {
        let give =
            |left: u32| (left < self.full).then(|| self.full.min(left.saturating_add(amount)));
        let left = &self.left;
        let _full_already = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }
}

/// A retry that is paid for. If it is dropped before it was begun, its cost is given back.
#[must_use]
pub(crate) struct PaidRepeat<'a>(&'a Purse);

impl PaidRepeat<'_> {
    pub(crate) fn begin(self) {
        std::mem::forget(self);
    }
}

impl Drop for PaidRepeat<'_> {
    fn drop(&mut self) {
        self.0.give_back(RetryBudget::COST);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::of(20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_budget_runs_out_and_is_refilled_by_successes() {
        let budget = RetryBudget::default();
        let repeats = || budget.spend().map(PaidRepeat::begin).is_some();
        assert_eq!((0..100).filter(|_| repeats()).count(), 20);
        for _ in 0..5 {
            budget.succeed();
        }
        assert!(repeats());
        assert!(!repeats());
    }

    #[test]
    fn a_retry_that_never_starts_is_refunded_exactly() {
        let budget = RetryBudget::of(1);
        for _ in 0..3 {
            let paid = budget.spend();
            assert!(paid.is_some() && budget.spend().is_none());
            budget.succeed();
        }
        assert!(budget.spend().map(PaidRepeat::begin).is_some());
        assert!(budget.spend().is_none());
    }

    #[test]
    fn delays_double_up_to_a_limit_with_full_jitter() {
        let error = Inner::from(crate::InvalidInput::new("field", "value", "rule"));
        let wait = |attempt, random| wait(&error, attempt, DateTime::UNIX_EPOCH, random);
        let longest: Vec<_> = (1..=8)
            .map(|attempt| wait(attempt, 1.0).as_millis())
            .collect();
        assert_eq!(
            longest,
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]
        );
        assert_eq!(wait(3, 0.25), Duration::from_millis(500));
        assert_eq!(wait(u32::MAX, 0.0), Duration::ZERO);
    }

    #[test]
    fn the_fate_of_an_attempt_follows_from_how_it_failed() {
        assert_eq!(outcome(ErrorKind::Connect, None), AttemptOutcome::NoEffect);
        assert_eq!(
            outcome(ErrorKind::RateLimited, Some(429)),
            AttemptOutcome::NoEffect
        );
        assert_eq!(
            outcome(ErrorKind::Interrupted, Some(200)),
            AttemptOutcome::Unknown
        );
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(
                outcome(ErrorKind::Server, Some(status)),
                AttemptOutcome::Unknown
            );
        }
        for status in [400, 401, 403, 404, 409, 412, 422, 501] {
            assert_eq!(
                outcome(ErrorKind::Rejected, Some(status)),
                AttemptOutcome::Decided
            );
        }
    }

    fn with_limit(kind: ErrorKind, remaining: u64) -> Inner {
        let rate_limit = crate::error::RateLimit {
            limit: 5_000,
            remaining,
            reset: DateTime::UNIX_EPOCH + Duration::from_secs(40),
        };
        Inner {
            response: Some(crate::error::ResponseFacts {
                rate_limit: Some(rate_limit),
                ..Default::default()
            }),
            ..Inner::new(kind, "it failed")
        }
    }

    #[test]
    fn only_a_refusal_by_the_rate_limit_waits_for_its_reset() {
        let wait =
            |kind, remaining| server_wait(&with_limit(kind, remaining), DateTime::UNIX_EPOCH);
        let until_reset = Some(Duration::from_secs(40));
        assert_eq!(wait(ErrorKind::RateLimited, 0), until_reset);
        assert_eq!(wait(ErrorKind::RateLimited, 1), None);
        assert_eq!(wait(ErrorKind::Server, 0), None);
    }

    #[test]
    fn what_creates_or_mints_is_never_repeated_blindly() {
        let all = [
            Effect::Read,
            Effect::Set,
            Effect::Delete,
            Effect::Create,
            Effect::Mint,
        ];
        let decisions = |kind, status| {
            let error = Inner {
                response: Some(crate::error::ResponseFacts {
                    status,
                    ..Default::default()
                }),
                ..Inner::new(kind, "it failed")
            };
            all.map(|effect| decide(effect, &error))
        };
        use RetryDecision::{Ambiguous, LookUp, Repeat, Stop};
        assert_eq!(decisions(ErrorKind::RateLimited, 429), [Repeat; 5]);
        assert_eq!(decisions(ErrorKind::Connect, 0), [Repeat; 5]);
        let unknown = [Repeat, Repeat, Repeat, LookUp, Ambiguous];
        assert_eq!(decisions(ErrorKind::Timeout, 0), unknown);
        assert_eq!(decisions(ErrorKind::Server, 503), unknown);
        assert_eq!(decisions(ErrorKind::Server, 501), [Stop; 5]);
        assert_eq!(decisions(ErrorKind::NotFound, 404), [Stop; 5]);
        // It was done, and what was made can't be read.
        let unreadable = [Stop, Stop, Stop, LookUp, Ambiguous];
        assert_eq!(decisions(ErrorKind::Unreadable, 201), unreadable);
    }
}
