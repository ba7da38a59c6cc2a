//! Pushes images to registries, within the limits of the tier: whole, or by blobs and manifests.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::account::{Account, World};
use super::image::{Blob, Built, Image, PushError, Pushed, is_repository, is_tag};

/// Stores an image with its tags and the given ones, atomically.
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
    if account.registries[place].active_run().is_some() {
        return Err(PushError::ReadOnly);
    }
    if account
        .repository_limit_for(place, &image.repository)
        .is_some()
    {
        return Err(PushError::OverRepositoryLimit);
    }
    let growth = account.registries[place].store.growth(manifests());
    check_storage(account, growth)?;

    let registry = &mut account.registries[place];
    for built in manifests() {
        registry.store.put(&image.repository, built, now);
    }
    if !tags.is_empty()
        && let Some(repository) = registry.store.repository_mut(&image.repository)
    {
        repository.tag_all(tags.into_iter(), &root.digest, now);
    }
    registry.measured_at = registry.measured_at.max(now);
    Ok(Pushed {
        digest: root.digest.to_string(),
        manifest: String::from_utf8_lossy(&root.text).into_owned(),
        children: root.children.iter().map(ToString::to_string).collect(),
    })
}

/// Stores a blob that was pushed to a repository, or mounted there.
pub(crate) fn put_blob(
    account: &mut Account,
    place: usize,
    repository: &str,
    blob: &Blob,
    now: DateTime<Utc>,
) -> Result<(), PushError> {
    if !account.registries[place].store.has_blob(&blob.digest) {
        check_storage(account, blob.bytes)?;
        account.registries[place].measured_at = now;
    }
    account.registries[place].store.put_blob(repository, blob);
    Ok(())
}

/// Stores a manifest whose blobs exist.
pub(crate) fn put_manifest(
    account: &mut Account,
    place: usize,
    repository: &str,
    built: &Built,
    now: DateTime<Utc>,
) -> Result<(), PushError> {
    if account.repository_limit_for(place, repository).is_some() {
        return Err(PushError::OverRepositoryLimit);
    }
    account.registries[place].store.put(repository, built, now);
    Ok(())
}

/// Refuses bytes that exceed the tier's storage. What adds none is always accepted.
fn check_storage(account: &Account, growth: u64) -> Result<(), PushError> {
    let stored = account.usage().storage_bytes.saturating_add(growth);
    let tier = account.subscription.as_ref().map(|current| current.tier);
    match tier {
        Some(tier) if growth > 0 && !tier.takes_storage(stored) => Err(PushError::OverStorageLimit),
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Ids;
    use crate::model::registry::Registry;
    use crate::model::tier::Tier;

    #[test]
    fn pushes_that_add_nothing_are_accepted_when_the_tier_is_full() {
        let now = DateTime::UNIX_EPOCH;
        let mut world = World::new(None, Ids::new(0, 0), Ids::new(0, 1));
        let account = world.first();
        account.subscribe(Tier::by_slug("starter").unwrap(), now);
        let mut registry = Registry::new("acme".into(), "nyc3".into(), now);
        let (_, image) = Image::new("api").sized_layer(1, 524_288_001).manifests();
        registry.store.put("api", &image, now);
        account.registries.push(registry);
        assert_eq!(check_storage(account, 0), Ok(()));
        assert_eq!(check_storage(account, 1), Err(PushError::OverStorageLimit));
    }
}
