//! Making the deletions of one repository, concurrently with others.

mod as_a_whole;
mod manifests_first;
mod run;

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    io,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    look::{Gone, Known, Look, Scope},
    manifest::ManifestReader,
    observe::ObserveRetention,
    plan::{Deletion, Subject},
    reading::Calls,
    report::{Outcome, RetentionStep},
};
use crate::{CallOptions, Error, ErrorKind, RepositoryHandle, Result};

pub(super) use run::Run;
use run::is_refusal;

/// How many times a deletion is tried when the rate limit is exceeded, each time after another look.
const TRIES: u32 = 5;

/// The deletions of one repository.
pub(super) struct Visit<'v, 'a, 'o, O> {
    run: &'v Run<'a, 'o, O>,
    pub(super) name: &'a str,
    repository: RepositoryHandle,
    left: VecDeque<&'a Deletion>,
    /// How often each deletion that has begun was refused by the rate limit.
    refused: HashMap<&'a Subject, u32>,
    /// When the rate limit that has refused a deletion allows another one.
    resumes_at: Option<Duration>,
    /// The manifests whose deletion was tried before that of their tags.
    tried_first: HashSet<&'a Subject>,
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
            repository: run.repository(name)?,
            left: VecDeque::new(),
            refused: HashMap::new(),
            resumes_at: None,
            tried_first: HashSet::new(),
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
        // Stopped before they were tried again.
        for deletion in std::mem::take(&mut self.left) {
            if self.refused.contains_key(&deletion.subject) {
                self.end(deletion, Outcome::NotTried);
            }
        }
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
                if self.resumes_at.is_some() {
                    if !under_way.is_empty() {
                        break;
                    }
                    self.wait_for_rate_limit().await;
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
                let now = self.now();
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
                if let Err(error) = self.begin(deletion) {
                    self.cannot_note(deletion, &error);
                    continue;
                }
                is_outdated |= !deletion.is_manifest();
                under_way.push(delete(self.within(fresh), deletion, permit));
            }
            let Some((deletion, result)) = self.run.finish(under_way.next()).await else {
                return;
            };
            if self.is_to_repeat(deletion, &result) {
                self.left.push_front(deletion);
                continue;
            }
            let outcome = self.run.outcome(result);
            self.end(deletion, outcome);
        }
    }

    fn now(&self) -> Duration {
        self.run.registry.clock().monotonic()
    }

    /// The repository for a deletion that is decided by this look: by its end it is sent, or fails.
    fn within(&self, look: &Look) -> RepositoryHandle {
        let end = look.end();
        self.repository.with(|calls| CallOptions {
            no_repeat_after: Some(end),
            ..calls.turn_limit(end.saturating_sub(self.now()))
        })
    }

    /// Announces a deletion, unless it was tried before.
    fn begin(&mut self, deletion: &'a Deletion) -> io::Result<()> {
        if let Entry::Vacant(first) = self.refused.entry(&deletion.subject) {
            self.run.observe().begins(deletion)?;
            first.insert(0);
        }
        Ok(())
    }

    /// Whether to try a deletion again, after the wait that the rate limit demands.
    fn is_to_repeat(&mut self, deletion: &'a Deletion, result: &Result<()>) -> bool {
        let is_refused = |error: &&Error| error.kind() == ErrorKind::RateLimited;
        let Some(error) = result.as_ref().err().filter(is_refused) else {
            return false;
        };
        let refused = self.refused.entry(&deletion.subject).or_default();
        *refused += 1;
        let registry = &self.run.registry;
        let now = registry.clock().now();
        let wait = error.retry_at().map(|at| at.signed_duration_since(now));
        let wait = wait.map_or(Duration::ZERO, |wait| wait.to_std().unwrap_or_default());
        let is_repeated = *refused < TRIES && wait <= registry.turn_limit();
        if is_repeated {
            self.resumes_at = self.resumes_at.max(Some(self.now().saturating_add(wait)));
        }
        is_repeated
    }

    /// Waits for the rate limit that has refused a deletion.
    async fn wait_for_rate_limit(&mut self) {
        let resumes_at = self.resumes_at.take().unwrap_or_default();
        let wait = resumes_at.saturating_sub(self.now());
        if !wait.is_zero() {
            self.run.observe().waits(wait);
            let clock = self.run.registry.clock();
            self.run.unless_stopped(clock.sleep(wait)).await;
        }
    }

    /// Looks at the repository. If that fails, nothing more is deleted in it.
    async fn look<R: ManifestReader + Sync>(
        &mut self,
        scope: &Scope<'_, R>,
        earlier: Option<&Look>,
    ) -> Option<Look> {
        let looking = Look::at(scope, &self.left, earlier, self.gone(), self.now());
        match self.run.unless_stopped(looking).await? {
            Ok(look) => Some(look.ended_at(self.now())),
            Err(error) if error.is_stopped() => None,
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
            if let Err(error) = self.begin(deletion) {
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

async fn delete(
    repository: RepositoryHandle,
    deletion: &Deletion,
    permit: OwnedSemaphorePermit,
) -> (&Deletion, Result<()>) {
    let result = match &deletion.subject {
        Subject::Tag(tag) => repository.delete_tag(&**tag).await,
        Subject::Manifest(digest) => repository.delete_manifest(&**digest).await,
    };
    drop(permit);
    (deletion, result)
}
