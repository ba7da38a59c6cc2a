//! What goes in one repository, and what stays: the rules, one after the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    age::Age,
    choice::Choice,
    decision::Decision,
    images::{Homes, Images, Manifest},
    in_use::InUseImages,
    inventory::{ManifestContent, RepositoryInventory},
    pattern::NamePattern,
    policy::{RetentionPolicy, RetentionRule},
    reason::{GoReason, KeepReason, young},
};
use crate::names::RepositoryName;

/// What has no tag and is younger may be part of a push that is under way, whatever the policy says.
const GRACE: Age = Age::from_hours(1);

/// How a document is taken that nobody has read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As one of which nothing is known.
    AsIs,
    /// As one that names no other manifest.
    TakenForDone,
}

/// One repository, with the rules that are for it.
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

    pub(super) fn decide(&self, in_use: &mut InUseImages<'a>, reading: Reading) -> Decision<'a> {
        // References are resolved wherever they lead, so that none is reported as leading nowhere.
        let used = in_use.here(&self.repository.name, self.images);
        let mut decision = Decision::default();
        if self.rules.is_empty() {
            decision.keep_all(self.images, &KeepReason::NoRule);
            return decision;
        }
        let is_addressable = RepositoryName::new(self.repository.name.as_str()).is_ok();
        if self.repository.is_in_doubt || !is_addressable {
            decision.keep_all(self.images, &KeepReason::InDoubt);
            return decision;
        }
        self.pin(&used, &mut decision);
        let (mut going, choices) = self.roots_that_go(&mut decision);
        let manifests_stay = self.why_manifests_stay(reading);
        let least = self.policy.min_age.max(GRACE);
        let with_young = self
            .images
            .owners_of(|part| young(part.last_push, least, self.now));
        going.retain(|digest, image| {
            let manifest = &self.images.manifests[digest];
            let age = image.age.max(self.policy.min_age);
            let own = young(manifest.last_push, age, self.now);
            let reason = own.or_else(|| with_young.get(digest).cloned());
            if let Some(reason) = &reason {
                decision.pin(digest, manifest, reason.clone());
            }
            reason.is_none()
        });
        self.carry_out(going, &choices, manifests_stay, &mut decision);
        decision.keep_the_rest(self.images);
        decision
    }

    /// What stays whatever the rules say of age and number.
    fn pin(&self, used: &BTreeMap<&'a str, String>, decision: &mut Decision<'a>) {
        for (digest, manifest) in &self.images.manifests {
            let protection = manifest
                .tags
                .iter()
                .find(|tag| self.protection(tag).is_some());
            let unknown = match &manifest.record.content {
                ManifestContent::Read(document) => !document.is_understood,
                ManifestContent::Unreadable(_) => true,
                ManifestContent::Unread => false,
            };
            let reason = if let Some(tag) = protection {
                for sibling in &manifest.tags {
                    let same = || KeepReason::SameImageAs((*tag).to_owned());
                    let own = self.protection(sibling).unwrap_or_else(same);
                    decision.tags_stay.insert(sibling, own);
                }
                KeepReason::TaggedAs((*tag).to_owned())
            } else if let Some(reference) = used.get(digest) {
                KeepReason::InUse(reference.clone())
            } else if !self.images.is_agreed(manifest) {
                KeepReason::InDoubt
            } else if !Images::is_addressable(digest, manifest) || unknown {
                KeepReason::NotUnderstood
            } else {
                continue;
            };
            decision.pin(digest, manifest, reason);
        }
    }

    fn protection(&self, tag: &str) -> Option<KeepReason> {
        if tag == "latest" {
            return Some(KeepReason::Protected(NamePattern::literal("latest")));
        }
        let pattern = self.rules.iter().find_map(|rule| rule.protection(tag))?;
        Some(KeepReason::Protected(pattern.clone()))
    }

    /// The images that go by their own right, each with the reason; those that stay get theirs. And what the rules made
    /// of them.
    fn roots_that_go(
        &self,
        decision: &mut Decision<'a>,
    ) -> (BTreeMap<&'a str, Going<'a>>, Vec<Choice<'s, 'a>>) {
        let mut going = BTreeMap::new();
        let mut owned = BTreeMap::<usize, Vec<&'a str>>::new();
        for (digest, manifest) in &self.images.manifests {
            if decision.stays(digest) || !(manifest.is_root() || manifest.is_orphan()) {
                continue;
            }
            if manifest.is_orphan() {
                if let Some(reason) = self.homes.reason_to_keep(manifest) {
                    decision.pin(digest, manifest, reason);
                    continue;
                }
                match self.rules.iter().find(|rule| rule.delete_orphans) {
                    Some(_)
                        if manifest
                            .tags
                            .iter()
                            .all(|tag| self.images.tags[tag].is_about) =>
                    {
                        going.insert(*digest, Going::whole(GoReason::Orphan, GRACE));
                    }
                    _ => decision.pin(digest, manifest, KeepReason::OrphanNotAsked),
                }
            } else if manifest.tags.is_empty() {
                match self.rules.iter().find(|rule| rule.takes_untagged()) {
                    Some(rule) => {
                        let age = rule
                            .untagged_older_than
                            .or(rule.older_than)
                            .unwrap_or_default();
                        going.insert(*digest, Going::whole(GoReason::Untagged, age.max(GRACE)));
                    }
                    None => decision.pin(digest, manifest, KeepReason::UntaggedNotAsked),
                }
            } else {
                match self.owner(&manifest.tags) {
                    Some(rule) => owned.entry(rule).or_default().push(digest),
                    None => decision.pin(digest, manifest, KeepReason::NotNamed),
                }
            }
        }
        let choices = self.choices(&owned);
        for (rule, digests) in owned {
            self.choose(&choices[rule], digests, decision, &mut going);
        }
        (going, choices)
    }

    /// The rule that owns an image with these tags, by its place.
    fn owner(&self, tags: &[&'a str]) -> Option<usize> {
        let mut rules = self.rules.iter();
        rules.position(|rule| tags.iter().any(|tag| rule.names(tag)))
    }

    /// What the rules make of the images, each by its place.
    fn choices(&self, roots: &BTreeMap<usize, Vec<&'a str>>) -> Vec<Choice<'s, 'a>> {
        let mut parts = BTreeMap::<usize, Vec<&'a str>>::new();
        for (digest, manifest) in &self.images.manifests {
            if let Some(rule) = self.owner(&self.own_tags(manifest))
                && !manifest.owners.is_empty()
            {
                parts.entry(rule).or_default().push(digest);
            }
        }
        let of =
            |all: &BTreeMap<usize, Vec<&'a str>>, rule| all.get(&rule).cloned().unwrap_or_default();
        let rules = self.rules.iter().enumerate();
        rules
            .map(|(place, rule)| {
                Choice::new(rule, self.images, of(roots, place), of(&parts, place))
            })
            .collect()
    }

    /// Of the images that a rule owns, those that it lets go; the others are kept.
    fn choose(
        &self,
        choice: &Choice<'s, 'a>,
        digests: Vec<&'a str>,
        decision: &mut Decision<'a>,
        going: &mut BTreeMap<&'a str, Going<'a>>,
    ) {
        for digest in digests {
            let manifest = &self.images.manifests[digest];
            if let Some(reason) = choice.reason_to_keep(digest, self.now) {
                decision.pin(digest, manifest, reason);
                continue;
            }
            let rule = choice.rule;
            let named = manifest.tags.iter().copied().filter(|tag| rule.names(tag));
            let named: Vec<_> = named.collect();
            let reason = match (rule.keep_newest, rule.older_than) {
                (Some(most), _) => GoReason::BeyondNewest(most),
                (None, Some(age)) => GoReason::OlderThan(age),
                (None, None) if rule.keep_versions.is_some() => GoReason::OldVersion,
                (None, None) => GoReason::Named,
            };
            let tags = (named.len() < manifest.tags.len()).then_some(named);
            let age = rule.older_than.unwrap_or_default();
            going.insert(digest, Going { reason, age, tags });
        }
    }

    /// Why no manifest of this repository goes, only tags.
    fn why_manifests_stay(&self, reading: Reading) -> Option<KeepReason> {
        if self.policy.tags_only {
            return Some(KeepReason::TagsOnly);
        }
        let mut led_to = self.images.tags.values().flat_map(|place| &place.digests);
        if led_to.any(|digest| !self.images.manifests.contains_key(digest)) {
            return Some(KeepReason::Unread);
        }
        let mut contents = self
            .images
            .manifests
            .iter()
            .map(|(digest, manifest)| (digest, &manifest.record.content));
        contents.find_map(|(digest, content)| match content {
            ManifestContent::Read(_) => None,
            // Each manifest may be part of it.
            ManifestContent::Unreadable(_) => Some(KeepReason::MaybePartOf((*digest).to_owned())),
            ManifestContent::Unread if reading == Reading::TakenForDone => None,
            ManifestContent::Unread => Some(KeepReason::Unread),
        })
    }

    /// Lets images go, with all that belongs to them alone.
    fn carry_out(
        &self,
        going: BTreeMap<&'a str, Going<'a>>,
        choices: &[Choice<'s, 'a>],
        manifests_stay: Option<KeepReason>,
        decision: &mut Decision<'a>,
    ) {
        for (digest, image) in &going {
            let manifest = &self.images.manifests[digest];
            match (&manifests_stay, &image.tags) {
                (None, None) => decision.let_go(digest, manifest, &image.reason, digest),
                (_, Some(tags)) => {
                    decision.untag(tags, &image.reason);
                    let tags_of_it = manifest.tags.iter().copied();
                    let others = tags_of_it.filter(|tag| tags.binary_search(tag).is_err());
                    decision
                        .tags_stay
                        .extend(others.map(|tag| (tag, KeepReason::NotNamed)));
                }
                // What is about an image goes after it, so it stays with its tags.
                (Some(reason), None) if manifest.is_about() => {
                    decision.pin(digest, manifest, reason.clone())
                }
                (Some(reason), None) => {
                    decision.untag(&manifest.tags, &image.reason);
                    decision.manifests_stay.insert(digest, reason.clone());
                }
            }
        }
        // A manifest goes when all go to which it belongs, and it may.
        let mut todo: Vec<_> = decision.manifests_go.keys().copied().collect();
        let mut owners_going = BTreeMap::<&str, usize>::new();
        for digest in &todo {
            self.count_owner(digest, &mut owners_going);
        }
        while let Some(digest) = todo.pop() {
            let image = decision.image_of(digest);
            for part in &self.images.manifests[digest].belongings {
                let manifest = &self.images.manifests[part];
                if decision.stays(part)
                    || decision.manifests_go.contains_key(part)
                    || owners_going[part] < manifest.owners.len()
                {
                    continue;
                }
                if let Some(reason) = self.own_right_to_stay(manifest, choices) {
                    decision.pin(part, manifest, reason);
                    continue;
                }
                let reason = GoReason::WithImage(image.to_owned());
                decision.let_go(part, manifest, &reason, image);
                self.count_owner(part, &mut owners_going);
                todo.push(part);
            }
        }
    }

    /// Counts for all that belongs to a manifest that one more of those goes to which it belongs.
    fn count_owner(&self, owner: &str, going: &mut BTreeMap<&'a str, usize>) {
        for part in &self.images.manifests[owner].belongings {
            *going.entry(part).or_default() += 1;
        }
    }

    /// Why something that belongs to an image which goes stays all the same: a tag of its own that no rule names, or
    /// a rule that would keep it were it an image of its own.
    fn own_right_to_stay(
        &self,
        manifest: &Manifest<'a>,
        choices: &[Choice<'s, 'a>],
    ) -> Option<KeepReason> {
        let own = self.own_tags(manifest);
        if own.is_empty() {
            return None;
        }
        let choice = self.owner(&own).map(|rule| &choices[rule]);
        match choice.filter(|choice| own.iter().all(|tag| choice.rule.names(tag))) {
            Some(choice) => choice.reason_to_keep(&manifest.record.digest, self.now),
            None => Some(KeepReason::NotNamed),
        }
    }

    /// The tags of a manifest but for those that say what it is about.
    fn own_tags(&self, manifest: &Manifest<'a>) -> Vec<&'a str> {
        let tags = manifest.tags.iter().copied();
        tags.filter(|tag| !self.images.tags[tag].is_about).collect()
    }
}

/// An image that goes.
struct Going<'a> {
    reason: GoReason,
    /// How old it must be.
    age: Age,
    /// The tags that go, in order, if others stay.
    tags: Option<Vec<&'a str>>,
}

impl Going<'_> {
    fn whole(reason: GoReason, age: Age) -> Self {
        Self {
            reason,
            age,
            tags: None,
        }
    }
}
