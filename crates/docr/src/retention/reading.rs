//! Reading an inventory: paced, several repositories at once, resumable after a failure.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use docr_api::types::RepositoryV2;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use super::{
    CONCURRENCY,
    inventory::{ManifestRecord, RegistryInventory, RepositoryInventory, TagRecord},
    policy::RetentionPolicy,
    shared_string::{Interner, SharedString},
    whole::{Whole, is_newest_first},
};
use crate::{List, RegistryHandle, RepositoryHandle, Result};

/// Reads an inventory. Created by [`RegistryInventory::reading`].
///
/// It stays below the rate limit of the token, and keeps what it has read: after an error, or when the future was dropped,
/// [`run`](Self::run) resumes where it stopped.
///
/// ```no_run
/// use docr::retention::{RegistryInventory, RetentionPolicy};
///
/// # async fn example(registry: docr::RegistryHandle, policy: RetentionPolicy) -> docr::Result<()> {
/// let mut reading = RegistryInventory::reading(&registry).policy(&policy);
/// let inventory = match reading.run(|now| println!("{now}")).await {
///     Ok(inventory) => inventory,
///     Err(error) => {
///         println!("resuming after: {error}");
///         reading.run(|now| println!("{now}")).await?
///     }
/// };
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read until it is run"]
pub struct InventoryReading {
    registry: RegistryHandle,
    policy: Option<RetentionPolicy>,
    has_exact_bytes: bool,
    concurrency: usize,
    /// The time before anything is read: what is pushed meanwhile is young.
    read_at: Option<DateTime<Utc>>,
    listed: Option<Vec<RepositoryV2>>,
    read: BTreeMap<SharedString, RepositoryInventory>,
}

/// The progress of reading an inventory. See the [example](InventoryReading).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryProgress {
    /// How many repositories are done.
    pub done: usize,
    /// How many there are.
    pub repositories: usize,
}

impl fmt::Display for InventoryProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} repositories", self.done, self.repositories)
    }
}

impl RegistryInventory {
    /// Prepares to read all repositories of a registry, with their tags and manifests.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
    /// use docr::retention::RegistryInventory;
    ///
    /// let inventory = RegistryInventory::reading(&registry).run(|progress| println!("{progress}")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reading(registry: &RegistryHandle) -> InventoryReading {
        InventoryReading {
            registry: registry.paced(),
            policy: None,
            has_exact_bytes: false,
            concurrency: CONCURRENCY,
            read_at: None,
            listed: None,
            read: BTreeMap::new(),
        }
    }
}

impl InventoryReading {
    /// Reads only what a plan by this policy needs: the repositories that a rule applies to, and the names of the others,
    /// unless a rule deletes orphans, whose images may be anywhere.
    ///
    /// See the [example](InventoryReading).
    pub fn policy(mut self, policy: &RetentionPolicy) -> Self {
        self.policy = Some(policy.clone());
        self
    }

    /// Also reads the manifests of the other repositories, which takes at least a request for each. Without them a plan knows
    /// only how many bytes it frees at most, since other repositories may need the same blobs.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle, policy: docr::retention::RetentionPolicy) -> docr::Result<()> {
    /// # use docr::retention::RegistryInventory;
    /// let mut reading = RegistryInventory::reading(&registry).policy(&policy).exact_bytes(true);
    /// let inventory = reading.run(|_| ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn exact_bytes(mut self, exact: bool) -> Self {
        self.has_exact_bytes = exact;
        self
    }

    /// Limits the number of concurrent calls, to at least 1; 8 by default.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
    /// # use docr::retention::RegistryInventory;
    /// let inventory = RegistryInventory::reading(&registry).concurrency(2).run(|_| ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls.max(1);
        self
    }

    /// Reads, or resumes reading, and calls `observe` after each repository.
    ///
    /// # Errors
    ///
    /// Those of any call. What was read by then is kept: run it again to resume.
    ///
    /// See the [example](InventoryReading).
    pub async fn run(
        &mut self,
        mut observe: impl FnMut(InventoryProgress) + Send,
    ) -> Result<RegistryInventory> {
        let listed = match self.listed.take() {
            Some(listed) => listed,
            None => self.list().await?,
        };
        let listed = &*self.listed.insert(listed);
        let mut progress = InventoryProgress {
            done: self.read.len(),
            repositories: listed.len(),
        };
        observe(progress);
        let calls = Calls::new(self.concurrency);
        let left = listed
            .iter()
            .filter(|one| !self.read.contains_key(one.name.as_str()));
        let (registry, policy) = (&self.registry, self.policy.as_ref());
        let reads: Vec<_> = left
            .map(|one| {
                read_one(
                    registry,
                    one,
                    wanted(policy, self.has_exact_bytes, one),
                    &calls,
                )
            })
            .collect();
        let mut reads = stream::iter(reads).buffer_unordered(self.concurrency);
        while let Some(repository) = reads.next().await {
            let repository = repository?;
            self.read.insert(repository.name.clone(), repository);
            progress.done += 1;
            observe(progress);
        }
        drop(reads);
        let listed = self.listed.take().into_iter().flatten();
        let mut read = std::mem::take(&mut self.read);
        let repositories = listed
            .filter_map(|one| read.remove(one.name.as_str()))
            .collect();
        Ok(RegistryInventory {
            registry: self.registry.name().to_string(),
            api: Some(self.registry.api_address().to_owned()),
            read_at: self
                .read_at
                .take()
                .unwrap_or_else(|| self.registry.clock().now()),
            repositories,
        })
    }

    /// The repositories, each once.
    async fn list(&mut self) -> Result<Vec<RepositoryV2>> {
        self.read_at = self.read_at.or_else(|| self.registry.service_time());
        let (mut all, mut names) = (Vec::new(), HashSet::new());
        let mut repositories = self.registry.repositories().items();
        while let Some(repository) = repositories.next().await {
            let repository = repository?;
            // The first response has the service's time.
            self.read_at = self.read_at.or_else(|| self.registry.service_time());
            if names.insert(repository.name.clone()) {
                all.push(repository);
            }
        }
        Ok(all)
    }
}

impl fmt::Debug for InventoryReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InventoryReading")
            .field("registry", &self.registry)
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}

/// What is read of a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Name,
    Manifests,
    /// Its tags, too. The list of repositories is used where it has all manifests.
    All,
    /// Only by its own lists: whatever was missed might lose what belongs to it.
    AllByItsLists,
}

fn wanted(policy: Option<&RetentionPolicy>, has_exact_bytes: bool, one: &RepositoryV2) -> Wanted {
    let Some(policy) = policy else {
        return Wanted::All;
    };
    let deletes_orphans = policy.rules.iter().any(|rule| rule.delete_orphans);
    match policy.concerns(&one.name) {
        _ if deletes_orphans => Wanted::AllByItsLists,
        true => Wanted::All,
        false if has_exact_bytes => Wanted::Manifests,
        false => Wanted::Name,
    }
}

/// Reads a repository with as few requests as it takes.
async fn read_one(
    registry: &RegistryHandle,
    one: &RepositoryV2,
    wanted: Wanted,
    calls: &Calls,
) -> Result<RepositoryInventory> {
    let inventory = RepositoryInventory {
        name: one.name.as_str().into(),
        ..RepositoryInventory::default()
    };
    let Ok(name) = one.name.parse() else {
        // It can't be requested, so nothing is known of it.
        return Ok(RepositoryInventory {
            is_in_doubt: true,
            ..inventory
        });
    };
    if wanted == Wanted::Name {
        return Ok(RepositoryInventory {
            is_unread: true,
            ..inventory
        });
    }
    let handle = registry.repository(name);
    let manifests = match wanted {
        Wanted::AllByItsLists => None,
        _ => all_manifests(one),
    };
    let has_tags =
        wanted != Wanted::Manifests && !(one.tag_count == Some(0) && manifests.is_some());
    let mut texts = Interner::default();
    let tags = match has_tags {
        true => read_tags(&handle, &mut texts, calls).await?,
        false => Whole::default(),
    };
    read_lists(&handle, tags, manifests, &mut texts, calls).await
}

/// The manifests of a repository, if the list of repositories has all of them: none, or one.
fn all_manifests(one: &RepositoryV2) -> Option<Vec<ManifestRecord>> {
    match (one.manifest_count?, &one.latest_manifest) {
        (0, None) if one.tag_count == Some(0) => Some(Vec::new()),
        (1, Some(manifest)) if !manifest.digest.is_empty() => Some(vec![manifest.clone().into()]),
        _ => None,
    }
}

pub(super) async fn read_tags(
    handle: &RepositoryHandle,
    texts: &mut Interner,
    calls: &Calls,
) -> Result<Whole<TagRecord>> {
    let list = || calls.list(handle.tags());
    Whole::read(list, |tag| TagRecord::sharing(tag, texts), |tag| &tag.tag).await
}

/// Reads the manifests of a repository, unless they are known, and combines them with its tags.
pub(super) async fn read_lists(
    handle: &RepositoryHandle,
    tags: Whole<TagRecord>,
    manifests: Option<Vec<ManifestRecord>>,
    texts: &mut Interner,
    calls: &Calls,
) -> Result<RepositoryInventory> {
    // The manifests come last: they name their tags, too, and so include what was pushed meanwhile.
    let manifests = match manifests {
        Some(items) => Whole {
            items,
            is_in_doubt: false,
        },
        None => read_manifest_list(handle, texts, calls).await?,
    };
    let mut inventory = RepositoryInventory {
        name: handle.name().as_str().into(),
        is_in_doubt: manifests.is_in_doubt || tags.is_in_doubt,
        manifests: manifests.items,
        tags: tags.items,
        is_unread: false,
        is_newest_first: false,
    };
    inventory.is_newest_first = !inventory.is_in_doubt
        && inventory.is_agreed()
        && is_newest_first(inventory.tags.iter().map(|tag| tag.updated_at))
        && is_newest_first(inventory.manifests.iter().map(|it| it.updated_at));
    inventory.join();
    Ok(inventory)
}

pub(super) async fn read_manifest_list(
    handle: &RepositoryHandle,
    texts: &mut Interner,
    calls: &Calls,
) -> Result<Whole<ManifestRecord>> {
    let list = || calls.list(handle.manifests());
    let convert = |manifest| ManifestRecord::sharing(manifest, texts);
    Whole::read(list, convert, |manifest| &manifest.digest).await
}

/// The limit of concurrent reading calls.
pub(super) struct Calls {
    most: usize,
    free: Arc<Semaphore>,
}

impl Calls {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most)),
        }
    }

    pub(super) fn list<T: Send + 'static>(&self, list: List<T>) -> List<T> {
        list.read_ahead(self.most).within(&self.free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(tags: Option<u64>, manifests: Option<u64>, latest: Option<&str>) -> RepositoryV2 {
        let latest = latest.map(|digest| serde_json::json!({ "digest": digest }));
        let repository = serde_json::json!({
            "name": "shop/api",
            "tag_count": tags,
            "manifest_count": manifests,
            "latest_manifest": latest,
        });
        serde_json::from_value(repository).unwrap()
    }

    #[test]
    fn the_list_of_repositories_is_trusted_where_it_covers_all_manifests() {
        let known = |tags, manifests, latest| {
            let manifests = all_manifests(&repository(tags, manifests, latest))?;
            Some(manifests.into_iter().map(|one| one.digest.into()).collect())
        };
        let none: Vec<String> = Vec::new();
        let one = vec!["sha256:01".to_owned()];
        let latest = Some("sha256:01");
        assert_eq!(known(Some(0), Some(0), None), Some(none));
        assert_eq!(known(Some(1), Some(1), latest), Some(one.clone()));
        assert_eq!(known(None, Some(1), latest), Some(one));
        for (tags, manifests, latest) in [
            // A tag without a manifest, or who knows.
            (Some(1), Some(0), None),
            (None, Some(0), None),
            (Some(0), None, None),
            (Some(0), Some(0), latest),
            (Some(1), Some(1), None),
            (Some(1), Some(1), Some("")),
            (Some(2), Some(2), latest),
        ] {
            assert_eq!(
                known(tags, manifests, latest),
                None,
                "{tags:?} {manifests:?} {latest:?}"
            );
        }
    }

    #[tokio::test]
    async fn lists_count_as_newest_first_if_they_agree_were_complete_and_are_both_sorted() {
        let docr = crate::Client::builder()
            .token("dop_v1_0123")
            .build()
            .unwrap();
        let registry = docr.registry("acme-images".parse().unwrap());
        let handle = registry.repository("shop/api".parse().unwrap());
        let handle = &handle;
        let at = |hour: i64| Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hour));
        let are_newest_first = async |tags: [i64; 2], manifests: [i64; 2], named, is_in_doubt| {
            let names = [("v1", "sha256:01"), ("v2", "sha256:02")];
            let items = names
                .iter()
                .zip(tags)
                .map(|((tag, digest), hour)| TagRecord {
                    tag: (*tag).into(),
                    digest: Some((*digest).into()),
                    updated_at: at(hour),
                });
            let items = items.collect();
            let manifests = names.iter().zip(manifests).map(|((tag, digest), hour)| {
                let tags = [SharedString::from(*tag)];
                ManifestRecord {
                    digest: (*digest).into(),
                    updated_at: at(hour),
                    tags: tags.into_iter().take(named).collect(),
                    ..ManifestRecord::default()
                }
            });
            let manifests = Some(manifests.collect());
            let tags = Whole { items, is_in_doubt };
            let texts = &mut Interner::default();
            let read = read_lists(handle, tags, manifests, texts, &Calls::new(1)).await;
            read.unwrap().is_newest_first
        };
        assert!(are_newest_first([2, 1], [2, 1], 1, false).await);
        // Each of these alone is enough not to rely on it.
        assert!(!are_newest_first([1, 2], [2, 1], 1, false).await);
        assert!(!are_newest_first([2, 1], [1, 2], 1, false).await);
        assert!(!are_newest_first([2, 1], [2, 1], 0, false).await);
        assert!(!are_newest_first([2, 1], [2, 1], 1, true).await);
    }
}
