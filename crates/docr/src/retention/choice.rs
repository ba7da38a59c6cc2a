//! Which of its images a rule keeps.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, Utc};
use semver::Version;

use super::{
    images::{Images, ManifestId},
    policy::RetentionRule,
    reason::{KeepReason, young},
    version,
};

/// A rule with the images that it owns.
pub(super) struct Choice<'s, 'a> {
    pub(super) rule: &'a RetentionRule,
    images: &'s Images<'a>,
    /// Newest first, and by digest if pushed at the same time. Images of unknown age are kept anyway, and must not take
    /// the place of another one.
    newest: Vec<(DateTime<Utc>, Reverse<ManifestId>)>,
    kept_versions: BTreeMap<ManifestId, Version>,
}

impl<'s, 'a> Choice<'s, 'a> {
    /// `parts` have tags that the rule matches: their versions count, but they take no place among the newest.
    pub(super) fn new(
        rule: &'a RetentionRule,
        images: &'s Images<'a>,
        roots: Vec<ManifestId>,
        parts: Vec<ManifestId>,
    ) -> Self {
        let known = roots
            .iter()
            .filter_map(|manifest| Some((images.last_push(*manifest)?, Reverse(*manifest))));
        let mut newest: Vec<_> = known.collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut choice = Self {
            rule,
            images,
            newest,
            kept_versions: BTreeMap::new(),
        };
        if rule.keep_versions.is_some() {
            let roots: Vec<_> = choice.newest.iter().map(|(_, root)| root.0).collect();
            choice.keep_versions(roots.iter().copied());
            choice.keep_versions(roots.iter().chain(&parts).copied());
        }
        choice
    }

    /// Records which of these images the rule keeps for their versions.
    fn keep_versions(&mut self, manifests: impl Iterator<Item = ManifestId>) {
        let Some(keep) = self.rule.keep_versions else {
            return;
        };
        let images = self.images;
        let versions = manifests.flat_map(|manifest| {
            let tags = images.tags_of(manifest).iter();
            tags.filter_map(move |tag| Some((manifest, version::parse(images.name(*tag))?)))
        });
        let all: Vec<_> = versions.collect();
        let kept: BTreeSet<_> = keep
            .kept(all.iter().map(|(_, version)| version))
            .into_iter()
            .collect();
        let kept = all.iter().filter(|(_, version)| kept.contains(version));
        self.kept_versions.extend(kept.cloned());
    }

    /// Why the rule keeps an image, or a part as if it were one.
    pub(super) fn reason_to_keep(
        &self,
        manifest: ManifestId,
        now: DateTime<Utc>,
    ) -> Option<KeepReason> {
        let Some(time) = self.images.last_push(manifest) else {
            return Some(KeepReason::UnknownAge);
        };
        let newer = self
            .newest
            .partition_point(|image| *image > (time, Reverse(manifest)));
        let place = u32::try_from(newer).unwrap_or(u32::MAX).saturating_add(1);
        if self.rule.keep_newest.is_some_and(|most| place <= most) {
            return Some(KeepReason::Newest(place));
        }
        if let Some(version) = self.kept_versions.get(&manifest) {
            return Some(KeepReason::Version(version.to_string().into()));
        }
        young(Some(time), self.rule.older_than.unwrap_or_default(), now)
    }
}
