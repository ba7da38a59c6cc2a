//! The tags and manifests of a registry.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    pin::pin,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use docr_api::types::{RepositoryManifest, RepositoryTag};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::{
    CONCURRENCY,
    manifest::{ManifestDocument, ManifestReader},
    policy::RetentionPolicy,
    shared_string::{Interner, SharedString},
};
use crate::{Digest, RegistryHandle, RepositoryName, Result};

/// The images of a registry at some time.
///
/// ```no_run
/// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
/// let inventory = docr::retention::RegistryInventory::read(&registry).await?;
/// for repository in &inventory.repositories {
///     println!("{}: {} tags", repository.name, repository.tags.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistryInventory {
    /// The registry's name.
    pub registry: String,
    /// The address of the API that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// When it was read, by the service's clock: ages are relative to this.
    pub read_at: DateTime<Utc>,
    /// The repositories.
    pub repositories: Vec<RepositoryInventory>,
}

/// The images of a repository. See the [example](super::RetentionPlan) of one built by hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryInventory {
    /// The repository's name, without the registry's.
    pub name: SharedString,
    /// The tags.
    pub tags: Vec<TagRecord>,
    /// The manifests, tagged or not.
    pub manifests: Vec<ManifestRecord>,
    /// Whether the lists changed each time they were read, so that something may be missing. Nothing is deleted from such a
    /// repository.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_doubt: bool,
    /// Whether only its name was read, since no rule applies to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unread: bool,
    /// Whether the lists were complete, agreed, and were sorted newest first, so that what is new comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_newest_first: bool,
}

/// A tag.
///
/// ```
/// use docr::retention::TagRecord;
///
/// let tag = TagRecord { tag: "v1".into(), digest: None, updated_at: "2026-01-01T00:00:00Z".parse().ok() };
/// assert_eq!(tag.tag, "v1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// The tag.
    pub tag: SharedString,
    /// The digest of its manifest.
    pub digest: Option<SharedString>,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A manifest.
///
/// ```
/// use docr::retention::ManifestRecord;
///
/// let digest = format!("sha256:{:064x}", 1).into();
/// let manifest = ManifestRecord { digest, size_bytes: Some(1024), ..ManifestRecord::default() };
/// assert!(manifest.tags.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// Its digest.
    pub digest: SharedString,
    /// When it was last pushed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its stored bytes, including those shared with others.
    pub size_bytes: Option<u64>,
    /// The digests of its blobs, with their sizes in bytes.
    pub blobs: BTreeMap<SharedString, u64>,
    /// The tags that point to it, by the list of manifests. The list of tags may have been read at another moment; a tag
    /// exists if either names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SharedString>,
    /// Its document, if it was read: see [`RegistryInventory::read_manifests`].
    #[serde(default)]
    pub content: ManifestContent,
}

/// A manifest's document, if it was read.
///
/// ```
/// use docr::retention::{ManifestContent, ManifestDocument};
///
/// let image = br#"{"mediaType": "application/vnd.oci.image.manifest.v1+json"}"#;
/// let content = ManifestContent::Read(ManifestDocument::from_bytes(None, image));
/// assert_ne!(content, ManifestContent::Unread);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    clippy::exhaustive_enums,
    reason = "it was read, it failed, or it was not tried"
)]
pub enum ManifestContent {
    /// It has not been read.
    #[default]
    Unread,
    /// Its content.
    Read(ManifestDocument),
    /// It could not be read: why.
    Unreadable(String),
}

/// The progress of reading manifests' documents. See the [example](RegistryInventory::read_manifests_observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestProgress {
    /// How many manifests are done.
    pub done: usize,
    /// How many are to be read.
    pub manifests: usize,
}

impl fmt::Display for ManifestProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} manifests", self.done, self.manifests)
    }
}

impl From<RepositoryManifest> for ManifestRecord {
    fn from(manifest: RepositoryManifest) -> Self {
        Self::sharing(manifest, &mut Interner::default())
    }
}

impl ManifestRecord {
    /// The record of a manifest, which shares the texts that were seen before.
    pub(super) fn sharing(manifest: RepositoryManifest, texts: &mut Interner) -> Self {
        let mut share = |text: String| texts.share(&text);
        let blobs = manifest.blobs.into_iter();
        let blobs = blobs.map(|blob| {
            let bytes = blob.compressed_size_bytes.unwrap_or(0);
            (share(blob.digest), bytes)
        });
        Self {
            blobs: blobs.collect(),
            digest: share(manifest.digest),
            updated_at: manifest.updated_at,
            size_bytes: manifest.compressed_size_bytes,
            tags: manifest.tags.into_iter().map(share).collect(),
            content: ManifestContent::Unread,
        }
    }
}

impl TagRecord {
    /// The record of a tag, which shares the texts that were seen before.
    pub(super) fn sharing(tag: RepositoryTag, texts: &mut Interner) -> Self {
        Self {
            tag: texts.share(&tag.tag),
            digest: tag.manifest_digest.map(|digest| texts.share(&digest)),
            updated_at: tag.updated_at,
        }
    }
}

impl RegistryInventory {
    /// Reads all repositories of a registry, with their tags and manifests.
    ///
    /// # Errors
    ///
    /// Those of any call; the inventory is never partial. [`reading`](Self::reading) can resume after an error.
    ///
    /// See the [example](RegistryInventory).
    pub async fn read(registry: &RegistryHandle) -> Result<Self> {
        Self::reading(registry).run(|_| ()).await
    }

    /// Like [`read`](Self::read), but reads the tags only of repositories that a rule of the policy applies to. Of the others
    /// it reads what they store, which decides how much is freed; [`InventoryReading::policy`](super::InventoryReading::policy)
    /// skips that.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// use docr::retention::{RegistryInventory, RetentionPlan, RetentionPolicy};
    ///
    /// let policy = RetentionPolicy::from_toml("[[rule]]\nkeep_newest = 10")?;
    /// let inventory = RegistryInventory::read_for(&registry, &policy).await?;
    /// println!("{}", RetentionPlan::compute(&policy, &inventory)?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_for(registry: &RegistryHandle, policy: &RetentionPolicy) -> Result<Self> {
        Self::reading(registry)
            .policy(policy)
            .exact_bytes(true)
            .run(|_| ())
            .await
    }

    /// Reads the manifests' documents in all repositories from which a policy may delete something, so that a plan knows what
    /// belongs together. A manifest that can't be read is recorded as [`Unreadable`](ManifestContent::Unreadable), and the
    /// others are read all the same.
    ///
    /// ```no_run
    /// # use docr::retention::{ManifestReader, RegistryInventory, RetentionPolicy};
    /// # async fn example(mut inventory: RegistryInventory, policy: RetentionPolicy, reader: impl ManifestReader) {
    /// inventory.read_manifests(&policy, &reader).await;
    /// # }
    /// ```
    pub async fn read_manifests(&mut self, policy: &RetentionPolicy, reader: &impl ManifestReader) {
        self.read_manifests_observed(policy, reader, |_| ()).await;
    }

    /// Like [`read_manifests`](Self::read_manifests), and calls `observe` after each document. What has been read is kept
    /// when the future is dropped, and not read again.
    ///
    /// ```no_run
    /// # use docr::retention::{ManifestReader, RegistryInventory, RetentionPolicy};
    /// # async fn example(mut inventory: RegistryInventory, policy: RetentionPolicy, reader: impl ManifestReader) {
    /// inventory.read_manifests_observed(&policy, &reader, |progress| println!("{progress}")).await;
    /// # }
    /// ```
    pub async fn read_manifests_observed(
        &mut self,
        policy: &RetentionPolicy,
        reader: &impl ManifestReader,
        observe: impl FnMut(ManifestProgress),
    ) {
        let wanted = super::planner::candidates(policy, self);
        let repositories = self.repositories.iter_mut();
        let wanted = repositories.filter(|repository| wanted.contains(&repository.name));
        read_documents(wanted, reader, observe).await;
    }

    /// Whether a policy may delete anything, so that [`read_manifests`](Self::read_manifests) has something to read.
    ///
    /// ```
    /// use docr::retention::{RegistryInventory, RetentionPolicy};
    ///
    /// # let json = r#"{"registry":"acme-images","read_at":"2026-06-01T00:00:00Z","repositories":[]}"#;
    /// # let empty: RegistryInventory = serde_json::from_str(json)?;
    /// assert!(!empty.has_candidates(&RetentionPolicy::default()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn has_candidates(&self, policy: &RetentionPolicy) -> bool {
        !super::planner::candidates(policy, self).is_empty()
    }

    /// Reads the documents of all manifests.
    ///
    /// ```no_run
    /// # use docr::retention::{ManifestReader, RegistryInventory};
    /// # async fn example(mut inventory: RegistryInventory, reader: impl ManifestReader) {
    /// inventory.read_all_manifests(&reader).await;
    /// # }
    /// ```
    pub async fn read_all_manifests(&mut self, reader: &impl ManifestReader) {
        read_documents(self.repositories.iter_mut(), reader, |_| ()).await;
    }
}

impl RepositoryInventory {
    /// Whether the list of manifests names each tag at the digest that the list of tags has for it.
    pub(super) fn is_agreed(&self) -> bool {
        let named = self.manifests.iter().flat_map(|manifest| {
            let tags = manifest.tags.iter();
            tags.map(|tag| (tag.as_str(), manifest.digest.as_str()))
        });
        let named: HashSet<_> = named.collect();
        let mut tags = self.tags.iter();
        tags.all(|tag| {
            let digest = tag.digest.as_deref();
            digest.is_some_and(|digest| named.contains(&(tag.tag.as_str(), digest)))
        })
    }

    /// Adds the manifests that only the list of tags names.
    pub(super) fn join(&mut self) {
        let listed: HashSet<_> = self
            .manifests
            .iter()
            .map(|manifest| manifest.digest.clone())
            .collect();
        let tagged = self.tags.iter().filter_map(|tag| tag.digest.clone());
        let mut missing: Vec<_> = tagged.filter(|digest| !listed.contains(digest)).collect();
        missing.sort_unstable();
        missing.dedup();
        self.manifests
            .extend(missing.into_iter().map(|digest| ManifestRecord {
                digest,
                ..ManifestRecord::default()
            }));
    }
}

/// Reads the documents of all unread manifests, of several repositories at once.
async fn read_documents(
    repositories: impl Iterator<Item = &mut RepositoryInventory>,
    reader: &impl ManifestReader,
    mut observe: impl FnMut(ManifestProgress),
) {
    let unread = repositories.flat_map(|repository| {
        let name = repository.name.parse::<RepositoryName>().ok().map(Arc::new);
        let manifests = repository.manifests.iter_mut();
        let unread = manifests.filter(|manifest| manifest.content == ManifestContent::Unread);
        unread.filter_map(move |manifest| Some((name.clone()?, manifest)))
    });
    let unread: Vec<_> = unread.collect();
    let manifests = unread.len();
    let reads = unread.into_iter().map(|(name, manifest)| async move {
        manifest.content = match manifest.digest.parse::<Digest>() {
            Ok(digest) => match reader.read(&name, &digest).await {
                Ok(document) => ManifestContent::Read(document),
                Err(error) => ManifestContent::Unreadable(error.to_string()),
            },
            Err(error) => ManifestContent::Unreadable(error.to_string()),
        };
    });
    let reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
    let mut reads = pin!(reads.enumerate());
    while let Some((place, ())) = reads.next().await {
        let done = place.saturating_add(1);
        observe(ManifestProgress { done, manifests });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta, Utc};

    use crate::{Client, ManualClock, served::serve};

    #[tokio::test]
    async fn the_services_time_is_read_from_a_responses_date() {
        let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let url = serve([(
            "200 OK\r\ndate: Tue, 10 Feb 2026 12:00:00 GMT",
            r#"{"registry":{"name":"acme-images"}}"#,
        )]);
        let docr = Client::builder()
            .base_url(&url)
            .token("dop_v1_0123")
            .clock(Arc::new(ManualClock::at(noon)))
            .build()
            .unwrap();
        let registry = docr.registry("acme-images".parse().unwrap());
        assert_eq!(registry.api_address(), url);
        assert_eq!(registry.service_time(), None);
        registry.get().await.unwrap();
        let expected = Some(noon + TimeDelta::days(40));
        assert_eq!(registry.service_time(), expected);
        // All clones share what is known.
        assert_eq!(registry.paced().service_time(), expected);
    }
}
