//! What is there.

use std::{collections::BTreeMap, error};

use chrono::{DateTime, Utc};
use docr_api::types::RepositoryManifest;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};

use super::execution::CONCURRENCY;
use crate::{Digest, RegistryHandle, RepositoryName, Result};

/// The images of a registry at some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistryInventory {
    /// The registry's name.
    pub registry: String,
    /// When it was read: ages count up to here.
    pub read_at: DateTime<Utc>,
    /// The repositories.
    pub repositories: Vec<RepositoryInventory>,
}

/// The images of a repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryInventory {
    /// The repository's name, without the registry's.
    pub name: String,
    /// The tags.
    pub tags: Vec<TagRecord>,
    /// The manifests, tagged or not.
    pub manifests: Vec<ManifestRecord>,
    /// The parts of multi-platform images: for the digest of each index those of its manifests. `None` if that isn't
    /// known; the service doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<BTreeMap<String, Vec<String>>>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The tag.
    pub tag: String,
    /// The digest of its manifest.
    pub digest: Option<String>,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// Its digest.
    pub digest: String,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Bytes as stored, what it shares with others included.
    pub size_bytes: Option<u64>,
    /// The digests of its blobs, with their bytes.
    pub blobs: BTreeMap<String, u64>,
}

impl From<RepositoryManifest> for ManifestRecord {
    fn from(manifest: RepositoryManifest) -> Self {
        let blobs = manifest.blobs.into_iter();
        Self {
            digest: manifest.digest,
            updated_at: manifest.updated_at,
            size_bytes: manifest.compressed_size_bytes,
            blobs: blobs
                .map(|blob| (blob.digest, blob.compressed_size_bytes.unwrap_or(0)))
                .collect(),
        }
    }
}

/// Tells the parts of a multi-platform image, which the service's API doesn't: they are in the image's index, to be
/// read from the registry itself, `registry.digitalocean.com`, with a library that speaks its protocol.
pub trait ImageParts {
    /// The digests that an index lists; none for a manifest that is no index.
    ///
    /// # Errors
    ///
    /// Whatever kept it from reading the manifest. It ends [`RegistryInventory::resolve`].
    fn parts(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> impl Future<Output = Result<Vec<Digest>, Box<dyn error::Error + Send + Sync>>> + Send;
}

impl RegistryInventory {
    /// Reads what is in a registry: all repositories, their tags and manifests.
    ///
    /// # Errors
    ///
    /// Those of any call. An inventory is whole or not at all.
    pub async fn read(registry: &RegistryHandle) -> Result<Self> {
        let read_at = registry.clock().now();
        let mut repositories = Vec::new();
        let mut names = registry.repositories().items();
        while let Some(repository) = names.next().await {
            let name = repository?.name;
            let handle = registry.repository(name.parse::<RepositoryName>()?);
            let mut inventory = RepositoryInventory {
                name,
                ..RepositoryInventory::default()
            };
            let mut manifests = handle.manifests().items();
            while let Some(manifest) = manifests.next().await {
                inventory.manifests.push(manifest?.into());
            }
            let mut tags = handle.tags().items();
            while let Some(tag) = tags.next().await {
                let tag = tag?;
                inventory.tags.push(TagRecord {
                    tag: tag.tag,
                    digest: tag.manifest_digest,
                    updated_at: tag.updated_at,
                });
            }
            repositories.push(inventory);
        }
        Ok(Self {
            registry: registry.name().to_string(),
            read_at,
            repositories,
        })
    }

    /// Asks for the parts of every manifest, so that a plan can keep the parts of images that stay.
    ///
    /// # Errors
    ///
    /// That of the first manifest whose parts can't be told, or a digest that is malformed. The inventory is
    /// unchanged then.
    pub async fn resolve(
        &mut self,
        resolver: &impl ImageParts,
    ) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        let mut resolved = Vec::new();
        for repository in &self.repositories {
            resolved.push(repository.ask_for_parts(resolver).await?);
        }
        for (repository, parts) in self.repositories.iter_mut().zip(resolved) {
            repository.parts = Some(parts);
        }
        Ok(())
    }
}

impl RepositoryInventory {
    /// The parts of every index, by its digest.
    async fn ask_for_parts(
        &self,
        resolver: &impl ImageParts,
    ) -> Result<BTreeMap<String, Vec<String>>, Box<dyn error::Error + Send + Sync>> {
        let name: RepositoryName = self.name.parse()?;
        let mut all = BTreeMap::new();
        let mut waiting = self.manifests.iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < CONCURRENCY
                && let Some(manifest) = waiting.next()
            {
                let digest: Digest = manifest.digest.parse()?;
                let name = &name;
                under_way.push(async move {
                    let parts = resolver.parts(name, &digest).await;
                    parts.map(|parts| (digest, parts))
                });
            }
            let Some(answer) = under_way.next().await else {
                return Ok(all);
            };
            let (digest, parts) = answer?;
            if !parts.is_empty() {
                let parts = parts.iter().map(ToString::to_string).collect();
                all.insert(digest.to_string(), parts);
            }
        }
    }
}
