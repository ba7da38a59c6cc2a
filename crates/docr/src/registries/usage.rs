//! What the repositories of a registry store.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use docr_api::types::{RepositoryManifest, RepositoryV2};
use futures_core::{Stream, stream::BoxStream};
use futures_util::{StreamExt as _, stream};
use sync_wrapper::SyncWrapper;

use super::{registry::RegistryHandle, repository::RepositoryHandle};
use crate::{RepositoryName, error::Result};

/// How many repositories are read at a time.
const CONCURRENCY: usize = 8;

/// What a repository stores, as far as it is known. Read by [`RegistryHandle::usage`] and
/// [`RegistryHandle::read_storage`].
///
/// ```no_run
/// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
/// let mut usage = registry.usage().await?;
/// usage.sort_by_key(|repository| std::cmp::Reverse(repository.storage.at_least()));
/// for repository in usage.iter().take(10) {
///     println!("{}: {:?} tags, {:?}", repository.name, repository.tags, repository.storage);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepositoryUsage {
    /// The repository's name, without the registry's.
    pub name: String,
    /// How many tags it has, if the service reports it.
    pub tags: Option<u64>,
    /// How many manifests it has, if the service reports it.
    pub manifests: Option<u64>,
    /// The bytes of its blobs, each counted once.
    pub storage: StorageBytes,
}

/// Stored bytes, as far as they are known.
///
/// ```
/// use docr::StorageBytes;
///
/// assert_eq!(StorageBytes::Exactly(1_000).exact(), Some(1_000));
/// assert_eq!(StorageBytes::AtLeast(1_000).exact(), None);
/// assert_eq!(StorageBytes::AtLeast(1_000).at_least(), 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "they are known or they are not known"
)]
pub enum StorageBytes {
    /// The exact number of bytes.
    Exactly(u64),
    /// The bytes of the latest image; other images add an unknown number.
    AtLeast(u64),
}

impl StorageBytes {
    /// The bytes, if they are known.
    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Exactly(bytes) => Some(bytes),
            Self::AtLeast(_) => None,
        }
    }

    /// The bytes that are certainly stored.
    pub fn at_least(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtLeast(bytes) => bytes,
        }
    }
}

impl From<RepositoryV2> for RepositoryUsage {
    /// What the list of repositories reports.
    fn from(listed: RepositoryV2) -> Self {
        let mut blobs = Blobs::default();
        let latest = listed.latest_manifest;
        let names_blobs = latest
            .as_ref()
            .is_some_and(|latest| !latest.blobs.is_empty());
        if let Some(latest) = latest {
            blobs.add(latest);
        }
        let storage = match listed.manifest_count {
            Some(0) => StorageBytes::Exactly(0),
            Some(1) if names_blobs => StorageBytes::Exactly(blobs.bytes()),
            _ => StorageBytes::AtLeast(blobs.bytes()),
        };
        Self {
            name: listed.name,
            tags: listed.tag_count,
            manifests: listed.manifest_count,
            storage,
        }
    }
}

/// Blobs with their bytes. A blob that several images share is stored once.
#[derive(Default)]
struct Blobs(BTreeMap<String, u64>);

impl Blobs {
    fn add(&mut self, manifest: RepositoryManifest) {
        for blob in manifest.blobs {
            let bytes = blob.compressed_size_bytes.unwrap_or(0);
            self.0.insert(blob.digest, bytes);
        }
    }

    fn bytes(&self) -> u64 {
        self.0.values().copied().fold(0, u64::saturating_add)
    }
}

impl RepositoryHandle {
    /// Reads all manifests of the repository, and returns the bytes of their blobs, each counted once.
    /// `GET /v2/registries/{registry_name}/repositories/{repository_name}/digests`
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// println!("{} MiB", repository.storage_bytes().await? >> 20);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the repository was not found.
    pub async fn storage_bytes(&self) -> Result<u64> {
        let mut blobs = Blobs::default();
        let mut manifests = self.manifests().items();
        while let Some(manifest) = manifests.next().await {
            blobs.add(manifest?);
        }
        Ok(blobs.bytes())
    }
}

impl RegistryHandle {
    /// Reads what each repository stores, as far as the list of repositories reports it, with a request for 200 of them:
    /// exactly for one with no or one manifest, at least the latest image for the others.
    /// [`read_storage`](Self::read_storage) reads the rest. `GET /v2/registries/{registry_name}/repositoriesV2`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry with this name.
    pub async fn usage(&self) -> Result<Vec<RepositoryUsage>> {
        let mut usage = Vec::new();
        let mut repositories = self.repositories().items();
        while let Some(repository) = repositories.next().await {
            usage.push(repository?.into());
        }
        Ok(usage)
    }

    /// Reads the storage of these repositories where it isn't known yet: with a request for 200 manifests, several
    /// repositories at a time, [paced](crate::CallOptions::paced).
    /// `GET /v2/registries/{registry_name}/repositories/{repository_name}/digests`
    ///
    /// Each repository is returned as soon as it is read, in no particular order. One that was deleted meanwhile stores
    /// nothing.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
    /// let usage = registry.usage().await?;
    /// let mut read = registry.read_storage(usage);
    /// while let Some(repository) = read.next().await {
    ///     let repository = repository?;
    ///     println!("{}: {:?} bytes", repository.name, repository.storage.exact());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_storage(&self, repositories: Vec<RepositoryUsage>) -> ReadStorage {
        let registry = self.paced();
        let reads = repositories.into_iter().map(move |repository| {
            let registry = registry.clone();
            async move { read(&registry, repository).await }
        });
        let reads = stream::iter(reads).buffer_unordered(CONCURRENCY).boxed();
        ReadStorage(SyncWrapper::new(reads))
    }
}

/// Reads the storage of a repository, unless it is known.
async fn read(registry: &RegistryHandle, repository: RepositoryUsage) -> Result<RepositoryUsage> {
    if repository.storage.exact().is_some() {
        return Ok(repository);
    }
    // A repository with an invalid name can't be read: its usage stays as in the list.
    let Ok(name) = repository.name.parse::<RepositoryName>() else {
        return Ok(repository);
    };
    let bytes = match registry.repository(name).storage_bytes().await {
        Err(error) if error.is_not_found() => 0,
        read => read?,
    };
    Ok(RepositoryUsage {
        storage: StorageBytes::Exactly(bytes),
        ..repository
    })
}

/// Repositories with their storage, as a stream. Made by [`RegistryHandle::read_storage`]; an error doesn't end it.
///
/// ```no_run
/// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
/// let mut read = registry.read_storage(registry.usage().await?);
/// let mut bytes = 0;
/// while let Some(repository) = read.next().await {
///     bytes += repository?.storage.at_least();
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing until it is polled"]
pub struct ReadStorage(SyncWrapper<BoxStream<'static, Result<RepositoryUsage>>>);

impl ReadStorage {
    /// The next repository, `None` at the end.
    pub async fn next(&mut self) -> Option<Result<RepositoryUsage>> {
        self.0.get_mut().next().await
    }
}

impl Stream for ReadStorage {
    type Item = Result<RepositoryUsage>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.get_mut().poll_next_unpin(context)
    }
}

impl fmt::Debug for ReadStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadStorage").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> RepositoryUsage {
        serde_json::from_str::<RepositoryV2>(text).unwrap().into()
    }

    const LATEST: &str = r#"{"digest":"sha256:1","blobs":[
        {"digest":"sha256:2","compressed_size_bytes":5},
        {"digest":"sha256:3","compressed_size_bytes":7},
        {"digest":"sha256:2","compressed_size_bytes":5}]}"#;

    #[test]
    fn the_list_gives_the_storage_of_repositories_with_no_or_one_manifest() {
        let none = listed(r#"{"name":"a","manifest_count":0,"tag_count":0}"#);
        assert_eq!(none.storage, StorageBytes::Exactly(0));
        let one = listed(&format!(
            r#"{{"name":"a","manifest_count":1,"latest_manifest":{LATEST}}}"#
        ));
        assert_eq!(one.storage, StorageBytes::Exactly(12));
        assert_eq!((one.tags, one.manifests), (None, Some(1)));
    }

    #[test]
    fn unknown_storage_is_at_least_that_of_the_latest_image() {
        for (text, least) in [
            (
                format!(r#"{{"name":"a","manifest_count":2,"latest_manifest":{LATEST}}}"#),
                12,
            ),
            // Nothing says that there is only one.
            (format!(r#"{{"name":"a","latest_manifest":{LATEST}}}"#), 12),
            (r#"{"name":"a","manifest_count":1}"#.to_owned(), 0),
            (
                r#"{"name":"a","manifest_count":1,"latest_manifest":{"digest":"sha256:1"}}"#
                    .to_owned(),
                0,
            ),
        ] {
            assert_eq!(
                listed(&text).storage,
                StorageBytes::AtLeast(least),
                "{text}"
            );
        }
    }
}
