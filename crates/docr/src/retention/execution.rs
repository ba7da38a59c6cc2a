//! Carrying a plan out.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt, io,
    pin::pin,
};

use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, select},
    stream::FuturesUnordered,
};

use super::{
    CONCURRENCY,
    look::Look,
    manifest::{ManifestReader, NoReader},
    plan::{Deletion, RetentionPlan, Subject},
    report::{Outcome, RetentionReport, RetentionStep},
};
use crate::{Error, ErrorKind, RegistryHandle, RepositoryHandle, Result};

/// Carries a plan out: deletes what is still as it was when the plan was made. Made by [`RetentionPlan::execution`].
///
/// It keeps below the rate limit of the token, and looks at each repository again before it deletes there, and once
/// more after each minute: a tag that has moved or was pushed again is left alone, and so is a manifest that is tagged
/// by now, or that is needed by what was pushed since; with it, everything stays that belongs to it.
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
}

/// Is told of each deletion before it begins, and when it has ended: see [`RetentionExecution::run_observed`].
pub trait ObserveRetention {
    /// A deletion is about to begin.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being noted. Nothing more is deleted then.
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()>;

    /// It is known what became of a deletion.
    fn ended(&mut self, step: &RetentionStep);
}

/// A closure that is told of the ends alone.
struct Ends<F>(F);

impl<F: FnMut(&RetentionStep)> ObserveRetention for Ends<F> {
    fn begins(&mut self, _: &Deletion) -> io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        (self.0)(step);
    }
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
        }
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
        } = self;
        let mut run = Run {
            registry,
            concurrency,
            until: Some(until),
            observe,
            outcomes: HashMap::new(),
            ended: HashMap::new(),
        };
        for deletion in plan
            .deletions
            .iter()
            .filter(|deletion| done.contains(deletion))
        {
            run.note(deletion, Outcome::GoneAlready);
        }
        for here in plan.deletions.chunk_by(|a, b| a.repository == b.repository) {
            let left = here.iter().filter(|deletion| !done.contains(deletion));
            run.repository(plan, left.collect(), reader).await;
        }
        let mut outcomes = run.outcomes;
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

/// A plan that is being carried out.
struct Run<'a, 'o, O> {
    registry: RegistryHandle,
    concurrency: usize,
    /// `None` once nothing more may begin.
    until: Option<BoxFuture<'a, ()>>,
    observe: &'o mut O,
    outcomes: HashMap<&'a Deletion, Outcome>,
    /// What has ended, by its repository, and whether it is gone.
    ended: HashMap<(&'a str, &'a Subject), bool>,
}

impl<'a, O: ObserveRetention + Send> Run<'a, '_, O> {
    /// Deletes what goes of a repository, in the order of the plan.
    async fn repository<R: ManifestReader + Sync>(
        &mut self,
        plan: &'a RetentionPlan,
        left: Vec<&'a Deletion>,
        reader: Option<&R>,
    ) {
        let Some(first) = left.first() else {
            return;
        };
        // The plan was checked: every name in it is valid.
        let Ok(name) = first.repository.parse() else {
            return;
        };
        let repository = self.registry.repository(name);
        let mut left = VecDeque::from(left);
        let mut under_way = FuturesUnordered::new();
        let mut look: Option<Look> = None;
        // Whether tags were deleted since the look: before a manifest goes, it is looked again.
        let mut is_outdated = false;
        loop {
            while under_way.len() < self.concurrency
                && self.may_begin()
                && let Some(deletion) = left.front().copied()
            {
                if deletion
                    .after
                    .iter()
                    .any(|before| self.is_under_way(deletion, before))
                {
                    break;
                }
                if let Some(before) = deletion
                    .after
                    .iter()
                    .find(|before| !self.is_gone(deletion, before))
                {
                    left.pop_front();
                    self.end(
                        deletion,
                        Outcome::Changed(format!("{before} is still there")),
                    );
                    continue;
                }
                let now = self.registry.clock().monotonic();
                let fresh = match &look {
                    Some(look)
                        if look.is_fresh(now) && !(is_outdated && deletion.is_manifest()) =>
                    {
                        look
                    }
                    _ if !under_way.is_empty() => break,
                    _ => match Look::at(plan, &repository, &left, reader, now).await {
                        Ok(seen) => {
                            is_outdated = false;
                            look.insert(seen)
                        }
                        Err(error) => {
                            self.give_up(&mut left, &error);
                            break;
                        }
                    },
                };
                left.pop_front();
                if let Some(outcome) = fresh.obstacle(deletion, |tag| self.is_gone(deletion, tag)) {
                    self.end(deletion, outcome);
                    continue;
                }
                if let Err(error) = self.observe.begins(deletion) {
                    self.until = None;
                    self.end(
                        deletion,
                        Outcome::Failed(format!("it could not be noted: {error}")),
                    );
                    continue;
                }
                is_outdated |= !deletion.is_manifest();
                under_way.push(delete(&repository, deletion));
            }
            let Some((deletion, result)) = self.next(&mut under_way).await else {
                return;
            };
            let outcome = outcome(result, &mut self.until);
            self.end(deletion, outcome);
        }
    }

    /// The next deletion that ends; until then it is looked whether to stop.
    async fn next<F>(&mut self, under_way: &mut FuturesUnordered<F>) -> Option<F::Output>
    where
        F: Future,
    {
        loop {
            let Some(until) = &mut self.until else {
                return under_way.next().await;
            };
            match select(until, pin!(under_way.next())).await {
                Either::Left(((), _)) => self.until = None,
                Either::Right((ended, _)) => return ended,
            }
        }
    }

    /// Whether something may begin: nobody has asked to stop.
    fn may_begin(&mut self) -> bool {
        let stops = self
            .until
            .as_mut()
            .is_some_and(|until| until.now_or_never().is_some());
        if stops {
            self.until = None;
        }
        self.until.is_some()
    }

    /// Whether something is under way. What comes first stands first in the plan, so that it has begun.
    fn is_under_way(&self, deletion: &Deletion, before: &Subject) -> bool {
        !self
            .ended
            .contains_key(&(deletion.repository.as_str(), before))
    }

    /// Whether something of the same repository was deleted, or was not there.
    fn is_gone(&self, deletion: &Deletion, subject: &Subject) -> bool {
        let place = (deletion.repository.as_str(), subject);
        self.ended.get(&place) == Some(&true)
    }

    /// Leaves alone what can't be looked at again.
    fn give_up(&mut self, left: &mut VecDeque<&'a Deletion>, error: &Error) {
        if error.is_not_found() {
            // The repository itself is gone, and all in it.
            left.drain(..)
                .for_each(|deletion| self.end(deletion, Outcome::GoneAlready));
            return;
        }
        if is_refusal(error) {
            self.until = None;
        }
        let why = format!("the repository can't be looked at again: {error}");
        left.drain(..)
            .for_each(|deletion| self.end(deletion, Outcome::Failed(why.clone())));
    }

    /// Notes what became of a deletion, and tells of it.
    fn end(&mut self, deletion: &'a Deletion, outcome: Outcome) {
        self.observe.ended(&RetentionStep {
            deletion: deletion.clone(),
            outcome: outcome.clone(),
        });
        self.note(deletion, outcome);
    }

    fn note(&mut self, deletion: &'a Deletion, outcome: Outcome) {
        let place = (deletion.repository.as_str(), &deletion.subject);
        self.ended.insert(place, outcome.is_gone());
        self.outcomes.insert(deletion, outcome);
    }
}

async fn delete<'a>(
    repository: &RepositoryHandle,
    deletion: &'a Deletion,
) -> (&'a Deletion, Result<()>) {
    let result = async {
        match &deletion.subject {
            Subject::Tag(tag) => repository.delete_tag(&**tag).await,
            Subject::Manifest(digest) => repository.delete_manifest(&**digest).await,
        }
    };
    (deletion, result.await)
}

/// What became of a deletion that was sent. After a refusal nothing more begins.
fn outcome(result: Result<()>, until: &mut Option<BoxFuture<'_, ()>>) -> Outcome {
    match result {
        Ok(()) => Outcome::Deleted,
        Err(error) if error.is_not_found() => Outcome::GoneAlready,
        Err(error) if is_refusal(&error) => {
            *until = None;
            Outcome::Refused(error.to_string())
        }
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Whether what comes next would end the same way.
fn is_refusal(error: &Error) -> bool {
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
