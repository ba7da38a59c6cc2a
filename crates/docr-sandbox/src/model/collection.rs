//! Garbage collections: a run's status follows from the time since it was started.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::{later, seconds};
use super::store::Store;

pub(crate) const DEFAULT_TYPE: &str = "unreferenced blobs only";
const MANIFESTS: &str = "untagged manifests only";
const FAILED: &str = "failed";
const SUCCEEDED: &str = "succeeded";
const SCANNING: &str = "scanning manifests";
const BOTH: &str = "untagged manifests and unreferenced blobs";

/// The states of a run that is not cancelled, in order.
const STATES: [&str; 5] = [
    "requested",
    "waiting for write JWTs to expire",
    SCANNING,
    "deleting unreferenced blobs",
    SUCCEEDED,
];

/// How long a garbage collection stays in each status.
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::GcTiming;
///
/// let slow = GcTiming { scanning: Duration::from_secs(3600), ..GcTiming::default() };
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct GcTiming {
    /// `requested`; 10 seconds by default.
    pub requested: Duration,
    /// `waiting for write JWTs to expire`; a minute by default, but at least until the last token that may write has
    /// expired, up to 15 minutes.
    pub waiting: Duration,
    /// `scanning manifests`; 20 seconds by default.
    pub scanning: Duration,
    /// `deleting unreferenced blobs`; 10 seconds by default.
    pub deleting: Duration,
    /// `cancelling`; 5 seconds by default.
    pub cancelling: Duration,
}

impl Default for GcTiming {
    fn default() -> Self {
        Self {
            requested: Duration::from_secs(10),
            waiting: Duration::from_secs(60),
            scanning: Duration::from_secs(20),
            deleting: Duration::from_secs(10),
            cancelling: Duration::from_secs(5),
        }
    }
}

/// The state of a run.
struct State {
    status: &'static str,
    since: DateTime<Utc>,
    /// When the next state begins.
    end: Option<DateTime<Utc>>,
}

/// One garbage collection.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Run {
    pub(crate) uuid: String,
    pub(crate) kind: String,
    timing: GcTiming,
    pub(crate) created_at: DateTime<Utc>,
    /// When the last token that may write expires. None is issued during the run.
    written_until: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    /// How far it is ahead of the clock.
    #[serde(default)]
    ahead: TimeDelta,
    pub(crate) status: Cow<'static, str>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) blobs_deleted: u64,
    pub(crate) freed_bytes: u64,
}

impl Run {
    pub(crate) fn new(
        uuid: String,
        kind: &str,
        timing: GcTiming,
        written_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            uuid,
            kind: kind.to_owned(),
            timing,
            created_at: now,
            written_until,
            cancelled_at: None,
            ahead: TimeDelta::zero(),
            status: STATES[0].into(),
            updated_at: now,
            blobs_deleted: 0,
            freed_bytes: 0,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        !matches!(&*self.status, SUCCEEDED | "cancelled" | FAILED)
    }

    /// The number of steps that are done, and of all steps; `None` once it is cancelled.
    pub(crate) fn progress(&self) -> Option<(usize, usize)> {
        let done = STATES.iter().position(|state| *state == self.status)?;
        Some((done, STATES.len() - 1))
    }

    /// Cancels an active run; a repeated call changes nothing.
    pub(crate) fn cancel(&mut self, now: DateTime<Utc>) {
        if self.is_active() && self.cancelled_at.is_none() {
            self.cancelled_at = Some(later(now, self.ahead));
            (self.status, self.updated_at) = ("cancelling".into(), now);
        }
    }

    /// Brings the run up to date. It deletes when it succeeds; that time is returned.
    pub(crate) fn settle(
        &mut self,
        store: &mut Store,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if !self.is_active() {
            return None;
        }
        let state = self.state(later(now, self.ahead));
        if self.status != state.status {
            (self.status, self.updated_at) = (state.status.into(), state.since.min(now));
        }
        if self.status != SUCCEEDED {
            return None;
        }
        if self.kind == MANIFESTS || self.kind == BOTH {
            store.remove_untagged();
        }
        if self.kind == DEFAULT_TYPE || self.kind == BOTH {
            (self.blobs_deleted, self.freed_bytes) = store.remove_unreferenced();
        }
        Some(self.updated_at)
    }

    /// Skips to the next state without the clock. [`settle`](Self::settle) does what is due then.
    pub(crate) fn skip(&mut self, now: DateTime<Utc>) {
        if let Some(end) = self
            .state(later(now, self.ahead))
            .end
            .filter(|_| self.is_active())
        {
            self.ahead = end - now;
        }
    }

    /// Fails an active run.
    pub(crate) fn fail(&mut self, now: DateTime<Utc>) {
        if self.is_active() {
            (self.status, self.updated_at) = (FAILED.into(), now);
        }
    }

    pub(crate) fn status(&self) -> &str {
        &self.status
    }

    /// The state at a time.
    fn state(&self, now: DateTime<Utc>) -> State {
        let after = |time, by| later(time, TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX));
        let state = |status, since, end| State { status, since, end };
        if let Some(asked) = self.cancelled_at {
            let stopped = after(asked, self.timing.cancelling);
            return if now < stopped {
                state("cancelling", asked, Some(stopped))
            } else {
                state("cancelled", stopped, None)
            };
        }
        let stays = [
            self.timing.requested,
            self.timing.waiting,
            self.timing.scanning,
            self.timing.deleting,
        ];
        let (mut status, mut since) = (STATES[0], self.created_at);
        for (stay, next) in stays.into_iter().zip(&STATES[1..]) {
            let mut end = after(since, stay);
            if *next == SCANNING {
                end = self.written_until.map_or(end, |until| end.max(until));
            }
            if now < end {
                return state(status, since, Some(end));
            }
            (status, since) = (*next, end);
        }
        state(status, since, None)
    }

    pub(crate) fn to_json(&self, registry: &str) -> Value {
        json!({
            "uuid": self.uuid,
            "registry_name": registry,
            "type": self.kind,
            "status": self.status,
            "created_at": seconds(self.created_at),
            "updated_at": seconds(self.updated_at),
            "blobs_deleted": self.blobs_deleted,
            "freed_bytes": self.freed_bytes,
        })
    }
}
