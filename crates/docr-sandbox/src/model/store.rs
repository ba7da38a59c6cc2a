//! What a registry stores: repositories, and the blobs that their manifests need.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::body::Bytes;
use chrono::{DateTime, Utc};

use super::image::{Blob, Built};
use super::repository::Repository;

/// The content of a registry. A blob that several manifests need is stored once.
#[derive(Default)]
pub(crate) struct Store {
    /// Sorted by name.
    repositories: Vec<Repository>,
    blobs: HashMap<Arc<str>, Stored>,
    bytes: u64,
}

struct Stored {
    bytes: u64,
    content: Option<Bytes>,
    /// How many manifests need it.
    needed: usize,
}

impl Store {
    /// Bytes of all blobs, unreferenced ones included. Manifests themselves are not counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of a blob that is there.
    pub(crate) fn blob(&self, digest: &str) -> Option<u64> {
        self.blobs.get(digest).map(|stored| stored.bytes)
    }

    /// What is in a blob, if that is known.
    pub(crate) fn content(&self, digest: &str) -> Option<Bytes> {
        self.blobs.get(digest)?.content.clone()
    }

    pub(crate) fn repositories(&self) -> &[Repository] {
        &self.repositories
    }

    pub(crate) fn repository(&self, name: &str) -> Option<&Repository> {
        self.place(name).ok().map(|place| &self.repositories[place])
    }

    pub(crate) fn repository_mut(&mut self, name: &str) -> Option<&mut Repository> {
        let place = self.place(name).ok()?;
        Some(&mut self.repositories[place])
    }

    /// How many bytes would be added by manifests.
    pub(crate) fn growth<'a>(&self, manifests: impl IntoIterator<Item = &'a Built>) -> u64 {
        let mut seen = HashSet::new();
        let blobs = manifests.into_iter().flat_map(|built| &*built.blobs);
        blobs
            .filter(|blob| !self.blobs.contains_key(&blob.digest) && seen.insert(&blob.digest))
            .fold(0_u64, |sum, blob| sum.saturating_add(blob.bytes))
    }

    /// Stores a manifest and points its tags to it.
    pub(crate) fn put(&mut self, repository: &str, built: &Built, now: DateTime<Utc>) {
        let place = self.place(repository).unwrap_or_else(|place| {
            self.repositories.insert(place, Repository::new(repository));
            place
        });
        let repository = &mut self.repositories[place];
        if repository.put(built, now) {
            for blob in distinct(&built.blobs) {
                let bytes = blob.bytes;
                let stored = self
                    .blobs
                    .entry(Arc::clone(&blob.digest))
                    .or_insert_with(|| {
                        self.bytes = self.bytes.saturating_add(bytes);
                        Stored {
                            bytes,
                            content: None,
                            needed: 0,
                        }
                    });
                stored.needed += 1;
                // A manifest as it is names blobs whose content another push may have.
                if stored.content.is_none() {
                    stored.content.clone_from(&blob.content);
                }
            }
        }
        for tag in &built.tags {
            repository.tag(tag.as_str().into(), &built.digest, now);
        }
    }

    /// Removes a repository with all that is in it; its blobs stay until they are collected.
    pub(crate) fn remove_repository(&mut self, name: &str) -> bool {
        let Ok(place) = self.place(name) else {
            return false;
        };
        for blobs in self.repositories.remove(place).into_blobs() {
            self.release(&blobs);
        }
        true
    }

    /// Removes a manifest and the tags that point to it; its blobs stay until they are collected.
    pub(crate) fn remove_manifest(&mut self, repository: &str, digest: &str) -> bool {
        let removed = self
            .repository_mut(repository)
            .and_then(|repository| repository.remove(digest));
        match removed {
            Some(blobs) => {
                self.release(&blobs);
                true
            }
            None => false,
        }
    }

    /// Removes the manifests that have no tag and belong to no tagged index.
    pub(crate) fn remove_untagged(&mut self) {
        let mut released = Vec::new();
        for repository in &mut self.repositories {
            for digest in repository.untagged() {
                released.extend(repository.remove(&digest));
            }
        }
        for blobs in released {
            self.release(&blobs);
        }
    }

    /// Removes the blobs that no manifest needs and returns how many and how large they were.
    pub(crate) fn remove_unreferenced(&mut self) -> (u64, u64) {
        let (mut count, mut bytes) = (0, 0_u64);
        self.blobs.retain(|_, stored| {
            if stored.needed == 0 {
                count += 1;
                bytes = bytes.saturating_add(stored.bytes);
            }
            stored.needed > 0
        });
        self.bytes = self.bytes.saturating_sub(bytes);
        (count, bytes)
    }

    fn release(&mut self, blobs: &[Blob]) {
        for blob in distinct(blobs) {
            if let Some(stored) = self.blobs.get_mut(&blob.digest) {
                stored.needed = stored.needed.saturating_sub(1);
            }
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.repositories
            .binary_search_by(|repository| (*repository.name).cmp(name))
    }
}

/// The blobs of a manifest, each once.
fn distinct(blobs: &[Blob]) -> impl Iterator<Item = &Blob> {
    let mut seen = HashSet::new();
    blobs.iter().filter(move |blob| seen.insert(&blob.digest))
}
