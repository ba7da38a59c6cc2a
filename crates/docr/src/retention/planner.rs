//! From a policy and an inventory to a plan. Pure: no I/O, no clock, no order of its input.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    images::{Homes, Images, unique},
    in_use::InUseImages,
    inventory::RegistryInventory,
    plan::{PlanWarning, RetentionPlan},
    policy::RetentionPolicy,
    scene::{Reading, Scene},
    warnings,
};
use crate::error::InvalidInput;

impl RetentionPlan {
    /// Makes a plan. Does no I/O; the order within the inventory doesn't matter.
    ///
    /// # Errors
    ///
    /// When a repository, tag or manifest appears twice in the inventory, or the policy is not valid
    /// ([`RetentionPolicy::check`]).
    pub fn compute(
        policy: &RetentionPolicy,
        inventory: &RegistryInventory,
    ) -> Result<Self, InvalidInput> {
        policy.check()?;
        let mut plan = Self::empty(&inventory.registry, inventory.read_at);
        plan.api.clone_from(&inventory.api);
        plan.max_delete = policy.max_delete;
        let mut in_use = InUseImages::of(&policy.in_use, &inventory.registry)?;
        let repositories = unique("repository", &inventory.repositories, |repository| {
            &repository.name
        })?;
        let homes = Homes::of(repositories.values().copied());
        let (mut needed, mut unneeded) = (BTreeMap::new(), BTreeMap::new());
        let mut protecting = BTreeMap::new();
        for repository in repositories.values() {
            let images = Images::of(repository)?;
            let scene = Scene::new(policy, repository, &images, &homes, inventory.read_at);
            let decision = scene.decide(&mut in_use, Reading::AsIs);
            for rule in &scene.rules {
                for pattern in &rule.protect_tags {
                    let matches = images.tags.keys().any(|tag| pattern.matches(tag));
                    let known = protecting.entry(pattern.as_str());
                    known.or_insert((pattern, false)).1 |= matches;
                }
            }
            for (digest, manifest) in &images.manifests {
                let blobs = match decision.manifests_go.contains_key(digest) {
                    true => &mut unneeded,
                    false => &mut needed,
                };
                let here = manifest.record.blobs.iter();
                blobs.extend(here.map(|(blob, bytes)| (blob.as_str(), *bytes)));
            }
            if !scene.rules.is_empty() {
                plan.warnings
                    .extend(warnings::of(repository, &images, &decision));
                let roots = images
                    .manifests
                    .values()
                    .filter(|manifest| manifest.is_root() || manifest.is_orphan());
                plan.images += roots.count() as u64;
            }
            decision.write(repository, &images, &mut plan);
        }
        let freed = unneeded
            .iter()
            .filter(|(blob, _)| !needed.contains_key(*blob));
        plan.freed_bytes = freed.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let idle = protecting.into_values().filter(|(_, matches)| !matches);
        plan.warnings
            .extend(idle.map(|(pattern, _)| PlanWarning::ProtectsNothing(pattern.clone())));
        let unresolved = in_use.unresolved();
        plan.warnings
            .extend(unresolved.map(PlanWarning::InUseNotFound));
        plan.finish();
        Ok(plan)
    }
}

/// The repositories from which something might go if no manifest had to do with another one: the documents of their
/// manifests have to be read.
pub(super) fn candidates(
    policy: &RetentionPolicy,
    inventory: &RegistryInventory,
) -> BTreeSet<String> {
    let homes = Homes::of(inventory.repositories.iter());
    let mut names = BTreeSet::new();
    for repository in &inventory.repositories {
        let Ok(images) = Images::of(repository) else {
            continue;
        };
        let scene = Scene::new(policy, repository, &images, &homes, inventory.read_at);
        let decision = scene.decide(&mut InUseImages::default(), Reading::TakenForDone);
        if decision.deletes_anything() {
            names.insert(repository.name.clone());
        }
    }
    names
}
