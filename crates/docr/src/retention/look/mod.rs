//! The second look at a repository, as close to the deletions as possible.

#[cfg(test)]
mod tests;
mod touched;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{
    inventory::{ManifestRecord, RepositoryInventory},
    manifest::{ManifestReader, subject_of_tag},
    plan::{Deletion, RetentionPlan, Subject},
    reading::{Calls, read_lists, read_manifest_list, read_tags},
    report::Outcome,
    shared_string::{Interner, SharedString},
    whole::Whole,
};
use crate::{Digest, RepositoryHandle, Result};

pub(super) use touched::Gone;

const RESTLESS: &str = "the lists changed each time they were read";

/// How long a look is valid.
const FRESH: Duration = Duration::from_secs(60);

/// How a repository is now.
pub(super) struct Look {
    at: Duration,
    /// When all of it was read.
    ended: Duration,
    /// Whether the list of tags was read.
    has_all_tags: bool,
    /// Whether the list of manifests names all tags that were read.
    is_agreed: bool,
    tags: HashMap<SharedString, Place>,
    manifests: HashMap<SharedString, Now>,
    /// Why nothing is deleted, including tags of images that are deleted as a whole.
    doubt: Option<&'static str>,
    /// The manifests that were pushed or tagged since the plan was made.
    renewed: HashSet<SharedString>,
    /// What these need.
    needed: HashSet<SharedString>,
    /// The manifests that the plan deletes.
    going: HashSet<SharedString>,
}

/// What to look at, and how.
pub(super) struct Scope<'a, R> {
    pub(super) repository: &'a RepositoryHandle,
    pub(super) known: &'a Known<'a>,
    pub(super) reader: Option<&'a R>,
    pub(super) calls: &'a Calls,
}

/// Where a tag points to now.
struct Place {
    digests: HashSet<SharedString>,
    updated_at: Option<DateTime<Utc>>,
}

/// What a plan knows of a repository.
#[derive(Default)]
pub(super) struct Known<'a> {
    subjects: HashSet<&'a Subject>,
    tags: u64,
    manifests: u64,
    /// Whether the lists came newest first.
    is_newest_first: bool,
    last_push: Option<DateTime<Utc>>,
}

impl<'a> Known<'a> {
    /// What it knows of each repository with deletions.
    pub(super) fn of(plan: &'a RetentionPlan) -> HashMap<&'a str, Self> {
        let mut all = HashMap::<_, Self>::new();
        for deletion in &plan.deletions {
            let known = all.entry(deletion.repository.as_str()).or_default();
            known.subjects.insert(&deletion.subject);
        }
        for kept in &plan.kept {
            if let Some(known) = all.get_mut(kept.repository.as_str()) {
                known.subjects.insert(&kept.subject);
            }
        }
        for (repository, known) in &mut all {
            let subjects = known.subjects.iter();
            let tags = subjects.filter(|subject| matches!(subject, Subject::Tag(_)));
            known.tags = tags.count() as u64;
            known.manifests = (known.subjects.len() as u64).saturating_sub(known.tags);
            known.is_newest_first = plan.newest_first.contains(*repository);
            known.last_push = plan.last_pushes.get(*repository).copied().flatten();
        }
        all
    }
}

/// A manifest as it is now.
struct Now {
    updated_at: Option<DateTime<Utc>>,
    tags: HashSet<SharedString>,
}

impl Look {
    /// Looks at a repository with these deletions left, and uses what an earlier look has found out about its lists.
    pub(super) async fn at<R: ManifestReader>(
        scope: &Scope<'_, R>,
        left: &VecDeque<&Deletion>,
        earlier: Option<&Self>,
        gone: Gone,
        at: Duration,
    ) -> Result<Self> {
        /// How many looks to take because something was pushed meanwhile.
        const TIMES: usize = 5;
        if let Some(look) = Self::at_what_is_touched(scope, left, gone, at).await? {
            return Ok(look);
        }
        let repository = scope.repository;
        let going = manifests_of(left);
        // Once the list of manifests has named all tags, it does so when only manifests are left, too.
        let agreed = earlier.is_some_and(|earlier| earlier.is_agreed);
        let has_all_tags = !agreed || going.len() < left.len();
        let mut texts = Interner::default();
        let tags = match has_all_tags {
            true => read_tags(repository, &mut texts, scope.calls).await?,
            false => Whole::default(),
        };
        let seen = read_lists(repository, tags, None, &mut texts, scope.calls).await?;
        let mut look = Self {
            at,
            ended: at,
            has_all_tags,
            is_agreed: names_all_tags(agreed, &seen),
            tags: HashMap::new(),
            manifests: HashMap::new(),
            doubt: seen.is_in_doubt.then_some(RESTLESS),
            renewed: HashSet::new(),
            needed: HashSet::new(),
            going,
        };
        for tag in seen.tags {
            let place = Place {
                digests: tag.digest.into_iter().collect(),
                updated_at: tag.updated_at,
            };
            look.tags.insert(tag.tag, place);
        }
        look.take_in(seen.manifests);
        for _ in 0..TIMES {
            let news = look.news(scope.known);
            look.renewed.extend(news.iter().cloned());
            if news.is_empty() || look.is_settled() {
                return Ok(look);
            }
            look.read_news(&news, repository, scope.reader).await;
            // Reading takes a while, in which more may be pushed.
            let again = read_manifest_list(repository, &mut texts, scope.calls).await?;
            look.take_in(again.items);
            look.doubt = look.doubt.or(again.is_in_doubt.then_some(RESTLESS));
        }
        look.doubt = Some(RESTLESS);
        Ok(look)
    }

    /// Whether what is new decides nothing: no manifest is to be deleted, or none can be.
    fn is_settled(&self) -> bool {
        self.going.is_empty() || self.doubt.is_some()
    }

    /// Whether the repository contains only what is to be deleted, unchanged since the plan was made.
    pub(super) fn has_nothing_else(&self, going: &VecDeque<&Deletion>) -> bool {
        let subjects: HashSet<_> = going.iter().map(|deletion| &deletion.subject).collect();
        let goes = |subject: Subject| subjects.contains(&subject);
        let tags = self.tags.keys().map(|tag| Subject::Tag(tag.clone()));
        let manifests = self.manifests.keys();
        let mut there = tags.chain(manifests.map(|digest| Subject::Manifest(digest.clone())));
        let is_free = |deletion: &&Deletion| {
            let obstacle = self.obstacle(deletion, |_| true);
            obstacle.is_none_or(|outcome| outcome.is_gone())
        };
        self.doubt.is_none() && there.all(goes) && going.iter().all(is_free)
    }

    /// Whether a manifest and its tags can be deleted, and no other tag points to it.
    pub(super) fn has_no_more(&self, manifest: &Deletion, tags: &[&Deletion]) -> bool {
        let own: HashSet<_> = tags.iter().map(|tag| &tag.subject).collect();
        let mut obstacles = tags.iter().map(|tag| self.obstacle(tag, |_| true));
        self.obstacle(manifest, |tag| own.contains(tag)).is_none()
            && obstacles.all(|obstacle| obstacle.is_none_or(|outcome| outcome.is_gone()))
    }

    /// Whether a tag no longer exists.
    pub(super) fn has_no_tag(&self, deletion: &Deletion) -> bool {
        matches!(&deletion.subject, Subject::Tag(tag) if !self.tags.contains_key(tag))
    }

    /// Records a list of manifests, with the tags that it names.
    fn take_in(&mut self, manifests: impl IntoIterator<Item = ManifestRecord>) {
        self.manifests.clear();
        for manifest in manifests {
            for tag in &manifest.tags {
                let place = self.tags.entry(tag.clone()).or_insert_with(|| Place {
                    digests: HashSet::new(),
                    updated_at: None,
                });
                place.digests.insert(manifest.digest.clone());
            }
            let now = Now {
                updated_at: manifest.updated_at,
                tags: HashSet::new(),
            };
            self.manifests.insert(manifest.digest, now);
        }
        for (tag, place) in &self.tags {
            for digest in &place.digests {
                if let Some(manifest) = self.manifests.get_mut(digest) {
                    manifest.tags.insert(tag.clone());
                }
            }
        }
    }

    /// Whether it is recent enough to delete by.
    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        self.is_within(FRESH, now)
    }

    /// The same, read to its end now.
    pub(super) fn ended_at(self, now: Duration) -> Self {
        Self { ended: now, ..self }
    }

    /// Until when a deletion may be sent that it decides.
    pub(super) fn end(&self) -> Duration {
        self.ended.saturating_add(FRESH)
    }

    /// Whether it was begun no longer ago than this.
    pub(super) fn is_within(&self, age: Duration, now: Duration) -> bool {
        now.saturating_sub(self.at) <= age
    }

    /// The manifests that were pushed or tagged since the plan was made, except those that are noted already.
    fn news(&self, known: &Known<'_>) -> Vec<SharedString> {
        let is_new = |time: Option<DateTime<Utc>>| time.is_none() || time > known.last_push;
        let news = self.manifests.iter().filter(|(digest, now)| {
            let was_there = known
                .subjects
                .contains(&Subject::Manifest((*digest).clone()));
            let tagged_since = now.tags.iter().any(|tag| {
                (self.has_all_tags && is_new(self.tags[tag].updated_at))
                    || !known.subjects.contains(&Subject::Tag(tag.clone()))
            });
            // What has no time had none when the plan was made, unless it is new.
            let pushed_since = now.updated_at.is_some() && is_new(now.updated_at);
            !self.renewed.contains(*digest) && (!was_there || pushed_since || tagged_since)
        });
        let mut news: Vec<_> = news.map(|(digest, _)| digest.clone()).collect();
        // They are read in the same order each time.
        news.sort_unstable();
        news
    }

    /// Finds out what the manifests pushed since the plan was made need.
    async fn read_news<R: ManifestReader>(
        &mut self,
        news: &[SharedString],
        repository: &RepositoryHandle,
        reader: Option<&R>,
    ) {
        let Some(reader) = reader else {
            self.doubt = Some("the repository was pushed to since the plan was made");
            return;
        };
        for digest in news {
            let document = match digest.parse::<Digest>() {
                Ok(parsed) => reader.read(repository.name(), &parsed).await.ok(),
                Err(_) => None,
            };
            let Some(document) = document.filter(|document| document.is_understood) else {
                self.doubt = Some("something pushed since the plan was made can't be read");
                return;
            };
            self.needed.extend(document.parts);
            self.needed.extend(document.subject);
            let tags = self
                .manifests
                .get(digest)
                .into_iter()
                .flat_map(|now| &now.tags);
            self.needed
                .extend(tags.filter_map(|tag| subject_of_tag(tag)));
            self.needed.insert(digest.clone());
        }
    }

    /// What keeps something from being deleted. `is_gone` says which tags were deleted since the look.
    pub(super) fn obstacle(
        &self,
        deletion: &Deletion,
        is_gone: impl Fn(&Subject) -> bool,
    ) -> Option<Outcome> {
        let changed = |what: String| Some(Outcome::Changed(what));
        let digest = deletion.digest.as_deref().unwrap_or_default();
        let is_whole = self.going.contains(digest);
        let updated_at = match &deletion.subject {
            Subject::Tag(tag) => match self.tags.get(tag) {
                None => return Some(Outcome::GoneAlready),
                Some(place) if place.digests.len() > 1 => {
                    return changed("the lists disagree on its digest".into());
                }
                Some(place) if !place.digests.contains(digest) => {
                    let now = place.digests.iter().next();
                    let now = now.map_or("nothing", SharedString::as_str);
                    return changed(format!("it points to {now} now"));
                }
                Some(place) => place.updated_at,
            },
            Subject::Manifest(_) => match self.manifests.get(digest) {
                None => return Some(Outcome::GoneAlready),
                Some(now) => {
                    let tags = now.tags.iter().map(|tag| Subject::Tag(tag.clone()));
                    if let Some(tag) = tags.filter(|tag| !is_gone(tag)).min() {
                        return changed(format!("{tag} points to it"));
                    }
                    now.updated_at
                }
            },
        };
        if updated_at != deletion.updated_at {
            return changed("it was pushed again".into());
        }
        if !is_whole && self.renewed.contains(digest) {
            return changed("its image was pushed again".into());
        }
        if is_whole && self.needed.contains(digest) {
            return changed("something pushed since the plan was made needs it".into());
        }
        match self.doubt {
            Some(why) if is_whole => changed(why.into()),
            _ => None,
        }
    }
}

/// Whether the list of manifests names all tags, by these lists or, if it did before, by these without tags.
fn names_all_tags(did_before: bool, lists: &RepositoryInventory) -> bool {
    (did_before || !lists.tags.is_empty()) && lists.is_agreed()
}

/// The digests of the manifests to delete.
fn manifests_of(left: &VecDeque<&Deletion>) -> HashSet<SharedString> {
    let manifests = left.iter().filter_map(|deletion| match &deletion.subject {
        Subject::Manifest(digest) => Some(digest.clone()),
        Subject::Tag(_) => None,
    });
    manifests.collect()
}
