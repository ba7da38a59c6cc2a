//! The one way that every call takes: attempts, waits between them, and what is said when they end.

mod clock;
mod core;
mod macros;
pub(crate) mod pacer;
pub(crate) mod retry;
mod service_clock;
mod target;

use std::time::Duration;

use chrono::{DateTime, Utc};
use docr_api::{Effect, Operation, ResponseValue};
use tracing::{Instrument as _, debug, debug_span, field};

use crate::error::{Error, ErrorKind, History, Inner, RateLimit, Result, classify};

pub use clock::{Clock, ManualClock, SystemClock};
use core::Shared;
pub(crate) use core::{Core, Settings};
pub(crate) use macros::{call, call_either, request};
use retry::{Fate, Verdict};
pub(crate) use target::{Form, Target};

/// A request of the generated client that can be sent as often as needed, and the operation that it is of.
/// Made by [`request!`].
pub(crate) struct Request<S> {
    pub(crate) operation: &'static Operation,
    pub(crate) send: S,
}

impl Core {
    /// Makes a call, and repeats it as far as [`retry::verdict`] allows. The future that `send` returns owns its
    /// client, so that it stays `Send` whatever it borrows.
    pub(crate) async fn call<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
    ) -> Result<T>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        let result = self.attempts(request).await;
        result.map_err(|failed| {
            let is_ambiguous = matches!(failed.verdict, Verdict::LookUp | Verdict::Ambiguous);
            failed.end(is_ambiguous)
        })
    }

    /// Makes a call that creates something, of which `made` is read. When it can't be known whether it did,
    /// `look_up` tells: it is given the earliest time at which what it finds can have been made by this call.
    pub(crate) async fn create<T, F, M, L>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
        made: impl FnOnce(T) -> M,
        look_up: impl FnOnce(DateTime<Utc>) -> L,
    ) -> Result<M>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
        L: Future<Output = Result<Option<M>>>,
    {
        // The clocks of the service and of this machine differ.
        const SKEW: Duration = Duration::from_secs(120);
        let begin = self.clock().now() - SKEW;
        let failed = match self.attempts(request).await {
            Ok(response) => return Ok(made(response)),
            Err(failed) => failed,
        };
        match failed.verdict {
            Verdict::LookUp => match look_up(begin).await {
                Ok(Some(found)) => Ok(found),
                _ => Err(failed.end(true)),
            },
            Verdict::Ambiguous => Err(failed.end(true)),
            Verdict::Repeat | Verdict::Stop => Err(failed.end(false)),
        }
    }

    /// All attempts of a call, in a span named by the operation and its route, never by names or ids.
    async fn attempts<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
    ) -> Result<T, Failed>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        let operation = request.operation;
        let span = debug_span!(
            "docr.call",
            operation = operation.id,
            http.request.method = operation.method,
            http.route = operation.path,
        );
        self.repeated(request).instrument(span).await
    }

    /// Sends until it succeeds, must not be repeated, or attempts, budget or deadline are used up.
    async fn repeated<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
    ) -> Result<T, Failed>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        let Request { operation, send } = request;
        let Shared {
            token,
            budget,
            pacer,
            clock,
            service_clock,
            ..
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
                Ok(response) => {
                    span.record("http.response.status_code", response.status().as_u16());
                    budget.succeed();
                    // A failure may come from a proxy before the service, with a clock of its own.
                    service_clock.observe(response.headers(), clock.now());
                    if let Some(limit) = RateLimit::from_headers(response.headers()) {
                        pacer.observe(clock, limit);
                    }
                    return Ok(response.into_inner());
                }
                Err(failure) => failure,
            };
            let error = classify::error_of(operation, failure, token).await;
            if error.kind == ErrorKind::RateLimited {
                pacer.refused(clock, &error);
            }
            let verdict = retry::verdict(operation.effect, &error);
            let wait = retry::wait(&error, attempt, clock.now(), clock.random());
            let repeats = verdict == Verdict::Repeat && attempt < limits.attempts;
            let in_time = since_begin().saturating_add(wait) < limits.deadline;
            let reached_before = may_have_taken_effect;
            may_have_taken_effect |= retry::fate(error.kind, error.status()) == Fate::Unknown;
            span.record("http.response.status_code", error.status());
            if repeats && in_time && budget.spend() {
                debug!(error = %error.summary, ?wait, "the attempt failed and will be repeated");
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
            return Err(Failed {
                error,
                history: end,
                verdict,
            });
        }
    }
}

/// How a call has failed.
struct Failed {
    error: Inner,
    history: History,
    verdict: Verdict,
}

impl Failed {
    /// The error that the caller gets.
    fn end(self, is_ambiguous: bool) -> Error {
        let ambiguous = self.history.ambiguous || is_ambiguous;
        self.error.after(History {
            ambiguous,
            ..self.history
        })
    }
}

/// A delete that finds nothing after an attempt whose end isn't known has found what that attempt deleted.
pub(crate) fn deleted(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() && error.reached_before() => Ok(()),
        result => result,
    }
}

/// "Not found" as `None`.
pub(crate) fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
