//! A registry: what it stores, its garbage collections and uploads.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::collection::Run;
use super::store::Store;
use super::upload::Uploads;

/// The most garbage collections that are kept.
const MOST_RUNS: usize = 1000;

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Registry {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) store: Store,
    /// When the storage usage last changed.
    pub(crate) measured_at: DateTime<Utc>,
    /// Garbage collections, the newest last. Only that one can be active.
    pub(crate) runs: Vec<Run>,
    #[serde(skip)]
    pub(crate) uploads: Uploads,
}

impl Registry {
    pub(crate) fn new(name: String, region: String, now: DateTime<Utc>) -> Self {
        Self {
            name,
            region,
            created_at: now,
            store: Store::default(),
            measured_at: now,
            runs: Vec::new(),
            uploads: Uploads::default(),
        }
    }

    /// Removes a repository with its content and unfinished uploads.
    pub(crate) fn remove_repository(&mut self, name: &str) -> bool {
        self.uploads.end_all(name);
        self.store.remove_repository(name)
    }

    pub(crate) fn active_run(&self) -> Option<&Run> {
        self.runs.last().filter(|run| run.is_active())
    }

    /// Starts a garbage collection. Beyond the limit, the oldest are forgotten.
    pub(crate) fn begin_run(&mut self, run: Run, now: DateTime<Utc>) {
        self.runs.push(run);
        let forgotten = self.runs.len().saturating_sub(MOST_RUNS);
        self.runs.drain(..forgotten);
        // A run may take no time at all.
        self.settle(now);
    }

    /// Brings uploads and the newest garbage collection up to date, and returns whether that has finished.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) -> bool {
        self.uploads.expire(now);
        let was_active = self.active_run().is_some();
        let newest = self.runs.last_mut();
        if let Some(done) = newest.and_then(|run| run.settle(&mut self.store, now)) {
            self.measured_at = self.measured_at.max(done);
        }
        was_active && self.active_run().is_none()
    }
}
