//! What the visits of all repositories share: permits, the request to stop, outcomes.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt as _,
    future::{Either, Shared, select},
};
use tokio::sync::{self, OwnedSemaphorePermit, Semaphore, watch};

use crate::{
    Error, ErrorKind, RegistryHandle, RepositoryHandle, Result,
    retention::{observe::ObserveRetention, plan::Deletion, report::Outcome},
};

/// A plan that is being executed.
pub(in crate::retention) struct Run<'a, 'o, O> {
    pub(in crate::retention) registry: RegistryHandle,
    /// Each call holds one.
    pub(in crate::retention) permits: Arc<Semaphore>,
    pub(in crate::retention) until: Shared<BoxFuture<'a, ()>>,
    /// Whether nothing more may start.
    pub(in crate::retention) is_stopped: watch::Sender<bool>,
    pub(in crate::retention) observe: Mutex<&'o mut O>,
    pub(in crate::retention) outcomes: Mutex<HashMap<&'a Deletion, Outcome>>,
    /// If manifests are deleted first: whether their tags are deleted with them, once known. Held while finding out.
    pub(in crate::retention) tags_go_along: Option<sync::Mutex<Option<bool>>>,
}

impl<'a, 'o, O: ObserveRetention + Send> Run<'a, 'o, O> {
    pub(super) fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    /// Whether another deletion may start.
    pub(super) fn may_begin(&self) -> bool {
        if self.until.clone().now_or_never().is_some() {
            self.stop();
        }
        !*self.is_stopped.borrow()
    }

    /// The output of a wait; `None` if stopped before.
    pub(super) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        match select(self.until.clone(), pin!(wait)).await {
            Either::Left(_) => {
                self.stop();
                None
            }
            Either::Right((output, _)) => Some(output),
        }
    }

    /// The output of a call. If stopped meanwhile, the call ends any wait of its own, and finishes a request in progress.
    pub(super) async fn finish<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        match self.unless_stopped(call.as_mut()).await {
            Some(output) => output,
            None => call.await,
        }
    }

    /// Waits for a permit to call; `None` if stopped before.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        self.unless_stopped(permit).await?.ok()
    }

    /// A repository whose calls wait no longer than the run.
    pub(super) fn repository(&self, name: &str) -> Option<RepositoryHandle> {
        let mut is_stopped = self.is_stopped.subscribe();
        let stopped = async move {
            let _ = is_stopped.wait_for(|is_stopped| *is_stopped).await;
        };
        // The plan was checked: every name in it is valid.
        let repository = self.registry.repository(name.parse().ok()?);
        Some(repository.with(|calls| calls.until(stopped)))
    }

    pub(super) fn observe(&self) -> MutexGuard<'_, &'o mut O> {
        // The state that a panicking observer leaves is its own concern.
        self.observe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, deletion: &'a Deletion, outcome: Outcome) {
        let outcomes = self.outcomes.lock();
        let mut outcomes = outcomes.unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(deletion, outcome);
    }

    /// The outcome of a deletion that was sent. After a refusal nothing more starts.
    pub(super) fn outcome(&self, result: Result<()>) -> Outcome {
        match result {
            Ok(()) => Outcome::Deleted,
            Err(error) if error.is_not_found() => Outcome::GoneAlready,
            Err(error) if error.is_stopped() && error.attempts() == 0 => Outcome::NotTried,
            Err(error) if is_refusal(&error) => {
                self.stop();
                Outcome::Refused(error.to_string())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// Whether later calls would fail the same way.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed
            | ErrorKind::RateLimited
            | ErrorKind::Connect
    )
}
