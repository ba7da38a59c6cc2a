//! From a policy and an inventory to a plan. Pure: no I/O, no clock, no order of its input.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    inventory::{ManifestRecord, RegistryInventory, RepositoryInventory, TagRecord},
    plan::{Deletion, KeepReason, Kept, PlanWarning, RetentionPlan, Subject},
    policy::{Age, RetentionPolicy, RetentionRule},
};
use crate::InvalidInput;

/// An untagged manifest that is younger may be part of a push that is under way.
const GRACE: TimeDelta = TimeDelta::hours(1);

pub(super) fn plan(
    policy: &RetentionPolicy,
    inventory: &RegistryInventory,
) -> Result<RetentionPlan, InvalidInput> {
    let mut plan = RetentionPlan {
        registry: inventory.registry.clone(),
        read_at: inventory.read_at,
        deletions: Vec::new(),
        kept: Vec::new(),
        warnings: Vec::new(),
        freed_bytes: 0,
        last_pushes: BTreeMap::new(),
    };
    let (mut needed, mut unneeded) = (BTreeMap::new(), BTreeMap::new());
    let repositories = unique("repository", &inventory.repositories, |repository| {
        &repository.name
    })?;
    for repository in repositories.values() {
        let images = Images::of(repository)?;
        let rule = policy.rule(&repository.name);
        let verdict = Verdict::of(rule, &images, inventory.read_at);
        for (digest, manifest) in &images.manifests {
            let blobs = match verdict.leaves_something(digest, &images) {
                true => &mut needed,
                false => &mut unneeded,
            };
            blobs.extend(
                manifest
                    .blobs
                    .iter()
                    .map(|(blob, bytes)| (blob.clone(), *bytes)),
            );
        }
        verdict.write(repository, &images, &mut plan);
    }
    let freed = unneeded
        .iter()
        .filter(|(blob, _)| !needed.contains_key(*blob));
    plan.freed_bytes = freed.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
    plan.kept.sort();
    plan.warnings.sort();
    Ok(plan)
}

/// The items by their names, which must differ.
fn unique<'a, T>(
    what: &'static str,
    items: &'a [T],
    name: impl Fn(&'a T) -> &'a String,
) -> Result<BTreeMap<&'a str, &'a T>, InvalidInput> {
    let mut all = BTreeMap::new();
    for item in items {
        let name = name(item).as_str();
        if all.insert(name, item).is_some() {
            return Err(InvalidInput::new(what, name, "is twice in the inventory"));
        }
    }
    Ok(all)
}

/// The images of a repository, looked at from both sides.
struct Images<'a> {
    tags: BTreeMap<&'a str, &'a TagRecord>,
    manifests: BTreeMap<&'a str, &'a ManifestRecord>,
    tags_of: BTreeMap<&'a str, Vec<&'a str>>,
    parts: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Images<'a> {
    fn of(repository: &'a RepositoryInventory) -> Result<Self, InvalidInput> {
        let tags = unique("tag", &repository.tags, |tag| &tag.tag)?;
        let manifests = unique("manifest", &repository.manifests, |manifest| {
            &manifest.digest
        })?;
        let mut tags_of = BTreeMap::<_, Vec<_>>::new();
        for (tag, record) in &tags {
            if let Some(digest) = &record.digest {
                tags_of.entry(digest.as_str()).or_default().push(*tag);
            }
        }
        let parts = repository.parts.iter().flatten().map(|(index, parts)| {
            let parts = parts.iter().map(String::as_str).collect();
            (index.as_str(), parts)
        });
        Ok(Self {
            tags,
            manifests,
            tags_of,
            parts: parts.collect(),
        })
    }

    fn tags_of(&self, digest: &str) -> &[&'a str] {
        self.tags_of.get(digest).map_or(&[], Vec::as_slice)
    }
}

/// What stays in a repository, and why; all else goes.
#[derive(Default)]
struct Verdict<'a> {
    kept_tags: BTreeMap<&'a str, KeepReason>,
    kept_manifests: BTreeMap<&'a str, KeepReason>,
}

impl<'a> Verdict<'a> {
    fn of(rule: Option<&RetentionRule>, images: &Images<'a>, now: DateTime<Utc>) -> Self {
        let mut verdict = Self::default();
        let Some(rule) = rule else {
            let no_rule = |name: &&'a str| (*name, KeepReason::NoRule);
            verdict.kept_tags = images.tags.keys().map(no_rule).collect();
            verdict.kept_manifests = images.manifests.keys().map(no_rule).collect();
            return verdict;
        };
        verdict.keep_protected(rule, images);
        verdict.keep_new(rule, images, now);
        verdict.keep_manifests(rule, images, now);
        verdict.keep_parts(images);
        verdict
    }

    fn keep_protected(&mut self, rule: &RetentionRule, images: &Images<'a>) {
        for tag in images.tags.keys() {
            if let Some(pattern) = rule.protection(tag) {
                self.kept_tags.insert(tag, KeepReason::Protected(pattern));
            }
        }
        let protected: Vec<_> = self.kept_tags.keys().copied().collect();
        for tag in protected {
            let digest = images.tags[tag].digest.as_deref().unwrap_or_default();
            for sibling in images.tags_of(digest) {
                let reason = KeepReason::SameImageAs(tag.to_owned());
                self.kept_tags.entry(sibling).or_insert(reason);
            }
        }
    }

    /// Of the tags that may go, those that are new, by number or by age.
    fn keep_new(&mut self, rule: &RetentionRule, images: &Images<'a>, now: DateTime<Utc>) {
        let mut candidates = Vec::new();
        for (tag, record) in &images.tags {
            if self.kept_tags.contains_key(tag) {
                continue;
            }
            if rule.may_delete(tag) {
                candidates.push((*tag, record.updated_at));
            } else {
                self.kept_tags.insert(tag, KeepReason::NotNamed);
            }
        }
        // What has no time counts as new; of what was pushed at the same time the first by name.
        candidates.sort_by(|(a, a_time), (b, b_time)| {
            let unknown_first = |time: &Option<DateTime<Utc>>| time.is_some();
            (unknown_first(a_time), b_time, a).cmp(&(unknown_first(b_time), a_time, b))
        });
        for (place, (tag, time)) in (1..).zip(candidates) {
            let reason = if rule.keep_newest.is_some_and(|most| place <= most) {
                Some(KeepReason::Newest(place))
            } else {
                rule.older_than.and_then(|age| young(time, age, now))
            };
            if let Some(reason) = reason {
                self.kept_tags.insert(tag, reason);
            }
        }
    }

    fn keep_manifests(&mut self, rule: &RetentionRule, images: &Images<'a>, now: DateTime<Utc>) {
        for (digest, manifest) in &images.manifests {
            let mut tags = images.tags_of(digest).iter();
            let reason = if let Some(tag) = tags.find(|tag| self.kept_tags.contains_key(*tag)) {
                Some(KeepReason::TaggedAs((*tag).to_owned()))
            } else if !rule.delete_untagged {
                Some(KeepReason::UntaggedNotAsked)
            } else {
                let grace = Age::from_duration(GRACE.to_std().unwrap_or_default());
                let age = rule.older_than.unwrap_or(grace).max(grace);
                young(manifest.updated_at, age, now)
            };
            if let Some(reason) = reason {
                self.kept_manifests.insert(digest, reason);
            }
        }
    }

    /// The parts of what stays, and their parts.
    fn keep_parts(&mut self, images: &Images<'a>) {
        let mut whole: Vec<_> = self.kept_manifests.keys().copied().collect();
        // A tag that stays may lead to a manifest that the list of manifests doesn't have yet.
        let tagged = self
            .kept_tags
            .keys()
            .filter_map(|tag| images.tags[tag].digest.as_deref());
        whole.extend(tagged);
        let mut seen = BTreeSet::new();
        while let Some(index) = whole.pop() {
            if !seen.insert(index) {
                continue;
            }
            for part in images.parts.get(index).into_iter().flatten() {
                if images.manifests.contains_key(part) {
                    let reason = KeepReason::PartOf(index.to_owned());
                    self.kept_manifests.entry(part).or_insert(reason);
                }
                whole.push(part);
            }
        }
    }

    /// Whether blobs of a manifest are needed after the plan and a garbage collection of untagged manifests.
    fn leaves_something(&self, digest: &str, images: &Images<'a>) -> bool {
        match self.kept_manifests.get(digest) {
            None => false,
            // It loses all its tags by this plan: the garbage collection takes it.
            Some(KeepReason::UntaggedNotAsked) => images.tags_of(digest).is_empty(),
            Some(_) => true,
        }
    }

    fn write(
        &self,
        repository: &RepositoryInventory,
        images: &Images<'a>,
        plan: &mut RetentionPlan,
    ) {
        let name = &repository.name;
        let size = |digest: &str| images.manifests.get(digest)?.size_bytes;
        let begin = plan.deletions.len();
        for (tag, record) in &images.tags {
            let subject = Subject::Tag((*tag).to_owned());
            match self.kept_tags.get(tag) {
                Some(reason) => plan.kept.push(kept(name, subject, reason)),
                None => plan.deletions.push(Deletion {
                    repository: name.clone(),
                    subject,
                    digest: record.digest.clone(),
                    updated_at: record.updated_at,
                    size_bytes: record.digest.as_deref().and_then(size),
                }),
            }
        }
        let mut going = Vec::new();
        for (digest, manifest) in &images.manifests {
            let subject = Subject::Manifest((*digest).to_owned());
            match self.kept_manifests.get(digest) {
                Some(reason) => plan.kept.push(kept(name, subject, reason)),
                None => going.push(Deletion {
                    repository: name.clone(),
                    subject,
                    digest: Some(manifest.digest.clone()),
                    updated_at: manifest.updated_at,
                    size_bytes: manifest.size_bytes,
                }),
            }
        }
        // An index before its parts: should the work stop between them, no index is left without its parts.
        going.sort_by_key(|deletion| {
            let digest = deletion.digest.as_deref().unwrap_or_default();
            !images.parts.contains_key(digest)
        });
        if !going.is_empty() && repository.parts.is_none() {
            plan.warnings.push(PlanWarning::PartsUnknown(name.clone()));
        }
        let loses_its_tags = |(digest, reason): (&&str, &KeepReason)| {
            *reason == KeepReason::UntaggedNotAsked && !images.tags_of(digest).is_empty()
        };
        if self.kept_manifests.iter().any(loses_its_tags) {
            plan.warnings.push(PlanWarning::ManifestsStay(name.clone()));
        }
        plan.deletions.append(&mut going);
        if plan.deletions.len() > begin {
            let pushes = images
                .manifests
                .values()
                .map(|manifest| manifest.updated_at);
            let pushes = pushes.chain(images.tags.values().map(|tag| tag.updated_at));
            plan.last_pushes
                .insert(name.clone(), pushes.max().flatten());
        }
    }
}

fn kept(repository: &str, subject: Subject, reason: &KeepReason) -> Kept {
    Kept {
        repository: repository.to_owned(),
        subject,
        reason: reason.clone(),
    }
}

/// Why something is too young to go, if it is.
fn young(time: Option<DateTime<Utc>>, age: Age, now: DateTime<Utc>) -> Option<KeepReason> {
    let Some(time) = time else {
        return Some(KeepReason::UnknownAge);
    };
    let limit = TimeDelta::from_std(age.as_duration()).unwrap_or(TimeDelta::MAX);
    (now - time <= limit).then_some(KeepReason::YoungerThan(age))
}
