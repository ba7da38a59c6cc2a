//! The items of lists of tags and manifests, copied from the model to be serialised after the lock is released.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::image::Blob;
use super::size::Size;

/// The repository of an item.
#[derive(Clone, Serialize)]
pub(crate) struct Place {
    registry_name: Arc<str>,
    repository: Arc<str>,
}

impl Place {
    pub(crate) fn new(registry: &str, repository: &str) -> Self {
        Self {
            registry_name: registry.into(),
            repository: repository.into(),
        }
    }
}

/// Sizes as the API names them.
#[derive(Serialize)]
pub(crate) struct Bytes {
    compressed_size_bytes: u64,
    size_bytes: u64,
}

impl From<Size> for Bytes {
    fn from(size: Size) -> Self {
        Self {
            compressed_size_bytes: size.bytes,
            size_bytes: size.unpacked(),
        }
    }
}

/// A tag in a list.
#[derive(Serialize)]
pub(crate) struct TagRow {
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) tag: Arc<str>,
    pub(crate) manifest_digest: Arc<str>,
    #[serde(flatten)]
    pub(crate) size: Bytes,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A manifest in a list.
#[derive(Serialize)]
pub(crate) struct ManifestRow {
    #[serde(flatten)]
    pub(crate) place: Place,
    pub(crate) digest: Arc<str>,
    #[serde(flatten)]
    pub(crate) size: Bytes,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) tags: Vec<Arc<str>>,
    #[serde(serialize_with = "as_listed")]
    pub(crate) blobs: Arc<[Blob]>,
}

/// A blob in a list.
#[derive(Serialize)]
struct BlobRow<'a> {
    digest: &'a str,
    compressed_size_bytes: u64,
}

fn as_listed<S: Serializer>(blobs: &Arc<[Blob]>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(blobs.iter().map(|blob| BlobRow {
        digest: &blob.digest,
        compressed_size_bytes: blob.bytes,
    }))
}
