//! What the rules decide on one repository.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    age::Age,
    choice::Choice,
    decision::Decision,
    homes::Homes,
    images::{Images, ManifestId, TagId},
    in_use::InUseImages,
    inventory::{ManifestContent, RepositoryInventory},
    pattern::NamePattern,
    policy::{RetentionPolicy, RetentionRule},
    reason::{GoReason, KeepReason, young},
    shared_string::SharedString,
};
use crate::names::RepositoryName;

/// Anything untagged and younger may be part of a push in progress, whatever the policy says.
const GRACE: Age = Age::from_hours(1);

/// How an unread document is treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As unknown.
    AsIs,
    /// As naming no other manifest.
    TakenForDone,
}

/// One repository, with the rules that apply to it.
pub(super) struct Scene<'s, 'a> {
    policy: &'a RetentionPolicy,
    repository: &'a RepositoryInventory,
    images: &'s Images<'a>,
    homes: &'s Homes<'a>,
    now: DateTime<Utc>,
    pub(super) rules: Vec<&'a RetentionRule>,
}

impl<'s, 'a> Scene<'s, 'a> {
    pub(super) fn new(
        policy: &'a RetentionPolicy,
        repository: &'a RepositoryInventory,
        images: &'s Images<'a>,
        homes: &'s Homes<'a>,
        now: DateTime<Utc>,
    ) -> Self {
        let rules = policy
            .rules
            .iter()
            .filter(|rule| rule.is_for(&repository.name));
        Self {
            policy,
            repository,
            images,
            homes,
            now,
            rules: rules.collect(),
        }
    }

    pub(super) fn decide(&self, in_use: &mut InUseImages<'a>, reading: Reading) -> Decision {
        // References are resolved in all repositories, so that none is falsely reported as not found.
        let used = in_use.here(&self.repository.name, self.images);
        let mut decision = Decision::new(self.images);
        if self.rules.is_empty() {
            decision.keep_all(&KeepReason::NoRule);
            return decision;
        }
        let is_addressable = RepositoryName::new(self.repository.name.as_str()).is_ok();
        if self.repository.is_in_doubt || !is_addressable {
            decision.keep_all(&KeepReason::InDoubt);
            return decision;
        }
        self.pin(&used, &mut decision);
        let (mut going, choices) = self.roots_that_go(&mut decision);
        let manifests_stay = self.why_manifests_stay(reading);
        let least = self.policy.min_age.max(GRACE);
        let with_young = self
            .images
            .owners_of(|part| young(self.images.last_push(part), least, self.now));
        going.retain(|image| {
            let age = image.age.max(self.policy.min_age);
            let own = young(self.images.last_push(image.manifest), age, self.now);
            let reason = own.or_else(|| with_young.get(&image.manifest).cloned());
            if let Some(reason) = &reason {
                decision.pin(self.images, image.manifest, reason.clone());
            }
            reason.is_none()
        });
        self.carry_out(going, &choices, manifests_stay, &mut decision);
        decision.keep_the_rest(self.images);
        decision
    }

    /// Keeps what must be kept whatever the rules say of age and number.
    fn pin(&self, used: &BTreeMap<ManifestId, SharedString>, decision: &mut Decision) {
        for manifest in self.images.manifests() {
            let tags = self.images.tags_of(manifest);
            let protected = tags.iter().find(|tag| self.protection(**tag).is_some());
            let unknown = match &self.images.record(manifest).content {
                ManifestContent::Read(document) => !document.is_understood,
                ManifestContent::Unreadable(_) => true,
                ManifestContent::Unread => false,
            };
            let reason = if let Some(tag) = protected {
                let name = self.images.name(*tag);
                for sibling in tags {
                    let same = || KeepReason::SameImageAs(name.clone());
                    let own = self.protection(*sibling).unwrap_or_else(same);
                    decision.keep_tag(*sibling, own);
                }
                KeepReason::TaggedAs(name.clone())
            } else if let Some(reference) = used.get(&manifest) {
                KeepReason::InUse(reference.clone())
            } else if !self.images.is_agreed(manifest) {
                KeepReason::InDoubt
            } else if !self.images.is_addressable(manifest) || unknown {
                KeepReason::NotUnderstood
            } else {
                continue;
            };
            decision.pin(self.images, manifest, reason);
        }
    }

    fn protection(&self, tag: TagId) -> Option<KeepReason> {
        let name = self.images.name(tag);
        if name == "latest" {
            return Some(KeepReason::Protected(NamePattern::literal("latest")));
        }
        let pattern = self.rules.iter().find_map(|rule| rule.protection(name))?;
        Some(KeepReason::Protected(pattern.clone()))
    }

    /// The images to delete in their own right, and the choices of the rules. The others are kept, with the reason.
    fn roots_that_go(&self, decision: &mut Decision) -> (Vec<Going>, Vec<Choice<'s, 'a>>) {
        let images = self.images;
        let mut going = Vec::new();
        let mut owned = BTreeMap::<usize, Vec<ManifestId>>::new();
        for manifest in images.manifests() {
            let (is_root, is_orphan) = (images.is_root(manifest), images.is_orphan(manifest));
            if decision.stays(manifest) || !(is_root || is_orphan) {
                continue;
            }
            let tags = images.tags_of(manifest);
            let mut keep = |reason| decision.pin(images, manifest, reason);
            if is_orphan {
                if let Some(reason) = self.homes.reason_to_keep(images.subjects(manifest)) {
                    keep(reason);
                    continue;
                }
                let is_asked_for = self.rules.iter().any(|rule| rule.delete_orphans);
                match is_asked_for && tags.iter().all(|tag| images.says_subject(*tag)) {
                    true => going.push(Going::whole(manifest, GoReason::Orphan, GRACE)),
                    false => keep(KeepReason::OrphanNotAsked),
                }
            } else if tags.is_empty() {
                match self.rules.iter().find(|rule| rule.takes_untagged()) {
                    Some(rule) => {
                        let age = rule.untagged_older_than.or(rule.older_than);
                        let age = age.unwrap_or_default().max(GRACE);
                        going.push(Going::whole(manifest, GoReason::Untagged, age));
                    }
                    None => keep(KeepReason::UntaggedNotAsked),
                }
            } else {
                match self.owner(tags.iter().copied()) {
                    Some(rule) => owned.entry(rule).or_default().push(manifest),
                    None => keep(KeepReason::NotNamed),
                }
            }
        }
        let choices = self.choices(&owned);
        for (rule, manifests) in owned {
            self.choose(&choices[rule], manifests, decision, &mut going);
        }
        going.sort_unstable_by_key(|image| image.manifest);
        (going, choices)
    }

    /// The rule that owns an image with these tags, by its place.
    fn owner(&self, tags: impl Iterator<Item = TagId> + Clone) -> Option<usize> {
        let mut rules = self.rules.iter();
        rules.position(|rule| tags.clone().any(|tag| rule.names(self.images.name(tag))))
    }

    /// The choice of each rule, by its place.
    fn choices(&self, roots: &BTreeMap<usize, Vec<ManifestId>>) -> Vec<Choice<'s, 'a>> {
        let mut parts = BTreeMap::<usize, Vec<ManifestId>>::new();
        for manifest in self.images.manifests() {
            if !self.images.owners(manifest).is_empty()
                && let Some(rule) = self.owner(self.own_tags(manifest))
            {
                parts.entry(rule).or_default().push(manifest);
            }
        }
        let rules = self.rules.iter().enumerate();
        let choices = rules.map(|(place, rule)| {
            let of = |all: &BTreeMap<usize, Vec<ManifestId>>| all.get(&place).cloned();
            let (roots, parts) = (of(roots), of(&parts));
            let (roots, parts) = (roots.unwrap_or_default(), parts.unwrap_or_default());
            Choice::new(rule, self.images, roots, parts)
        });
        choices.collect()
    }

    /// Of the images that a rule owns, those that it deletes; the others are kept.
    fn choose(
        &self,
        choice: &Choice<'s, 'a>,
        manifests: Vec<ManifestId>,
        decision: &mut Decision,
        going: &mut Vec<Going>,
    ) {
        going.reserve(manifests.len());
        for manifest in manifests {
            if let Some(reason) = choice.reason_to_keep(manifest, self.now) {
                decision.pin(self.images, manifest, reason);
                continue;
            }
            let rule = choice.rule;
            let tags = self.images.tags_of(manifest);
            let is_named = |tag: &&TagId| rule.names(self.images.name(**tag));
            let has_others = !tags.iter().all(|tag| is_named(&tag));
            let reason = match (rule.keep_newest, rule.older_than) {
                (Some(most), _) => GoReason::BeyondNewest(most),
                (None, Some(age)) => GoReason::OlderThan(age),
                (None, None) if rule.keep_versions.is_some() => GoReason::OldVersion,
                (None, None) => GoReason::Named,
            };
            let age = rule.older_than.unwrap_or_default();
            going.push(Going {
                tags: has_others.then(|| tags.iter().filter(is_named).copied().collect()),
                ..Going::whole(manifest, reason, age)
            });
        }
    }

    /// Why only tags of this repository are deleted, and no manifest.
    fn why_manifests_stay(&self, reading: Reading) -> Option<KeepReason> {
        if self.policy.tags_only {
            return Some(KeepReason::TagsOnly);
        }
        if self.images.has_missing_digests() {
            return Some(KeepReason::Unread);
        }
        let mut records = self.images.manifests().map(|it| self.images.record(it));
        records.find_map(|record| match &record.content {
            ManifestContent::Read(_) => None,
            // Each manifest may be part of it.
            ManifestContent::Unreadable(_) => Some(KeepReason::MaybePartOf(record.digest.clone())),
            ManifestContent::Unread if reading == Reading::TakenForDone => None,
            ManifestContent::Unread => Some(KeepReason::Unread),
        })
    }

    /// Deletes images, with all that belongs to them alone.
    fn carry_out(
        &self,
        going: Vec<Going>,
        choices: &[Choice<'s, 'a>],
        manifests_stay: Option<KeepReason>,
        decision: &mut Decision,
    ) {
        decision.reserve(going.len());
        for image in going {
            let Going {
                manifest, reason, ..
            } = image;
            let tags = self.images.tags_of(manifest);
            match (&manifests_stay, &image.tags) {
                (None, None) => {
                    let image = decision.begin(manifest, reason);
                    decision.delete(self.images, manifest, image);
                }
                (_, Some(named)) => {
                    let image = decision.begin(manifest, reason);
                    decision.untag(named, image);
                    let others = tags.iter().filter(|tag| named.binary_search(tag).is_err());
                    others.for_each(|tag| decision.keep_tag(*tag, KeepReason::NotNamed));
                }
                // A referrer is deleted after its image, so it is kept with its tags.
                (Some(reason), None) if self.images.is_about(manifest) => {
                    decision.pin(self.images, manifest, reason.clone());
                }
                (Some(why), None) => {
                    let image = decision.begin(manifest, reason);
                    decision.untag(tags, image);
                    decision.keep_manifest(manifest, why.clone());
                }
            }
        }
        self.delete_what_belongs(choices, decision);
    }

    /// Deletes the manifests whose owners are all deleted, unless they are kept in their own right.
    fn delete_what_belongs(&self, choices: &[Choice<'s, 'a>], decision: &mut Decision) {
        let mut todo = decision.manifests_going(self.images);
        let mut owners_going = BTreeMap::<ManifestId, usize>::new();
        for manifest in &todo {
            self.count_owner(*manifest, &mut owners_going);
        }
        while let Some(owner) = todo.pop() {
            let Some(image) = decision.image_of(owner) else {
                continue;
            };
            for part in self.images.belongings(owner).iter().copied() {
                let owners = self.images.owners(part).len();
                if decision.stays(part) || decision.goes(part) || owners_going[&part] < owners {
                    continue;
                }
                if let Some(reason) = self.own_right_to_stay(part, choices) {
                    decision.pin(self.images, part, reason);
                    continue;
                }
                decision.delete(self.images, part, image);
                self.count_owner(part, &mut owners_going);
                todo.push(part);
            }
        }
    }

    /// Counts one more deleted owner for everything that belongs to a manifest.
    fn count_owner(&self, owner: ManifestId, going: &mut BTreeMap<ManifestId, usize>) {
        for part in self.images.belongings(owner) {
            *going.entry(*part).or_default() += 1;
        }
    }

    /// Why something that belongs to a deleted image is kept all the same: for a tag of its own that no rule matches, or by a
    /// rule that would keep it if it were an image of its own.
    fn own_right_to_stay(
        &self,
        manifest: ManifestId,
        choices: &[Choice<'s, 'a>],
    ) -> Option<KeepReason> {
        let mut own = self.own_tags(manifest);
        own.clone().next()?;
        let choice = self.owner(own.clone()).map(|rule| &choices[rule]);
        match choice.filter(|choice| own.all(|tag| choice.rule.names(self.images.name(tag)))) {
            Some(choice) => choice.reason_to_keep(manifest, self.now),
            None => Some(KeepReason::NotNamed),
        }
    }

    /// The tags of a manifest except those that say what it refers to.
    fn own_tags(&self, manifest: ManifestId) -> impl Iterator<Item = TagId> + Clone {
        let tags = self.images.tags_of(manifest).iter().copied();
        tags.filter(|tag| !self.images.says_subject(*tag))
    }
}

/// An image to delete.
struct Going {
    manifest: ManifestId,
    reason: GoReason,
    /// How old it must be.
    age: Age,
    /// The tags to delete, in order, if others are kept.
    tags: Option<Vec<TagId>>,
}

impl Going {
    fn whole(manifest: ManifestId, reason: GoReason, age: Age) -> Self {
        Self {
            manifest,
            reason,
            age,
            tags: None,
        }
    }
}
