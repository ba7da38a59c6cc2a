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

use super::{
    handle::GarbageCollections,
    patience::{INTERVAL, expired, passes},
};
use crate::{
    GarbageCollectionId, GarbageCollectionStatus as Status,
    error::{About, Error, ErrorKind, Result},
    text::clean,
};

/// A run may wait 15 minutes for tokens to expire before it begins.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// Follows a run: [`wait`](Self::wait) for its end, or read each change as a stream. Made by
/// [`GarbageCollections::watch`]; looks every 5 seconds, for at most 2 hours.
///
/// A run that ends is no longer the active one: it is then looked for among all runs by its id.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let runs = docr.registry("acme-images".parse()?).garbage_collections();
/// if let Some(run) = runs.active().await? {
///     let mut changes = runs.watch(run.uuid.parse()?);
///     while let Some(run) = changes.next().await {
///         let run = run?;
///         println!("{:?}: {} blobs", run.status, run.blobs_deleted.unwrap_or(0));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a watch does nothing until it is waited for"]
pub struct GarbageCollectionWatch(State);

enum State {
    Ready(Box<Follower>),
    Looking(BoxFuture<'static, (Box<Follower>, Result<GarbageCollection>)>),
    Ended,
}

struct Follower {
    runs: GarbageCollections,
    id: GarbageCollectionId,
    interval: Duration,
    limit: Duration,
    since: Option<Duration>,
    last: Option<GarbageCollection>,
    ended: bool,
}

impl GarbageCollections {
    /// Follows a run to its end.
    pub fn watch(&self, id: GarbageCollectionId) -> GarbageCollectionWatch {
        GarbageCollectionWatch::new(self.clone(), id)
    }
}

impl GarbageCollectionWatch {
    pub(crate) fn new(runs: GarbageCollections, id: GarbageCollectionId) -> Self {
        Self(State::Ready(Box::new(Follower {
            runs,
            id,
            interval: INTERVAL,
            limit: LIMIT,
            since: None,
            last: None,
            ended: false,
        })))
    }

    /// Looks this often.
    pub fn every(self, interval: Duration) -> Self {
        self.with(|follower| follower.interval = interval)
    }

    /// Follows the run for at most so long.
    pub fn limit(self, limit: Duration) -> Self {
        self.with(|follower| follower.limit = limit)
    }

    fn with(mut self, change: impl FnOnce(&mut Follower)) -> Self {
        if let State::Ready(follower) = &mut self.0 {
            change(follower);
        }
        self
    }

    /// The run as it is now, and then after each change, the last time when it has ended; then `None`.
    ///
    /// # Errors
    ///
    /// Those of any call; [`is_not_found`](Error::is_not_found), if the registry has no such run;
    /// [`is_wait_expired`](Error::is_wait_expired), if the run goes on beyond the limit: the error carries it.
    pub async fn next(&mut self) -> Option<Result<GarbageCollection>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits until the run has succeeded, and returns it.
    ///
    /// # Errors
    ///
    /// Those of [`next`](Self::next), and [`is_garbage_collection_failed`](Error::is_garbage_collection_failed), if
    /// the run failed, or was cancelled: the error carries it.
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
                    "the garbage collection has ended as \"{}\"",
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
                        self.0 = State::Looking(Box::pin(follower.step()));
                    }
                }
                State::Looking(step) => {
                    let (follower, run) = ready!(step.as_mut().poll(context));
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
    /// Looks until something has changed.
    async fn step(mut self: Box<Self>) -> (Box<Self>, Result<GarbageCollection>) {
        let run = self.changed().await;
        (self, run)
    }

    async fn changed(&mut self) -> Result<GarbageCollection> {
        let clock = self.runs.clock();
        let since = *self.since.get_or_insert(clock.monotonic());
        loop {
            if let Some(last) = &self.last {
                if passes(since, &*clock, self.interval, self.limit) {
                    return Err(expired(self.limit, last.clone()));
                }
                clock.sleep(self.interval).await;
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
        let is_it = |run: &GarbageCollection| run.uuid.eq_ignore_ascii_case(self.id.as_str());
        if let Some(run) = self.runs.active().await?.filter(is_it) {
            let ended = has_ended(&run) == Some(true);
            return Ok((run, ended));
        }
        let mut all = self.runs.list().items();
        while let Some(run) = all.next().await {
            let run = run?;
            if is_it(&run) {
                // A state that this version doesn't know is a last one, since the run is not active.
                let ended = has_ended(&run).unwrap_or(true);
                return Ok((run, ended));
            }
        }
        let summary = format!("the registry has no garbage collection {}", self.id);
        let kind = ErrorKind::NotFound;
        Err(Error::caused_by(None, kind, summary))
    }
}

/// Whether the run's state is one of the last; `None` for a state that this version doesn't know.
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
        // The service's own documents spell it both ways.
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
            debug.field("limit", &follower.limit);
        }
        debug.finish_non_exhaustive()
    }
}
