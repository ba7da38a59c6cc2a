//! The one way that every call takes: attempts, waits between them, and what is said when they end.

// Numbers and times from outside are calculated with here.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod clock;
pub(crate) mod connecting;
mod core;
mod macros;
pub(crate) mod pacer;
pub(crate) mod retry;
mod service_clock;
mod target;

use std::{future, panic, time::Duration};

use chrono::{DateTime, Utc};
use docr_api::{Effect, Operation, ResponseValue, Secret};
use futures_util::future::Either;
use tokio::task::{JoinError, JoinHandle};
use tracing::{Instrument as _, debug, debug_span, field};

use crate::error::{
    Error, ErrorKind, History, Inner, RateLimit, Result, classify, redaction::Hidden,
};

pub(crate) use clock::date_after;
#[cfg(feature = "credential-files")]
pub(crate) use clock::until;
pub use clock::{Clock, ManualClock, SystemClock};
use connecting::Connecting;
use core::Shared;
pub(crate) use core::{Core, Settings};
pub(crate) use macros::{call, call_either, request};
use pacer::NoSlot;
use retry::{Fate, Verdict};
pub(crate) use target::{Form, Target};

/// A request of the generated client that can be sent as often as needed, and the operation that it is of.
/// Made by [`request!`].
pub(crate) struct Request<S> {
    pub(crate) operation: &'static Operation,
    /// What it sends that no error may show.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) send: S,
}

impl<S> Request<S> {
    /// A request that sends a secret.
    pub(crate) fn hiding(mut self, secret: impl IntoIterator<Item = Secret>) -> Self {
        self.secrets.extend(secret);
        self
    }
}

/// What the generated client makes of a request.
type Sent<T> = Result<ResponseValue<T>, docr_api::Error<()>>;

/// What may have been made by a call, and when the service says that it was made.
pub(crate) struct Found<M> {
    pub(crate) made: M,
    pub(crate) at: Option<DateTime<Utc>>,
}

impl Core {
    /// Makes a call, and repeats it as far as [`retry::verdict`] allows.
    pub(crate) async fn call<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
    {
        let result = self.attempts(request).await;
        result.map_err(|failed| {
            let is_ambiguous = matches!(failed.verdict, Verdict::LookUp | Verdict::Ambiguous);
            failed.end(is_ambiguous)
        })
    }

    /// Makes a call that creates something, of which `made` is read. When it can't be known whether it did,
    /// `look_up` tells: it is given what to call by, within the deadline, and returns what is as it was asked for. That
    /// counts if it was made since the call began, by the service's own clock; whatever is in doubt doesn't.
    pub(crate) async fn create<T, F, M, L>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
        made: impl FnOnce(T) -> M,
        look_up: impl FnOnce(Self) -> L,
    ) -> Result<M>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
        L: Future<Output = Result<Option<Found<M>>>>,
    {
        let begin = self.clock().monotonic();
        let mut failed = match self.attempts(request).await {
            Ok(response) => return Ok(made(response)),
            Err(failed) => failed,
        };
        match failed.verdict {
            Verdict::LookUp => {
                let before = self.clock().monotonic();
                let left = self.settings.left(
                    self.settings.limits.deadline,
                    before.saturating_sub(failed.history.elapsed),
                    before,
                );
                let within = self.with(|settings| {
                    settings.until = Some(before.saturating_add(left));
                });
                let found = match left.is_zero() {
                    true => None,
                    false => look_up(within).await.ok().flatten(),
                };
                let is_ours = |at| self.service_time_at(begin).is_some_and(|begin| at >= begin);
                if let Some(found) = found.filter(|found| found.at.is_some_and(is_ours)) {
                    return Ok(found.made);
                }
                let looked = self.clock().monotonic().saturating_sub(before);
                let elapsed = &mut failed.history.elapsed;
                *elapsed = elapsed.saturating_add(looked);
                Err(failed.end(true))
            }
            Verdict::Ambiguous => Err(failed.end(true)),
            Verdict::Repeat | Verdict::Stop => Err(failed.end(false)),
        }
    }

    /// The service's time at some moment. Rather early: its parts don't all have the same clock, and a `date` tells
    /// seconds only.
    fn service_time_at(&self, moment: Duration) -> Option<DateTime<Utc>> {
        const DIFFERENCE: Duration = Duration::from_secs(5);
        let date = self.shared.service_clock.at(moment)?;
        date.checked_sub_signed(chrono::TimeDelta::from_std(DIFFERENCE).ok()?)
    }

    /// All attempts of a call, in a span named by the operation and its route, never by names or ids.
    async fn attempts<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F>,
    ) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
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
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
    {
        let Request {
            operation,
            secrets,
            send,
        } = request;
        let Shared {
            token,
            budget,
            pacer,
            clock,
            service_clock,
            ..
        } = &*self.shared;
        let (clock, settings) = (&**clock, &self.settings);
        let limits = settings.limits;
        let asked = clock.monotonic();
        let turn = settings.left(settings.turn_limit, asked, asked);
        if let Err(NoSlot(wait)) = self.turn(turn).await {
            return Err(Failed::without_turn(
                operation,
                turn,
                date_after(clock.now(), wait),
            ));
        }
        let begin = clock.monotonic();
        let left = || settings.left(limits.deadline, begin, clock.monotonic());
        let mut attempt: u32 = 0;
        let mut may_have_taken_effect = false;
        loop {
            attempt = attempt.saturating_add(1);
            let api = self
                .api
                .clone()
                .with_timeout(settings.attempt_timeout.min(left()));
            let span = debug_span!(
                "docr.attempt",
                attempt,
                http.response.status_code = field::Empty
            );
            let connecting = Connecting::default();
            let request = connecting.during(send(api).instrument(span.clone()));
            let failure = match sent(operation, request).await {
                Ok(response) => {
                    span.record("http.response.status_code", response.status().as_u16());
                    budget.succeed();
                    // A failure may come from a proxy before the service, with a clock of its own.
                    service_clock.observe(response.headers(), clock.monotonic());
                    if let Some(limit) = RateLimit::from_headers(response.headers()) {
                        pacer.observe(clock, limit);
                    }
                    return Ok(response.into_inner());
                }
                Err(failure) => failure,
            };
            let hidden = Hidden::new(secrets.iter().chain([token]));
            let was_sent = !connecting.is_under_way();
            let error = classify::error_of(operation, failure, was_sent, &hidden).await;
            if error.kind == ErrorKind::RateLimited {
                pacer.refused(clock, &error);
            }
            let verdict = retry::verdict(operation.effect, &error);
            let wait = retry::wait(&error, attempt, clock.now(), clock.random());
            let repeats = verdict == Verdict::Repeat && attempt < limits.attempts;
            let reached_before = may_have_taken_effect;
            may_have_taken_effect |= retry::fate(error.kind, error.status()) == Fate::Unknown;
            span.record("http.response.status_code", error.status());
            // When the next attempt could be made, if that is too late.
            let mut too_late = (repeats && wait >= left()).then_some(wait);
            if repeats && too_late.is_none() && budget.spend() {
                debug!(error = %error.summary, ?wait, "the attempt failed and will be repeated");
                clock.sleep(wait).await;
                match self.turn(left()).await {
                    Ok(()) => continue,
                    Err(NoSlot(wait)) => too_late = Some(wait),
                }
            }
            let end = History {
                attempts: attempt,
                elapsed: clock.monotonic().saturating_sub(begin),
                // A repeatable call that was given up may have been done all the same.
                ambiguous: verdict == Verdict::Repeat
                    && may_have_taken_effect
                    && operation.effect != Effect::Read,
                retry_at: too_late.map(|wait| date_after(clock.now(), wait)),
                reached_before,
            };
            return Err(Failed {
                error,
                history: end,
                verdict,
            });
        }
    }

    /// Waits for the turn of a call that is paced; one that isn't is counted.
    async fn turn(&self, limit: Duration) -> Result<(), NoSlot> {
        let (pacer, clock) = (&self.shared.pacer, &**self.clock());
        if self.settings.paced {
            return pacer.acquire(clock, limit).await;
        }
        pacer.record(clock);
        Ok(())
    }
}

/// A request to its end. One that changes something goes on when nobody waits for it any more: cut off, it might or might
/// not have been done.
fn sent<T: Send + 'static>(
    operation: &Operation,
    request: impl Future<Output = Sent<T>> + Send + 'static,
) -> impl Future<Output = Sent<T>> {
    match operation.effect {
        Effect::Read => Either::Left(request),
        _ => Either::Right(finished(tokio::spawn(request))),
    }
}

/// What a task ends in. When its runtime is being shut down, whoever waits here is, too.
pub(crate) async fn finished<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(end) => end,
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => future::pending().await,
    }
}

/// How a call has failed.
struct Failed {
    error: Inner,
    history: History,
    verdict: Verdict,
}

impl Failed {
    /// A paced call whose turn would have come too late. Nothing was sent.
    fn without_turn(operation: &'static Operation, limit: Duration, at: DateTime<Utc>) -> Self {
        let summary = format!("no turn below the rate limit within {limit:?}; nothing was sent");
        Self {
            error: Inner {
                operation: Some(operation),
                ..Inner::new(ErrorKind::RateLimited, summary)
            },
            history: History {
                retry_at: Some(at),
                ..History::default()
            },
            verdict: Verdict::Stop,
        }
    }

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
