//! What a garbage collection of untagged manifests deletes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::TimeDelta;
use serde::Serialize;

use super::{
    age::Age,
    images::{Images, ManifestId},
    inventory::RegistryInventory,
    table::{Table, bytes, clean},
};
use crate::InvalidInput;

/// The untagged manifests of a registry, which a garbage collection of
/// [`UntaggedManifestsOnly`](crate::GarbageCollectionType::UntaggedManifestsOnly) or
/// [`UntaggedManifestsAndUnreferencedBlobs`](crate::GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs) deletes
/// from all repositories, including images that are deployed by digest. `Display` prints a table.
///
/// ```no_run
/// # async fn example(registry: docr::RegistryHandle, reader: impl docr::retention::ManifestReader) -> Result<(), Box<dyn std::error::Error>> {
/// use docr::retention::{RegistryInventory, UntaggedManifests};
///
/// let mut inventory = RegistryInventory::read(&registry).await?;
/// inventory.read_all_manifests(&reader).await;
/// let untagged = UntaggedManifests::of(&inventory)?;
/// println!("{untagged}{} bytes", untagged.freed_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UntaggedManifests {
    /// The repositories that have any.
    pub repositories: Vec<UntaggedInRepository>,
    /// The bytes of the blobs that nothing else in the registry needs.
    pub freed_bytes: u64,
}

/// The untagged manifests of a repository. See the [example](UntaggedManifests).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UntaggedInRepository {
    /// The repository's name.
    pub repository: String,
    /// How many there are.
    pub manifests: u64,
    /// The bytes of their blobs.
    pub bytes: u64,
    /// How many of them belong to tagged images. Whether the service keeps those is not documented.
    pub belong_to_tagged: u64,
    /// How many of them may belong to a tagged image, because a manifest of the repository could not be read.
    pub in_doubt: u64,
    /// How many of them were pushed within a day or at an unknown time: they may be part of a push in progress.
    pub pushed_lately: u64,
}

impl UntaggedManifests {
    /// Counts them. The manifests' documents should have been read by [`RegistryInventory::read_all_manifests`].
    ///
    /// # Errors
    ///
    /// If a tag or manifest appears twice in the inventory.
    ///
    /// See the [example](UntaggedManifests).
    pub fn of(inventory: &RegistryInventory) -> Result<Self, InvalidInput> {
        let lately = TimeDelta::from_std(Age::from_hours(24).as_duration()).unwrap_or_default();
        let (mut needed, mut unneeded) = (BTreeSet::new(), BTreeMap::new());
        let mut all = Self::default();
        for repository in &inventory.repositories {
            let images = Images::of(repository)?;
            let is_tagged = |manifest: &ManifestId| !images.tags_of(*manifest).is_empty();
            let belong = images.whole(images.manifests().filter(is_tagged));
            let is_read = images.manifests().all(|it| images.document(it).is_some());
            let mut here = UntaggedInRepository {
                repository: repository.name.to_string(),
                ..UntaggedInRepository::default()
            };
            let mut blobs = BTreeMap::new();
            for manifest in images.manifests() {
                let record = images.record(manifest);
                if is_tagged(&manifest) {
                    needed.extend(record.blobs.keys());
                    continue;
                }
                blobs.extend(&record.blobs);
                let belongs = belong[manifest.index()];
                here.manifests += 1;
                here.belong_to_tagged += u64::from(belongs);
                here.in_doubt += u64::from(!is_read && !belongs);
                here.pushed_lately +=
                    u64::from(record.updated_at.is_none_or(|time| {
                        inventory.read_at.signed_duration_since(time) <= lately
                    }));
            }
            here.bytes = blobs
                .values()
                .fold(0, |sum, bytes| sum.saturating_add(**bytes));
            unneeded.extend(blobs);
            if here.manifests > 0 {
                all.repositories.push(here);
            }
        }
        let freed = unneeded.iter().filter(|(blob, _)| !needed.contains(*blob));
        all.freed_bytes = freed.fold(0, |sum, (_, bytes)| sum.saturating_add(**bytes));
        Ok(all)
    }
}

impl fmt::Display for UntaggedManifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.repositories.is_empty() {
            return writeln!(f, "No untagged manifests.");
        }
        let mut table = Table::new([
            "REPOSITORY",
            "UNTAGGED",
            "SIZE",
            "OF TAGGED IMAGES",
            "PUSHED RECENTLY",
        ]);
        for here in &self.repositories {
            let of_tagged = match here.in_doubt {
                0 => here.belong_to_tagged.to_string(),
                doubt => format!("{}, maybe {doubt} more", here.belong_to_tagged),
            };
            table.row([
                clean(&here.repository),
                here.manifests.to_string(),
                bytes(here.bytes),
                of_tagged,
                here.pushed_lately.to_string(),
            ]);
        }
        write!(f, "{table}")
    }
}
