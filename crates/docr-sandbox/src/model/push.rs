//! Puts images into registries, within the limits of the tier.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::account::World;
use super::image::{Image, PushError, Pushed, is_repository, is_tag};

/// Stores an image and points its tags, and the given ones, to it. Either all is stored or nothing.
pub(crate) fn push(
    world: &mut World,
    registry: &str,
    image: &Image,
    tags: Vec<Arc<str>>,
    now: DateTime<Utc>,
) -> Result<Pushed, PushError> {
    world.settle(now);
    let (children, root) = image.manifests();
    let manifests = || children.iter().chain([&root]);
    check_names(
        &image.repository,
        manifests()
            .flat_map(|built| &built.tags)
            .map(String::as_str)
            .chain(tags.iter().map(|tag| &**tag)),
    )?;

    let (account, place) = world
        .find_registry(registry)
        .ok_or_else(|| PushError::UnknownRegistry(registry.to_owned()))?;
    let usage = account.usage();
    let tier = account.subscription.as_ref().map(|current| current.tier);
    let registry = &mut account.registries[place];
    if registry.active_run().is_some() {
        return Err(PushError::ReadOnly);
    }
    if let Some(tier) = tier {
        let is_new = registry.store.repository(&image.repository).is_none();
        if is_new && !tier.takes_repository(usage.repositories) {
            return Err(PushError::OverRepositoryLimit);
        }
        // What needs no more room is always taken.
        let growth = registry.store.growth(manifests());
        if growth > 0 && !tier.takes_storage(usage.storage_bytes.saturating_add(growth)) {
            return Err(PushError::OverStorageLimit);
        }
    }

    for built in manifests() {
        registry.store.put(&image.repository, built, now);
    }
    if !tags.is_empty()
        && let Some(repository) = registry.store.repository_mut(&image.repository)
    {
        repository.tag_all(tags.into_iter(), &root.digest, now);
    }
    registry.measured_at = now;
    Ok(Pushed {
        digest: root.digest.to_string(),
        manifest: root.text,
        children: root.children.iter().map(ToString::to_string).collect(),
    })
}

fn check_names<'a>(
    repository: &str,
    mut tags: impl Iterator<Item = &'a str>,
) -> Result<(), PushError> {
    if !is_repository(repository) {
        return Err(PushError::InvalidName(repository.to_owned()));
    }
    match tags.find(|tag| !is_tag(tag)) {
        Some(tag) => Err(PushError::InvalidName(tag.to_owned())),
        None => Ok(()),
    }
}
