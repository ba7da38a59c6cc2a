//! A plan, as data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    pattern::NamePattern,
    policy::MaxDelete,
    reason::{GoReason, KeepReason},
    shared_string::SharedString,
    table::{clean, short},
};

/// What goes, and why all the rest stays. `Display` prints what goes as a table; [`kept_table`](Self::kept_table)
/// the rest.
///
/// The unit is the image: a manifest with its tags, and what belongs to it. Where all tags of an image go, the tags are
/// deleted, then its manifest, and then the parts, signatures and attestations that no other image needs. What a plan
/// doesn't name is not deleted, neither by carrying it out nor by the garbage collection that frees the storage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The version of this form of a plan: [`RetentionPlan::VERSION`].
    pub version: u32,
    /// The registry's name.
    pub registry: String,
    /// The address of the API by which the inventory was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// When the inventory was read that it was made from.
    pub read_at: DateTime<Utc>,
    /// What goes, by repository, in an order in which it can be deleted.
    pub deletions: Vec<Deletion>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// What a person should know before agreeing.
    pub warnings: Vec<PlanWarning>,
    /// How many bytes a garbage collection of unreferenced blobs frees afterwards, by this plan: the blobs that nothing
    /// needs which stays, in the whole registry.
    pub freed_bytes: u64,
    /// Whether it may be less: not all repositories were read, and others may need some of these blobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_freed_at_most: bool,
    /// The repositories of which nothing stays. Each is deleted as a whole, which frees its place in the tier as well, if
    /// nothing but what goes is found in it then. Take a name out to keep the empty repository.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub whole_repositories: BTreeSet<SharedString>,
    /// The repositories that were not read, since no rule is for them: all in them stays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread_repositories: BTreeSet<SharedString>,
    /// The repositories whose lists are long, agreed, and came newest first. Of these only what goes and what is new
    /// is looked at again, as long as nothing else has changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub newest_first: BTreeSet<SharedString>,
    /// How many images there are in the repositories that rules are for.
    pub images: u64,
    /// How many images may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<MaxDelete>,
    /// The time of the last push to each repository that something goes from. A later one makes the plan outdated.
    pub last_pushes: BTreeMap<SharedString, Option<DateTime<Utc>>>,
}

/// A tag or manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A tag.
    Tag(SharedString),
    /// A manifest, by its digest.
    Manifest(SharedString),
}

/// Something that goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deletion {
    /// The repository's name.
    pub repository: SharedString,
    /// What goes.
    pub subject: Subject,
    /// The digest of the manifest that a tag led to when the plan was made, or of the manifest itself.
    pub digest: Option<SharedString>,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Bytes of the image as stored, what it shares with others included.
    pub size_bytes: Option<u64>,
    /// The digest of the image that it goes with.
    pub image: SharedString,
    /// Why it goes.
    pub why: GoReason,
    /// What has to be gone before, of the same repository. While one of these is still there, this stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Subject>,
}

impl Deletion {
    pub(super) fn is_manifest(&self) -> bool {
        matches!(self.subject, Subject::Manifest(_))
    }
}

/// Something that stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kept {
    /// The repository's name.
    pub repository: SharedString,
    /// What stays.
    pub subject: Subject,
    /// The digest of the manifest that a tag leads to, or of the manifest itself.
    pub digest: Option<SharedString>,
    /// Why.
    pub reason: KeepReason,
}

/// What a person should know before agreeing to a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanWarning {
    /// More images go than the policy allows: the plan is not carried out.
    TooMany {
        /// How many go.
        going: u64,
        /// How many may go.
        limit: u64,
    },
    /// This pattern protects nothing.
    ProtectsNothing(NamePattern),
    /// This reference to an image in use leads to nothing.
    InUseNotFound(String),
    /// The documents of this repository's manifests were not read, so that only tags go from it.
    Unread(String),
    /// Something stays because it is not understood.
    NotUnderstood {
        /// The repository.
        repository: String,
        /// What stays.
        subject: Subject,
        /// What is wrong with it.
        why: String,
    },
    /// The lists of this repository contradict each other, or changed each time they were read: what is concerned stays.
    InDoubt(String),
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { going, limit } => write!(
                f,
                "{going} images go, and max_delete allows {limit}: nothing is deleted by this plan"
            ),
            Self::ProtectsNothing(pattern) => write!(f, "{pattern} protects no tag"),
            Self::InUseNotFound(reference) => {
                write!(f, "in use, but not in the registry: {}", clean(reference))
            }
            Self::Unread(repository) => write!(
                f,
                "{}: only tags go, since its manifests were not read",
                clean(repository)
            ),
            Self::NotUnderstood {
                repository,
                subject,
                why,
            } => write!(f, "{} {subject} stays: {}", clean(repository), clean(why)),
            Self::InDoubt(repository) => write!(
                f,
                "{}: the lists changed while they were read; what they disagree on stays",
                clean(repository)
            ),
        }
    }
}

impl RetentionPlan {
    /// The version of the form in which this version of the crate writes plans, and the only one that it carries out.
    pub const VERSION: u32 = 2;

    pub(super) fn empty(registry: &str, read_at: DateTime<Utc>) -> Self {
        Self {
            version: Self::VERSION,
            registry: registry.to_owned(),
            api: None,
            read_at,
            deletions: Vec::new(),
            kept: Vec::new(),
            warnings: Vec::new(),
            freed_bytes: 0,
            is_freed_at_most: false,
            whole_repositories: BTreeSet::new(),
            unread_repositories: BTreeSet::new(),
            newest_first: BTreeSet::new(),
            images: 0,
            max_delete: None,
            last_pushes: BTreeMap::new(),
        }
    }

    /// Brings everything in order.
    pub(super) fn finish(&mut self) {
        self.deletions.shrink_to_fit();
        self.kept.shrink_to_fit();
        let depths = self.depths();
        let key = |place: usize| {
            let deletion = &self.deletions[place];
            (&deletion.repository, depths[place], &deletion.subject)
        };
        let mut order: Vec<_> = (0..depths.len()).collect();
        order.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)));
        reorder(&mut self.deletions, order);
        self.kept.sort_unstable();
        if let Some((going, limit)) = self.excess() {
            self.warnings.push(PlanWarning::TooMany { going, limit });
        }
        self.warnings.sort();
    }

    /// For each deletion how many others have to come before it, one after the other. Of a circle, which no plan has
    /// that was made here, the depth is that of what leads into it.
    fn depths(&self) -> Vec<usize> {
        let key = |place: usize| {
            let deletion = &self.deletions[place];
            (&deletion.repository, &deletion.subject)
        };
        let mut places: Vec<_> = (0..self.deletions.len()).collect();
        places.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)));
        let find = |deletion: &Deletion, subject: &Subject| {
            let wanted = (&deletion.repository, subject);
            let found = places.binary_search_by(|place| key(*place).cmp(&wanted));
            found.ok().map(|found| places[found])
        };
        let mut depths = vec![0; self.deletions.len()];
        // What was begun is known, or on the path.
        let mut is_begun = vec![false; depths.len()];
        for first in 0..depths.len() {
            if std::mem::replace(&mut is_begun[first], true) {
                continue;
            }
            let mut path = vec![(first, 0)];
            while let Some((place, next)) = path.pop() {
                let deletion = &self.deletions[place];
                let Some(before) = deletion.after.get(next) else {
                    let before = deletion.after.iter();
                    let before = before.filter_map(|subject| find(deletion, subject));
                    depths[place] = before.map(|before| depths[before] + 1).max().unwrap_or(0);
                    continue;
                };
                path.push((place, next + 1));
                if let Some(before) = find(deletion, before)
                    && !std::mem::replace(&mut is_begun[before], true)
                {
                    path.push((before, 0));
                }
            }
        }
        depths
    }

    /// How many images are deleted: those to which no tag leads any more, or whose manifest is deleted. A signature or
    /// another referrer counts when it is deleted by itself.
    pub fn images_going(&self) -> u64 {
        let tags = self.kept.iter();
        let tags = tags.filter(|kept| matches!(kept.subject, Subject::Tag(_)));
        let tagged = tags.filter_map(|kept| Some((&kept.repository, kept.digest.as_ref()?)));
        let mut tagged: Vec<_> = tagged.collect();
        tagged.sort_unstable();
        // Parts, and what is about an image, are deleted with theirs.
        let is_image = |why: &GoReason| !matches!(why, GoReason::WithImage(_));
        let deletions = self.deletions.iter();
        let images = deletions.filter(|deletion| is_image(&deletion.why));
        let mut images: Vec<_> = images
            .map(|deletion| (&deletion.repository, &deletion.image))
            .filter(|image| tagged.binary_search(image).is_err())
            .collect();
        images.sort_unstable();
        images.dedup();
        images.len() as u64
    }

    /// How many images go and how many may, if that is too many.
    pub(super) fn excess(&self) -> Option<(u64, u64)> {
        let limit = self.max_delete?.of(self.images);
        let going = self.images_going();
        (going > limit).then_some((going, limit))
    }

    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.deletions.is_empty()
    }

    /// What has changed since an earlier plan.
    pub fn difference(&self, earlier: &Self) -> PlanDifference {
        let set = |plan: &Self| plan.deletions.iter().cloned().collect::<BTreeSet<_>>();
        let (now, then) = (set(self), set(earlier));
        PlanDifference {
            added: now.difference(&then).cloned().collect(),
            removed: then.difference(&now).cloned().collect(),
        }
    }
}

/// Puts items in an order, each given by its place before, without a second copy of them.
fn reorder<T>(items: &mut [T], order: Vec<usize>) {
    let mut order = order;
    for first in 0..order.len() {
        let mut place = first;
        while order[place] != first {
            let from = std::mem::replace(&mut order[place], place);
            items.swap(place, from);
            place = from;
        }
        order[place] = place;
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag {}", clean(tag)),
            Self::Manifest(digest) => write!(f, "manifest {}", short(digest)),
        }
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", clean(&self.repository), self.subject)
    }
}

/// How a plan differs from an earlier one. `Display` shows a line for each, with `+` or `-`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanDifference {
    /// What goes now and did not before.
    pub added: Vec<Deletion>,
    /// What would have gone before and stays now.
    pub removed: Vec<Deletion>,
}

impl fmt::Display for PlanDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for deletion in &self.added {
            writeln!(f, "+ {deletion}")?;
        }
        for deletion in &self.removed {
            writeln!(f, "- {deletion}")?;
        }
        Ok(())
    }
}
