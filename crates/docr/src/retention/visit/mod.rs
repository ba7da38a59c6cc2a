//! Making the deletions of one repository, concurrently with others.

mod as_a_whole;
mod manifests_first;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, Shared, select},
    stream::FuturesUnordered,
};
use tokio::sync::{self, OwnedSemaphorePermit, Semaphore};

use super::{
    look::{Gone, Known, Look, Scope},
    manifest::ManifestReader,
    observe::ObserveRetention,
    plan::{Deletion, Subject},
    reading::Calls,
    report::{Outcome, RetentionStep},
};
use crate::{Error, ErrorKind, RegistryHandle, RepositoryHandle, Result};

/// A plan that is being executed.
pub(super) struct Run<'a, 'o, O> {
    pub(super) registry: RegistryHandle,
    /// Each call holds one.
    pub(super) permits: Arc<Semaphore>,
    pub(super) until: Shared<BoxFuture<'a, ()>>,
    /// Whether nothing more may start.
    pub(super) is_stopped: AtomicBool,
    pub(super) observe: Mutex<&'o mut O>,
    pub(super) outcomes: Mutex<HashMap<&'a Deletion, Outcome>>,
    /// If manifests are deleted first: whether their tags are deleted with them, once known. Held while finding out.
    pub(super) tags_go_along: Option<sync::Mutex<Option<bool>>>,
}

impl<'a, 'o, O: ObserveRetention + Send> Run<'a, 'o, O> {
    fn stop(&self) {
        self.is_stopped.store(true, SeqCst);
    }

    /// Whether another deletion may start.
    fn may_begin(&self) -> bool {
        if self.until.clone().now_or_never().is_some() {
            self.stop();
        }
        !self.is_stopped.load(SeqCst)
    }

    /// Waits for a permit to call; `None` if stopped before.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        let permit = pin!(Arc::clone(&self.permits).acquire_owned());
        match select(self.until.clone(), permit).await {
            Either::Left(((), _)) => {
                self.stop();
                None
            }
            Either::Right((permit, _)) => permit.ok(),
        }
    }

    fn observe(&self) -> MutexGuard<'_, &'o mut O> {
        // The state that a panicking observer leaves is its own concern.
        self.observe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, deletion: &'a Deletion, outcome: Outcome) {
        let outcomes = self.outcomes.lock();
        let mut outcomes = outcomes.unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(deletion, outcome);
    }

    /// The outcome of a deletion that was sent. After a refusal nothing more starts.
    fn outcome(&self, result: Result<()>) -> Outcome {
        match result {
            Ok(()) => Outcome::Deleted,
            Err(error) if error.is_not_found() => Outcome::GoneAlready,
            Err(error) if is_refusal(&error) => {
                self.stop();
                Outcome::Refused(error.to_string())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

/// The deletions of one repository.
pub(super) struct Visit<'v, 'a, 'o, O> {
    run: &'v Run<'a, 'o, O>,
    pub(super) name: &'a str,
    repository: RepositoryHandle,
    left: VecDeque<&'a Deletion>,
    /// The finished deletions, and whether each is deleted now.
    ended: HashMap<&'a Subject, bool>,
}

impl<'v, 'a, 'o, O: ObserveRetention + Send> Visit<'v, 'a, 'o, O> {
    /// `None` if nothing is left to delete. What was done before is recorded.
    pub(super) fn new(
        run: &'v Run<'a, 'o, O>,
        here: &'a [Deletion],
        done: &HashSet<&Deletion>,
    ) -> Option<Self> {
        let name = here.first()?.repository.as_str();
        let mut visit = Self {
            run,
            name,
            // The plan was checked: every name in it is valid.
            repository: run.registry.repository(name.parse().ok()?),
            left: VecDeque::new(),
            ended: HashMap::new(),
        };
        for deletion in here {
            match done.contains(deletion) {
                true => visit.note(deletion, Outcome::GoneAlready),
                false => visit.left.push_back(deletion),
            }
        }
        (!visit.left.is_empty()).then_some(visit)
    }

    pub(super) async fn carry_out<R: ManifestReader + Sync>(
        mut self,
        known: &Known<'_>,
        reader: Option<&R>,
        calls: &Calls,
        is_whole: bool,
    ) {
        let repository = self.repository.clone();
        let scope = Scope {
            repository: &repository,
            known,
            reader,
            calls,
        };
        let look = match is_whole {
            true => self.as_a_whole(&scope).await,
            false => None,
        };
        let look = self.manifests_first(&scope, look).await;
        self.piece_by_piece(&scope, look).await;
    }

    /// Deletes in the order of the plan.
    async fn piece_by_piece<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
        look: Option<Look>,
    ) {
        let mut look = look;
        let mut under_way = FuturesUnordered::new();
        // Whether tags were deleted since the look: a manifest is deleted only after a new one.
        let mut is_outdated = false;
        loop {
            while self.run.may_begin()
                && let Some(deletion) = self.left.front().copied()
            {
                if deletion
                    .after
                    .iter()
                    .any(|before| self.is_under_way(before))
                {
                    break;
                }
                if let Some(before) = deletion.after.iter().find(|before| !self.is_gone(before)) {
                    self.left.pop_front();
                    self.end(deletion, Outcome::Changed(format!("{before} still exists")));
                    continue;
                }
                let permit = match Arc::clone(&self.run.permits).try_acquire_owned() {
                    Ok(permit) => permit,
                    Err(_) if !under_way.is_empty() => break,
                    Err(_) => match self.run.permit().await {
                        Some(permit) if self.run.may_begin() => permit,
                        _ => break,
                    },
                };
                let now = self.run.registry.clock().monotonic();
                let is_good = look.as_ref().is_some_and(|look| {
                    look.is_fresh(now) && !(is_outdated && deletion.is_manifest())
                });
                if !is_good {
                    if !under_way.is_empty() {
                        break;
                    }
                    look = self.look(scope, look.as_ref()).await;
                    is_outdated = false;
                }
                let Some(fresh) = &look else {
                    break;
                };
                self.left.pop_front();
                if let Some(outcome) = fresh.obstacle(deletion, |tag| self.is_gone(tag)) {
                    self.end(deletion, outcome);
                    continue;
                }
                let noted = self.run.observe().begins(deletion);
                if let Err(error) = noted {
                    self.cannot_note(deletion, &error);
                    continue;
                }
                is_outdated |= !deletion.is_manifest();
                under_way.push(delete(scope.repository, deletion, permit));
            }
            let Some((deletion, result)) = self.next(&mut under_way).await else {
                return;
            };
            let outcome = self.run.outcome(result);
            self.end(deletion, outcome);
        }
    }

    /// The next deletion that ends, while watching for a request to stop.
    async fn next<F>(&self, under_way: &mut FuturesUnordered<F>) -> Option<F::Output>
    where
        F: Future,
    {
        if self.run.may_begin() {
            match select(self.run.until.clone(), pin!(under_way.next())).await {
                Either::Left(((), _)) => self.run.stop(),
                Either::Right((ended, _)) => return ended,
            }
        }
        under_way.next().await
    }

    /// Looks at the repository. If that fails, nothing more is deleted in it.
    async fn look<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
        earlier: Option<&Look>,
    ) -> Option<Look> {
        let now = self.run.registry.clock().monotonic();
        match Look::at(scope, &self.left, earlier, self.gone(), now).await {
            Ok(look) => Some(look),
            Err(error) => {
                self.give_up(&error);
                None
            }
        }
    }

    /// How much of what the plan knows is deleted.
    fn gone(&self) -> Gone {
        let gone = self.ended.iter().filter(|(_, is_gone)| **is_gone);
        Gone::of(gone.map(|(subject, _)| *subject))
    }

    /// Whether a deletion is in progress. What comes first in the plan has been started first.
    fn is_under_way(&self, before: &Subject) -> bool {
        !self.ended.contains_key(before)
    }

    /// Whether something was deleted, or did not exist.
    fn is_gone(&self, subject: &Subject) -> bool {
        self.ended.get(subject) == Some(&true)
    }

    /// Keeps what can't be checked again.
    fn give_up(&mut self, error: &Error) {
        let left = std::mem::take(&mut self.left);
        let outcome = match error.is_not_found() {
            // The repository itself is deleted, with everything in it.
            true => Outcome::GoneAlready,
            false => {
                if is_refusal(error) {
                    self.run.stop();
                }
                Outcome::Failed(format!("the repository could not be read again: {error}"))
            }
        };
        left.into_iter()
            .for_each(|deletion| self.end(deletion, outcome.clone()));
    }

    /// Announces that these start together. If one can't be recorded, none of them starts.
    fn begin_all(&mut self, going: impl Iterator<Item = &'a Deletion> + Clone) -> bool {
        for (begun, deletion) in going.clone().enumerate() {
            let noted = self.run.observe().begins(deletion);
            if let Err(error) = noted {
                self.cannot_note(deletion, &error);
                let begun = going.take(begun);
                begun.for_each(|deletion| self.end(deletion, Outcome::NotTried));
                return false;
            }
        }
        true
    }

    /// Keeps what could not be recorded, and everything after it.
    fn cannot_note(&mut self, deletion: &'a Deletion, error: &io::Error) {
        self.run.stop();
        let outcome = Outcome::Failed(format!("it could not be recorded: {error}"));
        self.end(deletion, outcome);
    }

    /// Records the outcome of a deletion, and reports it.
    fn end(&mut self, deletion: &'a Deletion, outcome: Outcome) {
        self.run.observe().ended(&RetentionStep {
            deletion: deletion.clone(),
            outcome: outcome.clone(),
        });
        self.note(deletion, outcome);
    }

    fn note(&mut self, deletion: &'a Deletion, outcome: Outcome) {
        self.ended.insert(&deletion.subject, outcome.is_gone());
        self.run.note(deletion, outcome);
    }
}

async fn delete<'a>(
    repository: &RepositoryHandle,
    deletion: &'a Deletion,
    permit: OwnedSemaphorePermit,
) -> (&'a Deletion, Result<()>) {
    let repository = repository.clone();
    let result = async {
        match &deletion.subject {
            Subject::Tag(tag) => repository.delete_tag(&**tag).await,
            Subject::Manifest(digest) => repository.delete_manifest(&**digest).await,
        }
    };
    let result = result.await;
    drop(permit);
    (deletion, result)
}

/// Whether later calls would fail the same way.
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
