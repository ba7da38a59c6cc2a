//! Carrying a plan out.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream::FuturesUnordered};

use super::{
    plan::{Deletion, RetentionPlan, Subject},
    report::{Outcome, RetentionReport, RetentionStep},
};
use crate::{Error, ErrorKind, InvalidInput, RegistryHandle, RepositoryHandle, Result};

/// How many calls are under way at once, unless told otherwise.
pub(super) const CONCURRENCY: usize = 8;

/// Carries a plan out: deletes what is still as it was when the plan was made. Made by [`RetentionPlan::execution`].
///
/// It keeps below the rate limit of the token, and reads each repository again before it deletes there: a tag that
/// has moved or was pushed again is left alone, and so are the manifests of a repository that was pushed to, or in which
/// a tag that was to go is still there.
///
/// It can be stopped at any time by dropping it, and the same plan be carried out again: what is gone by then is
/// reported so.
#[derive(Debug)]
#[must_use = "an execution does nothing until it is run"]
pub struct RetentionExecution<'a> {
    plan: &'a RetentionPlan,
    registry: RegistryHandle,
    concurrency: usize,
    done: HashSet<&'a Deletion>,
}

impl RetentionPlan {
    /// Prepares to carry the plan out.
    ///
    /// # Errors
    ///
    /// When the plan is another registry's.
    pub fn execution(&self, registry: &RegistryHandle) -> Result<RetentionExecution<'_>> {
        if self.registry != registry.name().as_str() {
            let rule = format!("the plan is for the registry {}", self.registry);
            return Err(InvalidInput::new("registry", registry.name().as_str(), rule).into());
        }
        Ok(RetentionExecution {
            plan: self,
            registry: registry.paced(),
            concurrency: CONCURRENCY,
            done: HashSet::new(),
        })
    }
}

impl<'a> RetentionExecution<'a> {
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

    /// Deletes, and tells `observe` of each step when it is done.
    ///
    /// What can't be deleted is in the report, not an error.
    ///
    /// # Errors
    ///
    /// When a repository can't be read again; nothing more is deleted then. What was deleted before has been told to
    /// `observe`.
    pub async fn run(self, mut observe: impl FnMut(&RetentionStep)) -> Result<RetentionReport> {
        let mut outcomes = HashMap::new();
        let mut done = |deletion: &'a Deletion, outcome: Outcome| {
            let step = RetentionStep {
                deletion: deletion.clone(),
                outcome,
            };
            observe(&step);
            outcomes.insert(deletion, step.outcome);
        };
        let stopped = AtomicBool::new(false);
        let (before, rest): (Vec<_>, Vec<_>) =
            (self.plan.deletions.iter()).partition(|deletion| self.done.contains(deletion));
        for here in rest.chunk_by(|a, b| a.repository == b.repository) {
            let (tags, manifests): (Vec<_>, Vec<_>) = (here.iter().copied())
                .partition(|deletion| matches!(deletion.subject, Subject::Tag(_)));
            let are_gone = self.delete_all(&tags, &stopped, &mut done).await?;
            if are_gone {
                self.delete_all(&manifests, &stopped, &mut done).await?;
            } else if !stopped.load(Ordering::Relaxed) {
                // What goes may be part of the image that a tag leads to which is still there.
                let why = "a tag that was to go before it is still there";
                for deletion in manifests {
                    done(deletion, Outcome::Changed(why.into()));
                }
            }
        }
        for deletion in before {
            outcomes.insert(deletion, Outcome::GoneAlready);
        }
        let steps = self.plan.deletions.iter().map(|deletion| RetentionStep {
            deletion: deletion.clone(),
            outcome: outcomes.remove(deletion).unwrap_or(Outcome::NotTried),
        });
        Ok(RetentionReport {
            registry: self.plan.registry.clone(),
            steps: steps.collect(),
        })
    }

    /// Deletes what is all of one kind and repository. Returns whether all of it is gone.
    async fn delete_all(
        &self,
        batch: &[&'a Deletion],
        stopped: &AtomicBool,
        done: &mut impl FnMut(&'a Deletion, Outcome),
    ) -> Result<bool> {
        if batch.is_empty() || stopped.load(Ordering::Relaxed) {
            return Ok(batch.is_empty());
        }
        let seen = self.look_again(batch).await?;
        let mut waiting = batch.iter().copied();
        let mut under_way = FuturesUnordered::new();
        let mut are_gone = true;
        loop {
            while under_way.len() < self.concurrency
                && let Some(deletion) = waiting.next()
            {
                under_way.push(self.step(deletion, &seen, stopped));
            }
            let Some((deletion, outcome)) = under_way.next().await else {
                return Ok(are_gone);
            };
            are_gone &= outcome.is_gone();
            done(deletion, outcome);
        }
    }

    /// Deletes one thing, if it is as it was.
    async fn step(
        &self,
        deletion: &'a Deletion,
        seen: &Seen,
        stopped: &AtomicBool,
    ) -> (&'a Deletion, Outcome) {
        if stopped.load(Ordering::Relaxed) {
            return (deletion, Outcome::NotTried);
        }
        if let Some(outcome) = self.obstacle(deletion, seen) {
            return (deletion, outcome);
        }
        let outcome = match self.delete(deletion).await {
            Ok(()) => Outcome::Deleted,
            Err(error) if error.is_not_found() => Outcome::GoneAlready,
            Err(error) if is_refusal(&error) => {
                stopped.store(true, Ordering::Relaxed);
                Outcome::Refused(error.to_string())
            }
            Err(error) => Outcome::Failed(error.to_string()),
        };
        (deletion, outcome)
    }

    /// What keeps a thing from being deleted, by the second look.
    fn obstacle(&self, deletion: &Deletion, seen: &Seen) -> Option<Outcome> {
        let now = match &deletion.subject {
            Subject::Tag(tag) => seen.tags.get(tag),
            Subject::Manifest(digest) => seen.manifests.get(digest),
        };
        let Some(now) = now else {
            return Some(Outcome::GoneAlready);
        };
        if now.digest != deletion.digest {
            let digest = now.digest.as_deref().unwrap_or("nothing");
            return Some(Outcome::Changed(format!("it leads to {digest} now")));
        }
        if now.updated_at != deletion.updated_at {
            return Some(Outcome::Changed("it was pushed again".into()));
        }
        if let Some(tag) = &now.tag {
            return Some(Outcome::Changed(format!("it is tagged as {tag}")));
        }
        let planned = self.plan.last_pushes.get(&deletion.repository);
        let is_manifest = matches!(deletion.subject, Subject::Manifest(_));
        if is_manifest && Some(&seen.last_push) > planned {
            // What was pushed may be an image of which this is a part.
            let why = "the repository was pushed to since the plan was made";
            return Some(Outcome::Changed(why.into()));
        }
        None
    }

    async fn delete(&self, deletion: &Deletion) -> Result<()> {
        let repository = self.repository(deletion)?;
        match &deletion.subject {
            Subject::Tag(tag) => repository.delete_tag(&tag.parse()?).await,
            Subject::Manifest(digest) => repository.delete_manifest(&digest.parse()?).await,
        }
    }

    fn repository(&self, deletion: &Deletion) -> Result<RepositoryHandle, InvalidInput> {
        Ok(self.registry.repository(deletion.repository.parse()?))
    }

    /// How the subjects of these deletions, all of one kind and repository, are now.
    async fn look_again(&self, batch: &[&'a Deletion]) -> Result<Seen> {
        let mut seen = Seen::default();
        let Some(first) = batch.first() else {
            return Ok(seen);
        };
        let repository = self.repository(first)?;
        let wanted: HashSet<_> = batch.iter().map(|deletion| &deletion.subject).collect();
        let result = match first.subject {
            Subject::Tag(_) => seen.read_tags(&repository, &wanted).await,
            Subject::Manifest(_) => seen.read_manifests(&repository, &wanted).await,
        };
        match result {
            // The repository itself is gone, and all in it.
            Err(error) if error.is_not_found() => Ok(Seen::default()),
            Err(error) => Err(error),
            Ok(()) => Ok(seen),
        }
    }
}

/// What a repository holds at the second look, of what is to go.
#[derive(Debug, Default)]
struct Seen {
    tags: HashMap<String, Now>,
    manifests: HashMap<String, Now>,
    last_push: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Now {
    digest: Option<String>,
    updated_at: Option<DateTime<Utc>>,
    /// A tag that leads to it, if it is a manifest.
    tag: Option<String>,
}

impl Seen {
    async fn read_tags(
        &mut self,
        repository: &RepositoryHandle,
        wanted: &HashSet<&Subject>,
    ) -> Result<()> {
        let mut tags = repository.tags().items();
        while let Some(tag) = tags.next().await {
            let tag = tag?;
            self.last_push = self.last_push.max(tag.updated_at);
            if wanted.contains(&Subject::Tag(tag.tag.clone())) {
                let now = Now {
                    digest: tag.manifest_digest,
                    updated_at: tag.updated_at,
                    tag: None,
                };
                self.tags.insert(tag.tag, now);
            }
        }
        Ok(())
    }

    async fn read_manifests(
        &mut self,
        repository: &RepositoryHandle,
        wanted: &HashSet<&Subject>,
    ) -> Result<()> {
        let mut manifests = repository.manifests().items();
        while let Some(manifest) = manifests.next().await {
            let manifest = manifest?;
            self.last_push = self.last_push.max(manifest.updated_at);
            if wanted.contains(&Subject::Manifest(manifest.digest.clone())) {
                let now = Now {
                    digest: Some(manifest.digest.clone()),
                    updated_at: manifest.updated_at,
                    tag: manifest.tags.into_iter().next(),
                };
                self.manifests.insert(manifest.digest, now);
            }
        }
        // The last push is compared with the plan's, which counts the tags, too.
        self.read_tags(repository, &HashSet::new()).await
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
