//! A plan, as data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    inventory::RegistryInventory,
    planner,
    policy::{Age, RetentionPolicy, TagPattern},
    table::{Table, bytes, day, short},
};
use crate::InvalidInput;

/// What goes, and why all the rest stays. `Display` prints what goes as a table; [`kept_table`](Self::kept_table)
/// the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionPlan {
    /// The registry's name.
    pub registry: String,
    /// When the inventory was read that it was made from.
    pub read_at: DateTime<Utc>,
    /// What goes, by repository: tags, then manifests.
    pub deletions: Vec<Deletion>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// What a person should know before agreeing.
    pub warnings: Vec<PlanWarning>,
    /// How many bytes a garbage collection of untagged manifests and unreferenced blobs frees afterwards, by this
    /// plan: the blobs that nothing needs which stays.
    pub freed_bytes: u64,
    /// The time of the last push to each repository that something goes from. A later one makes the plan outdated.
    pub last_pushes: BTreeMap<String, Option<DateTime<Utc>>>,
}

/// A tag or manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A tag.
    Tag(String),
    /// A manifest, by its digest.
    Manifest(String),
}

/// Something that goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deletion {
    /// The repository's name.
    pub repository: String,
    /// What goes.
    pub subject: Subject,
    /// The digest of the manifest that a tag led to when the plan was made, or of the manifest itself.
    pub digest: Option<String>,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Bytes of the image as stored, what it shares with others included.
    pub size_bytes: Option<u64>,
}

/// Something that stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kept {
    /// The repository's name.
    pub repository: String,
    /// What stays.
    pub subject: Subject,
    /// Why.
    pub reason: KeepReason,
}

/// Why something stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No rule is for its repository.
    NoRule,
    /// A pattern protects it.
    Protected(TagPattern),
    /// It belongs to the same image as a tag that is protected.
    SameImageAs(String),
    /// The rule's patterns of tags that may go don't name it.
    NotNamed,
    /// It is among the newest: its place, from 1.
    Newest(u32),
    /// It is younger than the rule's age.
    YoungerThan(Age),
    /// Its age is unknown, and would decide.
    UnknownAge,
    /// A tag leads to it that stays.
    TaggedAs(String),
    /// It is untagged, and the rule doesn't ask for those.
    UntaggedNotAsked,
    /// It is part of a multi-platform image that stays.
    PartOf(String),
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule is for the repository"),
            Self::Protected(pattern) => write!(f, "protected by {pattern}"),
            Self::SameImageAs(tag) => write!(f, "same image as {tag}"),
            Self::NotNamed => f.write_str("not named by delete_tags"),
            Self::Newest(place) => write!(f, "number {place} of the newest"),
            Self::YoungerThan(age) => write!(f, "younger than {age}"),
            Self::UnknownAge => f.write_str("of unknown age"),
            Self::TaggedAs(tag) => write!(f, "tagged as {tag}"),
            Self::UntaggedNotAsked => f.write_str("untagged, which the rule leaves alone"),
            Self::PartOf(digest) => write!(f, "part of {}", short(digest)),
        }
    }
}

/// What a person should know before agreeing to a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanWarning {
    /// Manifests of this repository go, and nobody has told which of them are parts of multi-platform images that
    /// stay. Those images would break.
    PartsUnknown(String),
    /// A rule's tags go, but their manifests stay, untagged. Storage is freed only by a garbage collection of
    /// untagged manifests.
    ManifestsStay(String),
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartsUnknown(repository) => write!(
                f,
                "DANGER: {repository}: manifests go, and it is unknown which of them are parts of multi-platform \
                 images that stay; such images will break"
            ),
            Self::ManifestsStay(repository) => write!(
                f,
                "{repository}: tags go, their manifests stay until a garbage collection of untagged manifests"
            ),
        }
    }
}

impl RetentionPlan {
    /// Makes a plan. Does no I/O; the order within the inventory doesn't matter.
    ///
    /// # Errors
    ///
    /// When a repository, tag or manifest appears twice in the inventory.
    pub fn make(
        policy: &RetentionPolicy,
        inventory: &RegistryInventory,
    ) -> Result<Self, InvalidInput> {
        planner::plan(policy, inventory)
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

    /// What stays, and why, as a table.
    pub fn kept_table(&self) -> String {
        let mut table = Table::new(["REPOSITORY", "STAYS", "WHY"]);
        for kept in &self.kept {
            let subject = kept.subject.to_string();
            table.row([kept.repository.clone(), subject, kept.reason.to_string()]);
        }
        table.to_string()
    }

    fn count(&self, is_it: impl Fn(&Subject) -> bool) -> usize {
        let deletions = self.deletions.iter();
        deletions
            .filter(|deletion| is_it(&deletion.subject))
            .count()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Manifest(digest) => write!(f, "manifest {}", short(digest)),
        }
    }
}

impl fmt::Display for Deletion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.repository, self.subject)
    }
}

impl fmt::Display for RetentionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        if self.is_empty() {
            return writeln!(f, "Nothing goes; {} stay.", self.kept.len());
        }
        let mut table = Table::new(["REPOSITORY", "GOES", "IMAGE", "PUSHED", "SIZE"]);
        for deletion in &self.deletions {
            table.row([
                deletion.repository.clone(),
                deletion.subject.to_string(),
                deletion.digest.as_deref().map_or_else(String::new, short),
                deletion.updated_at.map_or_else(|| "unknown".into(), day),
                deletion.size_bytes.map_or_else(String::new, bytes),
            ]);
        }
        writeln!(f, "{table}")?;
        writeln!(
            f,
            "{} tags and {} manifests go, {} stay; {} to free.",
            self.count(|subject| matches!(subject, Subject::Tag(_))),
            self.count(|subject| matches!(subject, Subject::Manifest(_))),
            self.kept.len(),
            bytes(self.freed_bytes),
        )
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
