//! Keeping images by their version.

use std::{cmp::Reverse, collections::BTreeMap};

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::InvalidInput;

/// Which versions of an image to keep, by its tags: `v1.4.2`, `1.4.2-rc.1` or `1.4`.
///
/// The newest patches of each kept minor version are kept, and so is every pre-release that is newer than all releases.
/// Build metadata is ignored.
///
/// ```
/// use docr::retention::RetentionPolicy;
///
/// let policy = RetentionPolicy::from_toml("[[rule]]\nkeep_versions = { majors = 3, minors = 2 }")?;
/// assert_eq!(policy.rules[0].keep_versions.map(|keep| keep.majors), Some(3));
/// # Ok::<(), docr::retention::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(transform = super::schema::without_examples))]
#[serde(deny_unknown_fields, try_from = "Fields")]
#[non_exhaustive]
pub struct KeepVersions {
    /// The newest major versions, at least 1.
    pub majors: u32,
    /// Of each of those the newest minor versions; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minors: Option<u32>,
    /// Of each of those the newest patches; all if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patches: Option<u32>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The newest major versions, at least 1.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    majors: u32,
    /// Of each of those the newest minor versions; all if omitted.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    minors: Option<u32>,
    /// Of each of those the newest patches; all if omitted.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    patches: Option<u32>,
}

impl TryFrom<Fields> for KeepVersions {
    type Error = InvalidInput;

    fn try_from(fields: Fields) -> Result<Self, InvalidInput> {
        Self::newest(fields.majors)?
            .minors_of(fields.minors)?
            .patches_of(fields.patches)
    }
}

impl KeepVersions {
    /// Keeps the newest major versions, with all their minor versions and patches.
    ///
    /// # Errors
    ///
    /// If the number is 0.
    ///
    /// ```
    /// use docr::retention::KeepVersions;
    ///
    /// assert_eq!(KeepVersions::newest(3)?.majors, 3);
    /// assert!(KeepVersions::newest(0).is_err());
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn newest(majors: u32) -> Result<Self, InvalidInput> {
        Ok(Self {
            majors: at_least_one("keep_versions.majors", majors)?,
            minors: None,
            patches: None,
        })
    }

    /// Keeps the newest minor versions of each major version.
    ///
    /// # Errors
    ///
    /// If the number is 0.
    ///
    /// ```
    /// # use docr::retention::KeepVersions;
    /// assert_eq!(KeepVersions::newest(3)?.minors(2)?.minors, Some(2));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn minors(self, minors: u32) -> Result<Self, InvalidInput> {
        self.minors_of(Some(minors))
    }

    /// Keeps the newest patches of each minor version.
    ///
    /// # Errors
    ///
    /// If the number is 0.
    ///
    /// ```
    /// # use docr::retention::KeepVersions;
    /// assert_eq!(KeepVersions::newest(3)?.minors(2)?.patches(1)?.patches, Some(1));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn patches(self, patches: u32) -> Result<Self, InvalidInput> {
        self.patches_of(Some(patches))
    }

    fn minors_of(mut self, minors: Option<u32>) -> Result<Self, InvalidInput> {
        let check = |minors| at_least_one("keep_versions.minors", minors);
        self.minors = minors.map(check).transpose()?;
        Ok(self)
    }

    fn patches_of(mut self, patches: Option<u32>) -> Result<Self, InvalidInput> {
        let check = |patches| at_least_one("keep_versions.patches", patches);
        self.patches = patches.map(check).transpose()?;
        Ok(self)
    }

    /// Which of these versions are kept.
    pub(super) fn kept<'a>(
        &self,
        versions: impl Iterator<Item = &'a Version> + Clone,
    ) -> Vec<&'a Version> {
        let releases = versions.clone().filter(|version| version.pre.is_empty());
        let mut tree = BTreeMap::<_, BTreeMap<_, BTreeMap<_, Vec<_>>>>::new();
        for version in releases.clone() {
            let minors = tree.entry(Reverse(version.major)).or_default();
            let patches = minors.entry(Reverse(version.minor)).or_default();
            patches
                .entry(Reverse(version.patch))
                .or_default()
                .push(version);
        }
        let most = |limit: Option<u32>| limit.map_or(usize::MAX, |limit| limit as usize);
        let minors = tree.into_values().take(self.majors as usize);
        let patches = minors.flat_map(|minors| minors.into_values().take(most(self.minors)));
        let kept = patches.flat_map(|patches| patches.into_values().take(most(self.patches)));
        let newest = releases.max();
        let coming = versions.filter(|version| !version.pre.is_empty() && Some(*version) > newest);
        kept.flatten().chain(coming).collect()
    }
}

fn at_least_one(field: &'static str, number: u32) -> Result<u32, InvalidInput> {
    if number > 0 {
        return Ok(number);
    }
    let rule = "must be at least 1; to keep no versions, omit keep_versions";
    Err(InvalidInput::new(field, "0", rule))
}

/// Reads a tag as a version: with or without a `v`, and of two or three numbers.
pub(super) fn parse(tag: &str) -> Option<Version> {
    let text = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    // `1.4` and `1.4-rc.1`: the patch is left out.
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit());
    let (numbers, rest) = text.split_at(end.unwrap_or(text.len()));
    if numbers.split('.').count() != 2 {
        return None;
    }
    Version::parse(&format!("{numbers}.0{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_version_with_or_without_v_and_patch() {
        for (tag, version) in [
            ("v1.4.2", Some("1.4.2")),
            ("1.4", Some("1.4.0")),
            ("V2.0-rc.1", Some("2.0.0-rc.1")),
            ("1.4.2-rc.1", Some("1.4.2-rc.1")),
            ("7", None),
            ("20260101", None),
            ("2026-01", None),
            ("2026.01.02", None),
            ("1.4.2.1", None),
            ("v1.x", None),
            ("nightly", None),
            ("", None),
        ] {
            let parsed = parse(tag).map(|version| version.to_string());
            assert_eq!(parsed.as_deref(), version, "{tag}");
        }
    }

    #[test]
    fn the_newest_of_majors_minors_and_patches_are_kept() {
        let all: Vec<_> = [
            "1.0.0",
            "1.1.0",
            "1.1.1",
            "2.0.0",
            "2.1.0",
            "2.2.0",
            "2.2.1",
            "3.0.0-rc.1",
            "2.2.1-rc.1",
            "0.9.0",
        ]
        .iter()
        .map(|text| Version::parse(text).unwrap())
        .collect();
        let kept = |keep: KeepVersions| {
            let mut kept: Vec<_> = keep.kept(all.iter()).into_iter().cloned().collect();
            kept.sort();
            kept.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let two = KeepVersions::newest(2).unwrap();
        assert_eq!(
            kept(two),
            "1.0.0 1.1.0 1.1.1 2.0.0 2.1.0 2.2.0 2.2.1 3.0.0-rc.1"
        );
        assert_eq!(
            kept(two.minors(1).unwrap()),
            "1.1.0 1.1.1 2.2.0 2.2.1 3.0.0-rc.1"
        );
        let one_patch = two.minors(2).unwrap().patches(1).unwrap();
        assert_eq!(kept(one_patch), "1.0.0 1.1.1 2.1.0 2.2.1 3.0.0-rc.1");
        assert!(KeepVersions::newest(0).is_err());
    }
}
