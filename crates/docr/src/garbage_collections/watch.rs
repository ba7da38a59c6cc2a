//! Following a garbage collection to its end.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use docr_api::types::GarbageCollection;
use futures_core::{Stream, future::BoxFuture};
use sync_wrapper::SyncWrapper;

use super::{
    handle::GarbageCollections,
    patience::{INTERVAL, expired, passes},
};
use crate::{
    GarbageCollectionId, GarbageCollectionStatus as Status, Identifies,
    error::{About, Error, ErrorKind, InvalidInput, Result},
    text::clean,
};

/// Follows a run: [`wait`](Self::wait) for its end, or read each change as a stream. Made by
/// [`GarbageCollections::watch`]; polls every 5 seconds, for at most 2 hours or the
/// [limit](crate::CallOptions::wait_limit) of the handle that made it.
///
/// A run that has ended is no longer the active one: it is then searched for among all runs by its id.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let runs = docr.registry("acme-images".parse()?).garbage_collections();
/// if let Some(run) = runs.active().await? {
///     let mut changes = runs.watch(&run);
///     while let Some(run) = changes.next().await {
///         let run = run?;
///         println!("{:?}: {} blobs", run.status, run.blobs_deleted.unwrap_or(0));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a watch does nothing until it is polled or awaited"]
pub struct GarbageCollectionWatch(State);

enum State {
    Ready(Box<Follower>),
    Looking(SyncWrapper<BoxFuture<'static, (Box<Follower>, Result<GarbageCollection>)>>),
    Ended,
}

struct Follower {
    runs: GarbageCollections,
    /// Invalid if the service returned a run with an invalid id.
    id: Result<GarbageCollectionId, InvalidInput>,
    interval: Duration,
    since: Option<Duration>,
    last: Option<GarbageCollection>,
    ended: bool,
}

impl GarbageCollections {
    /// Follows a run to its end.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.registry("acme-images".parse()?).garbage_collections();
    /// let done = runs.watch("27b4c6e0-8e6f-4d0c-9d7b-5a6f1c0e9b12").wait().await?;
    /// println!("{} blobs deleted", done.blobs_deleted.unwrap_or(0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(
        &self,
        which: &(impl Identifies<GarbageCollectionId> + ?Sized),
    ) -> GarbageCollectionWatch {
        GarbageCollectionWatch::new(self.clone(), which.identify())
    }
}

impl GarbageCollectionWatch {
    fn new(runs: GarbageCollections, id: Result<GarbageCollectionId, InvalidInput>) -> Self {
        Self(State::Ready(Box::new(Follower {
            runs,
            id,
            interval: INTERVAL,
            since: None,
            last: None,
            ended: false,
        })))
    }

    /// Sets the interval of polling.
    ///
    /// ```no_run
    /// # async fn example(runs: docr::GarbageCollections, run: docr::GarbageCollection) -> docr::Result<()> {
    /// let done = runs.watch(&run).every(std::time::Duration::from_secs(30)).wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn every(mut self, interval: Duration) -> Self {
        if let State::Ready(follower) = &mut self.0 {
            follower.interval = interval;
        }
        self
    }

    /// The run as it is now, then after each change, and finally when it has ended; then `None`.
    ///
    /// # Errors
    ///
    /// Those of any call; [`is_not_found`](Error::is_not_found), if the registry has no such run;
    /// [`is_wait_expired`](Error::is_wait_expired), if the run hasn't ended within the limit:
    /// [`Error::garbage_collection`] returns it.
    pub async fn next(&mut self) -> Option<Result<GarbageCollection>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits until the run has succeeded, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next), and [`is_garbage_collection_failed`](Error::is_garbage_collection_failed), if
    /// the run failed or was cancelled: [`Error::garbage_collection`] returns it.
    pub async fn wait(mut self) -> Result<GarbageCollection> {
        let mut last = None;
        while let Some(run) = self.next().await {
            last = Some(run?);
        }
        match last {
            Some(run) if has_succeeded(&run) => Ok(run),
            run => {
                let status = run.as_ref().and_then(|run| run.status.as_ref());
                let summary = format!(
                    "the garbage collection ended as \"{}\"",
                    clean(status.map_or("unknown", Status::as_str))
                );
                let kind = ErrorKind::GarbageCollectionFailed;
                let error = Error::caused_by(None, kind, summary);
                Err(match run {
                    Some(run) => error.about(About::Run(run)),
                    None => error,
                })
            }
        }
    }
}

impl Stream for GarbageCollectionWatch {
    type Item = Result<GarbageCollection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.0 {
                State::Ready(_) => {
                    if let State::Ready(follower) = std::mem::replace(&mut self.0, State::Ended)
                        && !follower.ended
                    {
                        self.0 = State::Looking(SyncWrapper::new(Box::pin(follower.step())));
                    }
                }
                State::Looking(step) => {
                    let (follower, run) = ready!(step.get_mut().as_mut().poll(context));
                    self.0 = match run {
                        Ok(_) => State::Ready(follower),
                        Err(_) => State::Ended,
                    };
                    return Poll::Ready(Some(run));
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl Follower {
    /// Polls until something has changed.
    async fn step(mut self: Box<Self>) -> (Box<Self>, Result<GarbageCollection>) {
        let run = self.changed().await;
        (self, run)
    }

    async fn changed(&mut self) -> Result<GarbageCollection> {
        let (clock, limit) = (self.runs.clock(), self.runs.wait_limit());
        let since = *self.since.get_or_insert(clock.monotonic());
        loop {
            if let Some(last) = &self.last {
                if passes(since, &*clock, self.interval, limit) {
                    return Err(expired(limit, last.clone()));
                }
                self.runs.pause(self.interval).await;
            }
            let (run, ended) = self.look().await?;
            self.ended = ended;
            if ended || self.last.as_ref() != Some(&run) {
                self.last = Some(run.clone());
                return Ok(run);
            }
        }
    }

    /// The run, and whether it has ended.
    async fn look(&self) -> Result<(GarbageCollection, bool)> {
        let (run, is_active) = self
            .runs
            .find(self.id.as_ref().map_err(Clone::clone)?)
            .await?;
        // A state that this version doesn't know is final unless the run is active.
        let ended = has_ended(&run).unwrap_or(!is_active);
        Ok((run, ended))
    }
}

/// Whether the run's state is final; `None` for a state that this version doesn't know.
fn has_ended(run: &GarbageCollection) -> Option<bool> {
    match run.status.as_ref()? {
        Status::Succeeded | Status::Failed | Status::Cancelled => Some(true),
        _ if has_succeeded(run) => Some(true),
        Status::Other(_) => None,
        _ => Some(false),
    }
}

fn has_succeeded(run: &GarbageCollection) -> bool {
    match &run.status {
        Some(Status::Succeeded) => true,
        // The service's own documentation spells it both ways.
        Some(Status::Other(status)) => status == "success",
        _ => false,
    }
}

impl fmt::Debug for GarbageCollectionWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("GarbageCollectionWatch");
        if let State::Ready(follower) = &self.0 {
            debug.field("id", &follower.id);
            debug.field("interval", &follower.interval);
        }
        debug.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_a_run_has_ended_and_an_unknown_one_does_not() {
        let has_ended = |status: Option<&str>| {
            let run = serde_json::json!({ "uuid": "1", "status": status });
            has_ended(&serde_json::from_value(run).unwrap())
        };
        for status in ["succeeded", "success", "failed", "cancelled"] {
            assert_eq!(has_ended(Some(status)), Some(true), "{status}");
        }
        for status in [
            "requested",
            "waiting for write JWTs to expire",
            "cancelling",
        ] {
            assert_eq!(has_ended(Some(status)), Some(false), "{status}");
        }
        assert_eq!(has_ended(Some("resting")), None);
        assert_eq!(has_ended(None), None);
    }
}
