//! How every call is made: attempts, the waits between them, and the result.

// Calculates with numbers and times from outside.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod attempt;
mod attempts;
mod clock;
pub(crate) mod connecting;
mod core;
#[cfg(feature = "file-budget")]
mod file_budget;
mod macros;
mod options;
pub(crate) mod pacer;
mod rate_budget;
pub(crate) mod retry;
mod service_clock;
mod target;

use std::{any::Any, time::Duration};

use chrono::{DateTime, Utc};
use docr_api::{ResponseValue, Secret};
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;

use crate::{endpoint::Endpoint, error::Result};

pub use attempt::Attempt;
pub(crate) use attempt::Observers;
use attempts::Failed;
pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(feature = "credential-files")]
pub(crate) use clock::{date_after, until};
pub(crate) use core::{Core, Setup, TokensOfClient};
#[cfg(feature = "file-budget")]
pub use file_budget::FileBudget;
pub(crate) use macros::{call, call_either, request};
pub use options::CallOptions;
pub(crate) use options::with_options;
pub(crate) use rate_budget::Turns;
pub use rate_budget::{
    BudgetFuture, LocalBudget, NoTurn, ObservedResponse, RateBudget, RateLimits,
};
pub use retry::RetryBudget;
use retry::RetryDecision;
pub(crate) use target::{Form, Target};

/// A request that can be sent as often as needed, and its endpoint. Made by [`request!`].
pub(crate) struct Request<S> {
    pub(crate) endpoint: Endpoint,
    /// The secrets in it, which no error may show.
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

/// The generated client's result of a request.
type Sent<T> = Result<ResponseValue<T>, docr_api::Error<()>>;

/// A request with its response type erased: the code of a call is compiled once, and its futures are small.
struct AnyRequest<'a> {
    endpoint: &'a Endpoint,
    secrets: &'a [Secret],
    send: &'a (dyn Fn(docr_api::Client) -> BoxFuture<'static, Sent<Value>> + Send + Sync),
}

/// The response of a request, of any type.
type Value = Box<dyn Any + Send>;

/// A resource that a call may have created, and its creation time by the service's clock.
pub(crate) struct Found<M> {
    pub(crate) made: M,
    pub(crate) at: Option<DateTime<Utc>>,
}

impl Core {
    /// Makes a call, with the retries that [`retry::decide`] allows.
    pub(crate) async fn call<T, F>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F + Send + Sync>,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
    {
        let result = self.sent(&request).await;
        result.map_err(|failed| {
            let is_ambiguous = matches!(
                failed.decision,
                RetryDecision::LookUp | RetryDecision::Ambiguous
            );
            failed.end(is_ambiguous)
        })
    }

    /// All attempts of a call, and its response.
    #[allow(clippy::result_large_err, reason = "the generated client's own error")]
    async fn sent<T, F>(
        &self,
        request: &Request<impl Fn(docr_api::Client) -> F + Send + Sync>,
    ) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
    {
        let send = |api| -> BoxFuture<'static, Sent<Value>> {
            let boxed = |read| Box::new(read) as Value;
            // An `async` block would store the future twice: once captured, once awaited.
            Box::pin((request.send)(api).map(move |sent| sent?.map(boxed)))
        };
        let any = AnyRequest {
            endpoint: &request.endpoint,
            secrets: &request.secrets,
            send: &send,
        };
        let read = self.attempts(any).await?.downcast();
        Ok(*read.expect("`send` boxes what the request reads"))
    }

    /// Makes a call that creates a resource, which `made` takes from the response. If the outcome is unknown, `look_up`
    /// searches for it, with a core limited to the rest of the deadline, and returns a resource that is as requested. It
    /// counts as created by this call only if it was created since the call began, by the service's own clock.
    pub(crate) async fn create<T, F, M, L>(
        &self,
        request: Request<impl Fn(docr_api::Client) -> F + Send + Sync>,
        made: impl FnOnce(T) -> M,
        look_up: impl FnOnce(Self) -> L,
    ) -> Result<M>
    where
        T: Send + 'static,
        F: Future<Output = Sent<T>> + Send + 'static,
        L: Future<Output = Result<Option<Found<M>>>>,
    {
        let begin = self.clock().monotonic();
        let mut failed = match self.sent(&request).await {
            Ok(response) => return Ok(made(response)),
            Err(failed) => failed,
        };
        match failed.decision {
            RetryDecision::LookUp => {
                let before = self.clock().monotonic();
                let found = match self.for_the_rest_of(failed.history.elapsed) {
                    Some(within) => look_up(within).await.ok().flatten(),
                    None => None,
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
            RetryDecision::Ambiguous => Err(failed.end(true)),
            RetryDecision::Repeat | RetryDecision::Stop => Err(failed.end(false)),
        }
    }

    /// The same core for calls that are part of one which has taken `elapsed`, limited to the rest of its deadline. `None`
    /// if nothing is left.
    pub(crate) fn for_the_rest_of(&self, elapsed: Duration) -> Option<Self> {
        let now = self.clock().monotonic();
        let begin = now.saturating_sub(elapsed);
        let left = self.options.left(self.options.deadline, begin, now);
        let outer_deadline = Some(now.saturating_add(left));
        (!left.is_zero()).then(|| {
            self.with(|options| CallOptions {
                outer_deadline,
                ..options
            })
        })
    }

    /// The service's time at some moment, rather too early than too late: its servers' clocks differ, and a `date` header
    /// has whole seconds.
    fn service_time_at(&self, moment: Duration) -> Option<DateTime<Utc>> {
        const DIFFERENCE: Duration = Duration::from_secs(5);
        let date = self.shared.service_clock.at(moment)?;
        date.checked_sub_signed(chrono::TimeDelta::from_std(DIFFERENCE).ok()?)
    }
}

/// If an earlier attempt with an unknown outcome was followed by a 404, that attempt has deleted the resource.
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
