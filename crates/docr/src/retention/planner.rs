//! From a policy and an inventory to a plan. Pure: no I/O, no clock, no order of its input.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// When a repository, tag or manifest appears twice in the inventory, a repository was not read that a rule is for, or
    /// the policy is not valid ([`RetentionPolicy::check`]).
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
        let mut unread = repositories
            .values()
            .filter(|repository| repository.is_unread);
        let names = unread.clone().map(|repository| repository.name.clone());
        plan.unread_repositories.extend(names);
        if let Some(missing) = unread.find(|repository| policy.concerns(&repository.name)) {
            let rule = "was not read, and a rule is for it; read the inventory for this policy";
            return Err(InvalidInput::new("repository", missing.name.as_str(), rule));
        }
        let homes = Homes::of(repositories.values().copied());
        let mut unneeded = HashMap::new();
        let mut stay = Vec::new();
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
                match decision.manifests_go.contains_key(digest) {
                    true => unneeded.extend(&manifest.record.blobs),
                    false => stay.push(manifest.record),
                }
            }
            if decision.deletes_all() {
                plan.whole_repositories.insert(repository.name.clone());
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
        for blob in stay.iter().flat_map(|manifest| manifest.blobs.keys()) {
            unneeded.remove(blob);
        }
        let freed = unneeded.values();
        plan.freed_bytes = freed.fold(0, |sum, bytes| sum.saturating_add(**bytes));
        plan.is_freed_at_most = !plan.unread_repositories.is_empty() && plan.freed_bytes > 0;
        drop((unneeded, stay));
        let idle = protecting.into_values().filter(|(_, matches)| !matches);
        plan.warnings
            .extend(idle.map(|(pattern, _)| PlanWarning::ProtectsNothing(pattern.clone())));
        let unresolved = in_use.unresolved(&plan.unread_repositories);
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
