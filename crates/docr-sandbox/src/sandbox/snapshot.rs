//! Going back to what was.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Sandbox;
use super::service::Service;
use crate::model::account::World;
use crate::model::clock::Time;
use crate::model::rate::RateLimits;

/// All that was in a sandbox at a time: accounts with what they own, and the clock. Made by [`Sandbox::snapshot`].
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

    /// Lets all be as it was when the sandbox was started.
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
    /// Takes a snapshot, to [`restore`](Self::restore) it. Uploads that are under way are not in it.
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

    /// Lets everything be as it was when the snapshot was taken: accounts and what they own, what is left of rate
    /// limits, and the clock, of which a standing one stands where it stood and a running one is as far from the
    /// system's as it was. The requests that are kept, scripted answers and faults stay.
    ///
    /// A snapshot of another sandbox brings what was in that one, but for the content of blobs once it has ended.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.service.restore(snapshot);
    }

    /// Lets everything be as it was when the sandbox was started: like [`restore`](Self::restore), and forgets
    /// requests, scripted answers and faults.
    pub fn reset(&self) {
        self.service.reset();
    }
}
