//! Why something goes, and why something stays.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    age::Age,
    pattern::NamePattern,
    shared_string::SharedString,
    table::{clean, short},
};

/// Why something stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeepReason {
    /// No rule is for its repository.
    NoRule,
    /// A pattern protects it.
    Protected(NamePattern),
    /// It belongs to the same image as a tag that is protected.
    SameImageAs(SharedString),
    /// It is in use, by this reference.
    InUse(SharedString),
    /// No rule's patterns of tags that may go name it.
    NotNamed,
    /// It is among the newest: its place, from 1.
    Newest(u32),
    /// Its version is one that is kept.
    Version(SharedString),
    /// It, or something that belongs to it, is younger than this.
    YoungerThan(Age),
    /// The time of its last push is unknown, or that of something that belongs to it.
    UnknownAge,
    /// A tag leads to it that stays.
    TaggedAs(SharedString),
    /// It is untagged, and no rule asks for those.
    UntaggedNotAsked,
    /// It is about an image that is gone, and no rule asks for those.
    OrphanNotAsked,
    /// It is about an image that is in this other repository.
    AboutImageIn(SharedString),
    /// It may be about an image in this repository, whose lists changed each time they were read.
    MaybeAboutImageIn(SharedString),
    /// It may be about an image in this repository, which was not read.
    MaybeAboutImageOf(SharedString),
    /// It belongs to an image that stays: as a part, or as its signature, attestation or other referrer.
    PartOf(SharedString),
    /// Only tags go, as the policy says.
    TagsOnly,
    /// The documents of the manifests were not read, so it is unknown what belongs to what.
    Unread,
    /// This manifest can't be read, and may need it.
    MaybePartOf(SharedString),
    /// It can't be read, or is of an unknown kind.
    NotUnderstood,
    /// The lists of the service contradict each other, or changed each time they were read.
    InDoubt,
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule is for the repository"),
            Self::Protected(pattern) => write!(f, "protected by {}", clean(pattern.as_str())),
            Self::SameImageAs(tag) => write!(f, "same image as {}", clean(tag)),
            Self::InUse(reference) => write!(f, "in use: {}", clean(reference)),
            Self::NotNamed => f.write_str("not named by delete_tags"),
            Self::Newest(place) => write!(f, "number {place} of the newest"),
            Self::Version(version) => write!(f, "version {}", clean(version)),
            Self::YoungerThan(age) => write!(f, "younger than {age}"),
            Self::UnknownAge => f.write_str("of unknown age"),
            Self::TaggedAs(tag) => write!(f, "tagged as {}", clean(tag)),
            Self::UntaggedNotAsked => f.write_str("untagged, which the rules leave alone"),
            Self::OrphanNotAsked => f.write_str("its image is gone; the rules leave that alone"),
            Self::AboutImageIn(repository) => {
                write!(f, "about an image of {}", clean(repository))
            }
            Self::MaybeAboutImageIn(repository) => {
                let repository = clean(repository);
                write!(
                    f,
                    "may be about an image of {repository}, whose lists changed"
                )
            }
            Self::MaybeAboutImageOf(repository) => {
                write!(
                    f,
                    "may be about an image of {}, which was not read",
                    clean(repository)
                )
            }
            Self::PartOf(digest) => write!(f, "belongs to {}", short(digest)),
            Self::TagsOnly => f.write_str("only tags go"),
            Self::Unread => f.write_str("may be part of another image"),
            Self::MaybePartOf(digest) => {
                write!(f, "may be part of {}, which can't be read", short(digest))
            }
            Self::NotUnderstood => f.write_str("can't be read, or is of an unknown kind"),
            Self::InDoubt => f.write_str("the lists changed while they were read"),
        }
    }
}

/// Why something goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GoReason {
    /// It is not among the newest images, of which so many are kept.
    BeyondNewest(u32),
    /// It is older than this.
    OlderThan(Age),
    /// Its version is not one that is kept.
    OldVersion,
    /// A rule names it.
    Named,
    /// No tag leads to it.
    Untagged,
    /// It belongs to this image, which goes.
    WithImage(SharedString),
    /// The image that it is about is gone.
    Orphan,
}

impl fmt::Display for GoReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeyondNewest(0) => f.write_str("keep_newest is 0"),
            Self::BeyondNewest(most) => write!(f, "not among the newest {most}"),
            Self::OlderThan(age) => write!(f, "older than {age}"),
            Self::OldVersion => f.write_str("old version"),
            Self::Named => f.write_str("named by delete_tags"),
            Self::Untagged => f.write_str("untagged"),
            Self::WithImage(digest) => write!(f, "belongs to {}", short(digest)),
            Self::Orphan => f.write_str("its image is gone"),
        }
    }
}

/// Why something is too young to go, if it is.
pub(super) fn young(
    time: Option<DateTime<Utc>>,
    age: Age,
    now: DateTime<Utc>,
) -> Option<KeepReason> {
    let Some(time) = time else {
        return Some(KeepReason::UnknownAge);
    };
    // Nothing is younger than that, though the service's clock may tell seconds only.
    if age == Age::default() {
        return None;
    }
    let limit = TimeDelta::from_std(age.as_duration()).unwrap_or(TimeDelta::MAX);
    (now.signed_duration_since(time) <= limit).then_some(KeepReason::YoungerThan(age))
}
