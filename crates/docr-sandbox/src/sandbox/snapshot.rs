//! Snapshots, and going back to them.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Sandbox;
use super::service::Service;
use crate::model::account::World;
use crate::model::clock::Time;
use crate::model::rate::RateLimits;

/// The content of a sandbox at one time: accounts with what they own, rate limits and the clock. Taken by
/// [`Sandbox::snapshot`].
///
/// ```
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// let before = sandbox.snapshot();
/// sandbox.add_cluster();
/// sandbox.restore(&before);
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshot(Arc<Taken>);

struct Taken {
    world: World,
    time: Time,
    limits: RateLimits,
    at: DateTime<Utc>,
}

impl Snapshot {
    /// When it was taken, by the sandbox's clock.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.snapshot().taken_at() <= sandbox.clock().now());
    /// # }
    /// ```
    pub fn taken_at(&self) -> DateTime<Utc> {
        self.0.at
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshot").field(&self.0.at).finish()
    }
}

impl Service {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = &mut *self.state();
        let at = self.clock.now();
        state.settle(at);
        Snapshot(Arc::new(Taken {
            world: state.world.clone(),
            time: *self.clock.time(),
            limits: state.limits,
            at,
        }))
    }

    pub(crate) fn restore(&self, snapshot: &Snapshot) {
        let taken = &snapshot.0;
        self.change_all(|state| {
            state.world = taken.world.clone();
            state.limits = taken.limits;
            *self.clock.time() = taken.time;
        });
    }

    /// Restores what there was when the sandbox was started.
    pub(crate) fn reset(&self) {
        if let Some(start) = self.start.get() {
            self.restore(start);
        }
        let state = &mut *self.state();
        state.requests.clear();
        state.scripts.clear();
        state.faults.clear();
        state.violations.clear();
    }
}

impl Sandbox {
    /// Takes a snapshot that can be [restored](Self::restore). Unfinished uploads are not part of it.
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::start().await?;
    /// let before = sandbox.snapshot();
    /// // Let the client under test do something, and then:
    /// sandbox.restore(&before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.service.snapshot()
    }

    /// Restores a snapshot: accounts and what they own, rate limits with the requests that count, and the clock. A frozen
    /// clock is set to the time of the snapshot, a running one to the same distance from the system's. The log of
    /// requests, scripted responses and faults are kept.
    ///
    /// A snapshot of another sandbox can be restored, but the content of its blobs is lost once that sandbox is dropped.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let before = sandbox.snapshot();
    /// sandbox.restore(&before);
    /// # }
    /// ```
    pub fn restore(&self, snapshot: &Snapshot) {
        self.service.restore(snapshot);
    }

    /// [Restores](Self::restore) what there was when the sandbox was started, and clears the log of requests, scripted
    /// responses and faults.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// sandbox.reset();
    /// assert!(sandbox.requests().is_empty());
    /// # }
    /// ```
    pub fn reset(&self) {
        self.service.reset();
    }
}
