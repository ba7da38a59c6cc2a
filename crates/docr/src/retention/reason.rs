//! Why something is deleted or kept.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    age::Age,
    pattern::NamePattern,
    shared_string::SharedString,
    table::{clean, short},
};

/// Why something is kept.
///
/// ```
/// use docr::retention::KeepReason;
///
/// assert_eq!(KeepReason::TaggedAs("v1".into()).to_string(), "tagged as v1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No rule applies to its repository.
    NoRule,
    /// A pattern protects it.
    Protected(NamePattern),
    /// It belongs to the same image as this protected tag.
    SameImageAs(SharedString),
    /// It is in use: this reference names it.
    InUse(SharedString),
    /// No rule's `delete_tags` matches it.
    NotNamed,
    /// It is among the newest: its rank, from 1.
    Newest(u32),
    /// A rule keeps this version.
    Version(SharedString),
    /// It, or something that belongs to it, is younger than this.
    YoungerThan(Age),
    /// The time of its last push is unknown, or that of something that belongs to it.
    UnknownAge,
    /// This kept tag points to it.
    TaggedAs(SharedString),
    /// It is untagged, and no rule deletes untagged images.
    UntaggedNotAsked,
    /// It refers to a deleted image, and no rule deletes orphans.
    OrphanNotAsked,
    /// It refers to an image in this other repository.
    AboutImageIn(SharedString),
    /// It may refer to an image in this repository, whose lists changed each time they were read.
    MaybeAboutImageIn(SharedString),
    /// It may refer to an image in this repository, which was not read.
    MaybeAboutImageOf(SharedString),
    /// It belongs to this kept image, as a part or as its signature, attestation or other referrer.
    PartOf(SharedString),
    /// The policy deletes tags only.
    TagsOnly,
    /// The manifests' documents were not read, so it is unknown what belongs to what.
    Unread,
    /// It may be part of this manifest, which can't be read.
    MaybePartOf(SharedString),
    /// It can't be read, or is of an unknown media type.
    NotUnderstood,
    /// The lists of the service disagree, or changed each time they were read.
    InDoubt,
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule for the repository"),
            Self::Protected(pattern) => write!(f, "protected by {}", clean(pattern.as_str())),
            Self::SameImageAs(tag) => write!(f, "same image as {}", clean(tag)),
            Self::InUse(reference) => write!(f, "in use: {}", clean(reference)),
            Self::NotNamed => f.write_str("not matched by delete_tags"),
            Self::Newest(place) => write!(f, "number {place} of the newest"),
            Self::Version(version) => write!(f, "version {}", clean(version)),
            Self::YoungerThan(age) => write!(f, "younger than {age}"),
            Self::UnknownAge => f.write_str("age unknown"),
            Self::TaggedAs(tag) => write!(f, "tagged as {}", clean(tag)),
            Self::UntaggedNotAsked => f.write_str("untagged; no rule deletes untagged images"),
            Self::OrphanNotAsked => f.write_str("its image is deleted; no rule deletes orphans"),
            Self::AboutImageIn(repository) => {
                write!(f, "refers to an image in {}", clean(repository))
            }
            Self::MaybeAboutImageIn(repository) => {
                let repository = clean(repository);
                write!(
                    f,
                    "may refer to an image in {repository}, whose lists changed"
                )
            }
            Self::MaybeAboutImageOf(repository) => {
                write!(
                    f,
                    "may refer to an image in {}, which was not read",
                    clean(repository)
                )
            }
            Self::PartOf(digest) => write!(f, "belongs to {}", short(digest)),
            Self::TagsOnly => f.write_str("only tags are deleted"),
            Self::Unread => f.write_str("may be part of another image"),
            Self::MaybePartOf(digest) => {
                write!(f, "may be part of {}, which can't be read", short(digest))
            }
            Self::NotUnderstood => f.write_str("unreadable, or of an unknown media type"),
            Self::InDoubt => f.write_str("the lists changed while they were read"),
        }
    }
}

/// Why something is deleted.
///
/// ```
/// use docr::retention::GoReason;
///
/// assert_eq!(GoReason::BeyondNewest(10).to_string(), "not among the newest 10");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GoReason {
    /// It is not among the newest images, of which this many are kept.
    BeyondNewest(u32),
    /// It is older than this.
    OlderThan(Age),
    /// No rule keeps its version.
    OldVersion,
    /// A rule's `delete_tags` matches it.
    Named,
    /// No tag points to it.
    Untagged,
    /// It belongs to this deleted image.
    WithImage(SharedString),
    /// The image that it refers to is deleted.
    Orphan,
}

impl fmt::Display for GoReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeyondNewest(0) => f.write_str("keep_newest is 0"),
            Self::BeyondNewest(most) => write!(f, "not among the newest {most}"),
            Self::OlderThan(age) => write!(f, "older than {age}"),
            Self::OldVersion => f.write_str("old version"),
            Self::Named => f.write_str("matched by delete_tags"),
            Self::Untagged => f.write_str("untagged"),
            Self::WithImage(digest) => write!(f, "belongs to {}", short(digest)),
            Self::Orphan => f.write_str("its image is deleted"),
        }
    }
}

/// Why something is too young to be deleted, if it is.
pub(super) fn young(
    time: Option<DateTime<Utc>>,
    age: Age,
    now: DateTime<Utc>,
) -> Option<KeepReason> {
    let Some(time) = time else {
        return Some(KeepReason::UnknownAge);
    };
    // Nothing is younger than that, even though the service may report whole seconds only.
    if age == Age::default() {
        return None;
    }
    let limit = TimeDelta::from_std(age.as_duration()).unwrap_or(TimeDelta::MAX);
    (now.signed_duration_since(time) <= limit).then_some(KeepReason::YoungerThan(age))
}
