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

/// What to delete, and why everything else is kept. `Display` prints the deletions as a table,
/// [`kept_table`](Self::kept_table) the rest.
///
/// The unit is the image: a manifest with its tags and everything that belongs to it. If all tags of an image are to be
/// deleted, so are its manifest, and then the parts, signatures and attestations that no other image needs. Nothing else is
/// deleted, neither by executing the plan nor by the garbage collection that frees the storage.
///
/// ```
/// use docr::retention::{
///     ManifestContent, ManifestDocument, ManifestRecord, RegistryInventory, RepositoryInventory, RetentionPlan,
///     RetentionPolicy, TagRecord,
/// };
///
/// let pushed = "2026-01-01T00:00:00Z".parse().ok();
/// let image = br#"{"mediaType": "application/vnd.oci.image.manifest.v1+json"}"#;
/// let manifest = ManifestRecord {
///     digest: format!("sha256:{:064x}", 1).into(),
///     updated_at: pushed,
///     content: ManifestContent::Read(ManifestDocument::from_bytes(None, image)),
///     ..ManifestRecord::default()
/// };
/// let tag = TagRecord { tag: "pr-17".into(), digest: Some(manifest.digest.clone()), updated_at: pushed };
/// let inventory = RegistryInventory {
///     registry: "acme-images".into(),
///     api: None,
///     read_at: "2026-06-01T00:00:00Z".parse()?,
///     repositories: vec![RepositoryInventory {
///         name: "shop/api".into(),
///         tags: vec![tag],
///         manifests: vec![manifest],
///         ..RepositoryInventory::default()
///     }],
/// };
/// let policy = RetentionPolicy::from_toml("[[rule]]\ndelete_tags = ['pr-*']\nolder_than = '30d'")?;
/// let plan = RetentionPlan::compute(&policy, &inventory)?;
/// assert_eq!(plan.deletions[0].to_string(), "shop/api tag pr-17");
/// assert_eq!(plan.images_going(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The version of this format: [`RetentionPlan::VERSION`].
    pub version: u32,
    /// The registry's name.
    pub registry: String,
    /// The address of the API that the inventory was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// When its inventory was read.
    pub read_at: DateTime<Utc>,
    /// What to delete, by repository, in an order in which it can be deleted.
    pub deletions: Vec<Deletion>,
    /// What to keep.
    pub kept: Vec<Kept>,
    /// What to know before executing it.
    pub warnings: Vec<PlanWarning>,
    /// How many bytes a garbage collection of unreferenced blobs will free afterwards: those of the blobs that nothing kept
    /// in the registry needs.
    pub freed_bytes: u64,
    /// Whether it may be less, because repositories that were not read may need some of these blobs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_freed_at_most: bool,
    /// The repositories of which nothing is kept. Each is deleted as a whole, which also frees its place in the tier, if
    /// nothing else is found in it then. Remove a name to keep the empty repository.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub whole_repositories: BTreeSet<SharedString>,
    /// The repositories that were not read, since no rule applies to them: everything in them is kept.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread_repositories: BTreeSet<SharedString>,
    /// The repositories with long lists that agreed and were sorted newest first. Of these only the deletions and what is
    /// new are read again, as long as nothing else has changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub newest_first: BTreeSet<SharedString>,
    /// The number of images in the repositories that rules apply to.
    pub images: u64,
    /// How many images may be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<MaxDelete>,
    /// The time of the last push to each repository with deletions. A later push makes the plan outdated.
    pub last_pushes: BTreeMap<SharedString, Option<DateTime<Utc>>>,
}

/// A tag or manifest of a repository.
///
/// ```
/// use docr::retention::Subject;
///
/// assert_eq!(Subject::Tag("v1".into()).to_string(), "tag v1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A tag.
    Tag(SharedString),
    /// A manifest, by its digest.
    Manifest(SharedString),
}

/// A tag or manifest to delete.
///
/// ```
/// # fn example(plan: docr::retention::RetentionPlan) {
/// for deletion in &plan.deletions {
///     println!("{deletion}: {}", deletion.why); // shop/api tag pr-17: older than 30d
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deletion {
    /// The repository's name.
    pub repository: SharedString,
    /// What to delete.
    pub subject: Subject,
    /// The digest of the manifest, or of the one that the tag pointed to when the plan was made.
    pub digest: Option<SharedString>,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The stored bytes of the image, including those shared with others.
    pub size_bytes: Option<u64>,
    /// The digest of the image that it belongs to.
    pub image: SharedString,
    /// Why it is deleted.
    pub why: GoReason,
    /// What must be deleted before it in the same repository. It is kept as long as one of these exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Subject>,
}

impl Deletion {
    pub(super) fn is_manifest(&self) -> bool {
        matches!(self.subject, Subject::Manifest(_))
    }
}

/// A tag or manifest to keep.
///
/// ```
/// # fn example(plan: docr::retention::RetentionPlan) {
/// for kept in &plan.kept {
///     println!("{} {}: {}", kept.repository, kept.subject, kept.reason);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kept {
    /// The repository's name.
    pub repository: SharedString,
    /// What to keep.
    pub subject: Subject,
    /// The digest of the manifest, or of the one that the tag points to.
    pub digest: Option<SharedString>,
    /// Why.
    pub reason: KeepReason,
}

/// What to know before executing a plan.
///
/// ```
/// use docr::retention::PlanWarning;
///
/// let warning = PlanWarning::InUseNotFound("acme-images/shop/api:v1".to_owned());
/// assert_eq!(warning.to_string(), "in use, but not in the registry: acme-images/shop/api:v1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanWarning {
    /// More images would be deleted than the policy allows: the plan is not executed.
    TooMany {
        /// How many would be deleted.
        going: u64,
        /// How many may be deleted.
        limit: u64,
    },
    /// This pattern protects no tag.
    ProtectsNothing(NamePattern),
    /// This reference to an image in use matches nothing.
    InUseNotFound(String),
    /// The manifests' documents of this repository were not read, so that only tags are deleted.
    Unread(String),
    /// Something is kept because it is not understood.
    NotUnderstood {
        /// The repository.
        repository: String,
        /// What is kept.
        subject: Subject,
        /// What is wrong with it.
        why: String,
    },
    /// The lists of this repository disagree, or changed each time they were read: what this affects is kept.
    InDoubt(String),
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { going, limit } => write!(
                f,
                "{going} images would be deleted, and max_delete allows {limit}: this plan deletes nothing"
            ),
            Self::ProtectsNothing(pattern) => write!(f, "{pattern} protects no tag"),
            Self::InUseNotFound(reference) => {
                write!(f, "in use, but not in the registry: {}", clean(reference))
            }
            Self::Unread(repository) => write!(
                f,
                "{}: only tags are deleted, because its manifests were not read",
                clean(repository)
            ),
            Self::NotUnderstood {
                repository,
                subject,
                why,
            } => write!(f, "{} {subject} is kept: {}", clean(repository), clean(why)),
            Self::InDoubt(repository) => write!(
                f,
                "{}: the lists changed while they were read; what they disagree on is kept",
                clean(repository)
            ),
        }
    }
}

impl RetentionPlan {
    /// The version of the format in which this version of the crate writes plans, and the only one that it executes.
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

    /// Sorts everything.
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

    /// How many others, one after the other, must be deleted before each deletion. The depth of a cycle, which no computed
    /// plan has, is that of what leads into it.
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
        // What has been begun is known or on the path.
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

    /// The number of images to delete: those that lose their last tag or their manifest. A signature or another referrer
    /// counts if it is deleted by itself.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// assert_eq!(plan.images_going(), 0);
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
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

    /// How many images would be deleted and how many may be, if those are too many.
    pub(super) fn excess(&self) -> Option<(u64, u64)> {
        let limit = self.max_delete?.of(self.images);
        let going = self.images_going();
        (going > limit).then_some((going, limit))
    }

    /// Whether there is nothing to delete.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// assert!(plan.is_empty());
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.deletions.is_empty()
    }

    /// What has changed since an earlier plan.
    ///
    /// ```
    /// # let json = r#"{"version":2,"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","deletions":[],"kept":[],"warnings":[],"freed_bytes":0,"images":0,"last_pushes":{}}"#;
    /// # let plan = docr::retention::RetentionPlan::from_json(json)?;
    /// let difference = plan.difference(&plan.clone());
    /// assert!(difference.added.is_empty() && difference.removed.is_empty());
    /// # Ok::<(), docr::retention::PlanError>(())
    /// ```
    pub fn difference(&self, earlier: &Self) -> PlanDifference {
        let set = |plan: &Self| plan.deletions.iter().cloned().collect::<BTreeSet<_>>();
        let (now, then) = (set(self), set(earlier));
        PlanDifference {
            added: now.difference(&then).cloned().collect(),
            removed: then.difference(&now).cloned().collect(),
        }
    }
}

/// Puts items in an order, given by their former places, without a second copy of them.
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

/// How a plan differs from an earlier one. `Display` prints a line for each deletion, with `+` or `-`.
///
/// ```
/// # fn example(plan: docr::retention::RetentionPlan, yesterday: docr::retention::RetentionPlan) {
/// print!("{}", plan.difference(&yesterday)); // + shop/api tag pr-17
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanDifference {
    /// What is deleted only by the new plan.
    pub added: Vec<Deletion>,
    /// What would have been deleted only by the earlier plan.
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
