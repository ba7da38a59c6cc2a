//! The one way that every call takes: attempts, waits between them, and what is said when they end.

mod clock;
mod macros;
pub(crate) mod pacer;
pub(crate) mod retry;

use std::time::Duration;

use chrono::{DateTime, Utc};
use docr_api::{Effect, Operation, ResponseValue};
use tracing::{Instrument as _, debug, debug_span, field};

use crate::{Client, Error, RateLimit, Result, client::Shared, error::History, error::classify};

use retry::{Fate, Verdict};

pub use clock::{Clock, ManualClock, SystemClock};
pub(crate) use macros::{call, call_either, list_either, send};

impl Client {
    /// Makes a call, and repeats it as far as [`retry::verdict`] allows. The future that `send` returns owns its
    /// client, so that it stays `Send` whatever it borrows.
    pub(crate) async fn call<T, F>(
        &self,
        operation: &'static Operation,
        send: impl Fn(docr_api::Client) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        self.attempts(operation, send)
            .await
            .map_err(|(mut error, verdict)| {
                if matches!(verdict, Verdict::LookUp | Verdict::Ambiguous) {
                    error.amend(|history| history.ambiguous = true);
                }
                error
            })
    }

    /// Makes a call that creates something, of which `made` is read. When it can't be known whether it did,
    /// `look_up` tells: it is given the earliest time at which what it finds can have been made by this call.
    pub(crate) async fn create<T, F, M, L>(
        &self,
        operation: &'static Operation,
        send: impl Fn(docr_api::Client) -> F,
        made: impl FnOnce(T) -> M,
        look_up: impl FnOnce(DateTime<Utc>) -> L,
    ) -> Result<M>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
        L: Future<Output = Result<Option<M>>>,
    {
        // The clocks of the service and of this machine differ.
        const SKEW: Duration = Duration::from_secs(120);
        let begin = self.shared.clock.now() - SKEW;
        let (mut error, verdict) = match self.attempts(operation, send).await {
            Ok(answer) => return Ok(made(answer)),
            Err(failed) => failed,
        };
        match verdict {
            Verdict::LookUp => {
                if let Ok(Some(found)) = look_up(begin).await {
                    return Ok(found);
                }
                error.amend(|history| history.ambiguous = true);
            }
            Verdict::Ambiguous => error.amend(|history| history.ambiguous = true),
            Verdict::Repeat | Verdict::Stop => {}
        }
        Err(error)
    }

    /// All attempts of a call, in a span named by the operation and its route, never by names or ids.
    async fn attempts<T, F>(
        &self,
        operation: &'static Operation,
        send: impl Fn(docr_api::Client) -> F,
    ) -> Result<T, (Error, Verdict)>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        let span = debug_span!(
            "docr.call",
            operation = operation.id,
            http.request.method = operation.method,
            http.route = operation.path,
        );
        self.repeated(operation, send).instrument(span).await
    }

    /// Sends until it succeeds, must not be repeated, or attempts, budget or deadline are used up.
    async fn repeated<T, F>(
        &self,
        operation: &'static Operation,
        send: impl Fn(docr_api::Client) -> F,
    ) -> Result<T, (Error, Verdict)>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        let Shared {
            token,
            budget,
            pacer,
            clock,
            oauth_url: _,
        } = &*self.shared;
        let (clock, limits) = (&**clock, self.settings.limits);
        let mut begin = clock.now();
        let mut attempt = 0;
        let mut may_have_taken_effect = false;
        loop {
            attempt += 1;
            if self.settings.paced {
                pacer.acquire(clock).await;
            } else {
                pacer.record(clock);
            }
            if attempt == 1 {
                begin = clock.now();
            }
            let since_begin = || (clock.now() - begin).to_std().unwrap_or_default();
            let left = limits.deadline.saturating_sub(since_begin());
            let api = self
                .api
                .clone()
                .with_timeout(self.settings.attempt_timeout.min(left));
            let span = debug_span!(
                "docr.attempt",
                attempt,
                http.response.status_code = field::Empty
            );
            let failure = match send(api).instrument(span.clone()).await {
                Ok(answer) => {
                    span.record("http.response.status_code", answer.status().as_u16());
                    budget.succeed();
                    if let Some(limit) = RateLimit::from_headers(answer.headers()) {
                        pacer.observe(clock, limit);
                    }
                    return Ok(answer.into_inner());
                }
                Err(failure) => failure,
            };
            let mut error = classify::error_of(operation, failure, token).await;
            if error.is_rate_limited() {
                pacer.refused(clock, &error);
            }
            let verdict = retry::verdict(operation.effect, &error);
            let wait = retry::wait(&error, attempt, clock.now(), clock.random());
            let repeats = verdict == Verdict::Repeat && attempt < limits.attempts;
            let in_time = since_begin().saturating_add(wait) < limits.deadline;
            let reached_before = may_have_taken_effect;
            may_have_taken_effect |= retry::fate(error.kind(), error.status()) == Fate::Unknown;
            span.record("http.response.status_code", error.status());
            if repeats && in_time && budget.spend() {
                debug!(%error, ?wait, "the attempt failed and will be repeated");
                clock.sleep(wait).await;
                continue;
            }
            let end = History {
                attempts: attempt,
                elapsed: since_begin(),
                // A repeatable call that was given up may have been done all the same.
                ambiguous: verdict == Verdict::Repeat
                    && may_have_taken_effect
                    && operation.effect != Effect::Read,
                retry_at: (repeats && !in_time).then(|| clock.now() + wait),
                reached_before,
            };
            error.amend(|history| *history = end);
            return Err((error, verdict));
        }
    }
}
