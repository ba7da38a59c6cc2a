//! From a policy and an inventory to a plan. Pure: no I/O, no clock, and the order of the input doesn't matter.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    homes::Homes,
    images::{Images, unique},
    in_use::InUseImages,
    inventory::{ManifestRecord, RegistryInventory},
    plan::{PlanWarning, RetentionPlan},
    policy::RetentionPolicy,
    scene::{Reading, Scene},
    shared_string::SharedString,
    warnings,
};
use crate::error::InvalidInput;

impl RetentionPlan {
    /// Computes a plan. Does no I/O; the order within the inventory doesn't matter.
    ///
    /// # Errors
    ///
    /// If a repository, tag or manifest appears twice in the inventory, a repository that a rule applies to was not read, or
    /// the policy is invalid ([`RetentionPolicy::check`]).
    ///
    /// See the [example](RetentionPlan).
    pub fn compute(
        policy: &RetentionPolicy,
        inventory: &RegistryInventory,
    ) -> Result<Self, InvalidInput> {
        policy.check()?;
        let mut plan = Self::empty(&inventory.registry, inventory.read_at);
        plan.api.clone_from(&inventory.api);
        plan.max_delete = policy.max_delete;
        let mut in_use = InUseImages::of(&policy.in_use, &inventory.registry)?;
        let repositories = unique("repository", &inventory.repositories, |it| &it.name)?;
        let repositories = repositories.into_iter();
        let repositories: Vec<_> = repositories
            .map(|place| &inventory.repositories[place as usize])
            .collect();
        let mut unread = repositories
            .iter()
            .filter(|repository| repository.is_unread);
        let names = unread.clone().map(|repository| repository.name.clone());
        plan.unread_repositories.extend(names);
        if let Some(missing) = unread.find(|repository| policy.concerns(&repository.name)) {
            let rule = "was not read, and a rule applies to it; read the inventory for this policy";
            return Err(InvalidInput::new("repository", missing.name.as_str(), rule));
        }
        let homes = Homes::of(repositories.iter().copied());
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        let mut protecting = BTreeMap::new();
        for repository in repositories {
            let images = Images::of(repository)?;
            let scene = Scene::new(policy, repository, &images, &homes, inventory.read_at);
            let decision = scene.decide(&mut in_use, Reading::AsIs);
            for rule in &scene.rules {
                for pattern in &rule.protect_tags {
                    let known = protecting.entry(pattern.as_str());
                    let (_, matches) = known.or_insert((pattern, false));
                    *matches = *matches || images.names().any(|tag| pattern.matches(tag));
                }
            }
            for manifest in images.manifests() {
                let record = images.record(manifest);
                match decision.goes(manifest) {
                    true => going.push(record),
                    false => staying.push(record),
                }
            }
            if decision.deletes_all() {
                plan.whole_repositories.insert(repository.name.clone());
            }
            if !scene.rules.is_empty() {
                let warnings = warnings::of(repository, &images, &decision);
                plan.warnings.extend(warnings);
                let manifests = images.manifests();
                let roots = manifests.filter(|it| images.is_root(*it) || images.is_orphan(*it));
                plan.images += roots.count() as u64;
            }
            decision.write(repository, &images, &mut plan);
        }
        plan.freed_bytes = freed_bytes(&going, &staying);
        plan.is_freed_at_most = !plan.unread_repositories.is_empty() && plan.freed_bytes > 0;
        drop((going, staying));
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

/// The bytes of the blobs that only deleted manifests need.
fn freed_bytes(going: &[&ManifestRecord], staying: &[&ManifestRecord]) -> u64 {
    let blobs = going.iter().flat_map(|manifest| &manifest.blobs);
    let mut unneeded: HashMap<_, _> = blobs.collect();
    for blob in staying.iter().flat_map(|manifest| manifest.blobs.keys()) {
        unneeded.remove(blob);
    }
    let bytes = unneeded.into_values();
    bytes.fold(0, |sum, bytes| sum.saturating_add(*bytes))
}

/// The repositories from which something would be deleted if manifests were independent: their documents must be read.
pub(super) fn candidates(
    policy: &RetentionPolicy,
    inventory: &RegistryInventory,
) -> BTreeSet<SharedString> {
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
