//! Executing a plan.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::{Semaphore, watch};

use super::{
    CONCURRENCY,
    look::Known,
    manifest::{ManifestReader, NoReader},
    observe::{Ends, ObserveRetention},
    plan::{Deletion, RetentionPlan},
    reading::Calls,
    report::{Outcome, RetentionReport, RetentionStep},
    visit::{Run, Visit},
};
use crate::{RegistryHandle, Result};

/// Executes a plan: deletes whatever has not changed since the plan was made. Created by [`RetentionPlan::execution`].
///
/// It stays below the rate limit of the token and works on several repositories at once. It reads each repository again
/// before it deletes there, and again after each minute, or after a wait for the rate limit. A deletion that the rate limit
/// refuses is tried up to five times, as long as the wait is within the client's
/// [`turn_limit`](crate::CallOptions::turn_limit). A tag that was moved, or whose image was pushed again, is kept, and
/// so is a manifest that has been tagged, or that something pushed since needs, with everything that belongs to it. What is
/// tagged or needed only after that check, up to a minute before the deletion, is lost: the API can't delete on a condition.
///
/// A [whole repository](RetentionPlan::whole_repositories) is deleted by one call, once a check has found nothing else in
/// it; otherwise its planned deletions are made one by one. Anything pushed between that check and the call is lost: don't
/// push to a repository that is about to be deleted.
///
/// It can be stopped at any time, by [`until`](Self::until) or by dropping it, and the same plan can be executed again:
/// anything already deleted is reported as such.
///
/// ```no_run
/// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle) -> docr::Result<()> {
/// let execution = plan.execution(&registry)?.concurrency(4);
/// let report = execution.run(|step| println!("{step}")).await;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
#[must_use = "an execution does nothing until it is run"]
pub struct RetentionExecution<'a, R = NoReader> {
    plan: &'a RetentionPlan,
    registry: RegistryHandle,
    concurrency: usize,
    done: HashSet<&'a Deletion>,
    until: BoxFuture<'a, ()>,
    reader: Option<&'a R>,
    has_manifests_first: bool,
}

impl RetentionPlan {
    /// Prepares to execute the plan.
    ///
    /// # Errors
    ///
    /// If the plan was made for another registry or with another API, deletes more images than its policy allows, or
    /// contradicts itself ([`check`](Self::check)).
    ///
    /// ```no_run
    /// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle) -> docr::Result<()> {
    /// let report = plan.execution(&registry)?.run(|step| println!("{step}")).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn execution(&self, registry: &RegistryHandle) -> Result<RetentionExecution<'_>> {
        self.check_for(registry)?;
        Ok(RetentionExecution {
            plan: self,
            registry: registry.paced(),
            concurrency: CONCURRENCY,
            done: HashSet::new(),
            until: std::future::pending().boxed(),
            reader: None,
            has_manifests_first: false,
        })
    }
}

impl<'a, R: ManifestReader + Sync> RetentionExecution<'a, R> {
    /// Limits the number of concurrent calls, to at least 1; 8 by default.
    ///
    /// See the [example](RetentionExecution).
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Skips what an earlier run has deleted, by its report.
    ///
    /// ```no_run
    /// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle, earlier: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let earlier: docr::retention::RetentionReport = serde_json::from_str(earlier)?;
    /// let report = plan.execution(&registry)?.resume(&earlier).run(|_| ()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn resume(mut self, report: &'a RetentionReport) -> Self {
        let gone = report.steps.iter().filter(|step| step.outcome.is_gone());
        self.done.extend(gone.map(|step| &step.deletion));
        self
    }

    /// Starts no further deletion once this future completes, such as one that waits for Ctrl-C. Requests in progress are
    /// finished, waits end, and the report lists the others as not tried.
    ///
    /// ```no_run
    /// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle) -> docr::Result<()> {
    /// use std::time::Duration;
    ///
    /// let hour = tokio::time::sleep(Duration::from_secs(3600));
    /// let report = plan.execution(&registry)?.until(hour).run(|_| ()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'a) -> Self {
        self.until = stop.boxed();
        self
    }

    /// Reads the manifests that were pushed to a repository since the plan was made, and keeps only what they need. Without
    /// a reader all images of such a repository are kept.
    ///
    /// ```no_run
    /// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle, reader: impl docr::retention::ManifestReader + Sync) -> docr::Result<()> {
    /// let report = plan.execution(&registry)?.reader(&reader).run(|_| ()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reader<S: ManifestReader + Sync>(self, reader: &'a S) -> RetentionExecution<'a, S> {
        RetentionExecution {
            plan: self.plan,
            registry: self.registry,
            concurrency: self.concurrency,
            done: self.done,
            until: self.until,
            reader: Some(reader),
            has_manifests_first: self.has_manifests_first,
        }
    }

    /// Deletes each manifest before its tags, which saves a call for each tag if the service deletes them with it. That is
    /// not documented, so the first manifest shows it: if its tags are left, they and everything after them are deleted
    /// tags first, which is the default.
    ///
    /// ```no_run
    /// # async fn example(plan: docr::retention::RetentionPlan, registry: docr::RegistryHandle) -> docr::Result<()> {
    /// let report = plan.execution(&registry)?.manifests_first(true).run(|_| ()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn manifests_first(mut self, yes: bool) -> Self {
        self.has_manifests_first = yes;
        self
    }

    /// Deletes, and calls `observe` after each step.
    ///
    /// A failed deletion is not an error but part of the report, so that the outcome of all others is known.
    ///
    /// See the [example](RetentionExecution).
    pub async fn run(self, observe: impl FnMut(&RetentionStep) + Send) -> RetentionReport {
        self.run_observed(&mut Ends(observe)).await
    }

    /// Like [`run`](Self::run), for observers that must also know of each deletion before it starts, such as an audit log.
    ///
    /// See the [example](ObserveRetention).
    pub async fn run_observed(
        self,
        observe: &mut (impl ObserveRetention + Send),
    ) -> RetentionReport {
        let Self {
            plan,
            registry,
            concurrency,
            done,
            until,
            reader,
            has_manifests_first,
        } = self;
        let known = Known::of(plan);
        let run = Run {
            registry,
            permits: Arc::new(Semaphore::new(concurrency)),
            until: until.shared(),
            is_stopped: watch::Sender::new(false),
            observe: Mutex::new(observe),
            outcomes: Mutex::new(HashMap::new()),
            tags_go_along: has_manifests_first.then(Default::default),
        };
        let repositories: Vec<_> = plan
            .deletions
            .chunk_by(|a, b| a.repository == b.repository)
            .collect();
        // A single repository reads its lists ahead; of several, each makes one call at a time.
        let read_ahead = match repositories.len() {
            1 => concurrency,
            _ => 1,
        };
        let visits = repositories.iter().filter_map(|here| {
            let visit = Visit::new(&run, here, &done)?;
            let scope = (known.get(visit.name)?, reader, Calls::new(read_ahead));
            let is_whole = plan.whole_repositories.contains(visit.name);
            Some(async move {
                let (known, reader, calls) = &scope;
                visit.carry_out(known, *reader, calls, is_whole).await;
            })
        });
        let visits: Vec<_> = visits.collect();
        stream::iter(visits)
            .buffer_unordered(concurrency)
            .collect::<()>()
            .await;
        let outcomes = run.outcomes.into_inner();
        let mut outcomes = outcomes.unwrap_or_else(PoisonError::into_inner);
        let steps = plan.deletions.iter().map(|deletion| RetentionStep {
            deletion: deletion.clone(),
            outcome: outcomes.remove(deletion).unwrap_or(Outcome::NotTried),
        });
        RetentionReport {
            registry: plan.registry.clone(),
            steps: steps.collect(),
        }
    }
}

impl<R> fmt::Debug for RetentionExecution<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetentionExecution")
            .field("registry", &self.registry)
            .field("deletions", &self.plan.deletions.len())
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
