//! Carrying a plan out.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::Semaphore;

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

/// Carries a plan out: deletes what is still as it was when the plan was made. Made by [`RetentionPlan::execution`].
///
/// It keeps below the rate limit of the token, deals with several repositories at once, and looks at each again before it
/// deletes there, and once more after each minute: a tag that has moved or was pushed again is left alone, and so is a
/// manifest that is tagged by now, or that is needed by what was pushed since; with it, everything stays that belongs to
/// it.
///
/// A repository that [goes as a whole](RetentionPlan::whole_repositories) is deleted by one call, once it was seen that
/// nothing else is in it; if there is, what goes is deleted piece by piece. What is pushed between that look and the call
/// is lost: hold pushes back to repositories of which nothing is to stay.
///
/// It can be stopped at any time, by [`until`](Self::until) or by dropping it, and the same plan be carried out again:
/// what is gone by then is reported so.
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
    /// Prepares to carry the plan out.
    ///
    /// # Errors
    ///
    /// When the plan is another registry's or another API's, is for more images than its policy allows, or contradicts
    /// itself ([`check`](Self::check)).
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
    /// How many calls may be under way at once; 8 unless told otherwise, and at least 1.
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Leaves out what an earlier run has dealt with: what is gone by its report is not asked for again.
    pub fn resume(mut self, report: &'a RetentionReport) -> Self {
        let gone = report.steps.iter().filter(|step| step.outcome.is_gone());
        self.done.extend(gone.map(|step| &step.deletion));
        self
    }

    /// Begins no further deletion once this future is ready, such as one that waits for Ctrl-C. Deletions that are under
    /// way are finished, and the report says which ones were not tried.
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'a) -> Self {
        self.until = stop.boxed();
        self
    }

    /// Reads what was pushed to a repository since the plan was made, so that only what it needs is left alone. Without
    /// a reader all images of such a repository are.
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

    /// Deletes a manifest before its tags, which saves a call for each tag if the service takes them along. Whether it
    /// does is not documented, so this is found out on the first one: if its tags stay, they are deleted, and all that
    /// follows goes tags first, as it does unless told otherwise.
    pub fn manifests_first(mut self, yes: bool) -> Self {
        self.has_manifests_first = yes;
        self
    }

    /// Deletes, and tells `observe` of each step when it has ended.
    ///
    /// What can't be deleted is in the report, not an error: nothing of what has been done is lost.
    pub async fn run(self, observe: impl FnMut(&RetentionStep) + Send) -> RetentionReport {
        self.run_observed(&mut Ends(observe)).await
    }

    /// Like [`run`](Self::run), for one who has to know of each deletion before it begins, too: an audit log.
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
            concurrency,
            permits: Arc::new(Semaphore::new(concurrency)),
            until: until.shared(),
            is_stopped: AtomicBool::new(false),
            observe: Mutex::new(observe),
            outcomes: Mutex::new(HashMap::new()),
            tags_go_along: has_manifests_first.then(Default::default),
        };
        let repositories: Vec<_> = plan
            .deletions
            .chunk_by(|a, b| a.repository == b.repository)
            .collect();
        // A single one reads its own lists ahead; of several each makes a call at a time.
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
