//! The content of a registry: repositories and the blobs of their manifests.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::image::{Blob, Built};
use super::repository::Repository;
use super::size::Size;
use crate::storage::{Content, Directory, Written};

/// The content of a registry. A blob in several repositories is stored once.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Store {
    /// Sorted by name.
    repositories: Vec<Repository>,
    blobs: HashMap<Arc<str>, Stored>,
    /// The blobs that were pushed to or mounted in each repository, or are named by its manifests. A repository has blobs
    /// before it has a manifest, but is listed only with one.
    links: HashMap<Box<str>, HashSet<Arc<str>>>,
    bytes: u64,
}

#[derive(Clone, Deserialize, Serialize)]
struct Stored {
    bytes: u64,
    /// `None` for a blob of which only the size is known.
    #[serde(
        rename(serialize = "content"),
        serialize_with = "as_written",
        skip_deserializing
    )]
    content: Option<Content>,
    /// The content as it was saved, until it is restored.
    #[serde(rename(deserialize = "content"), skip_serializing)]
    written: Option<Written>,
    /// The number of manifests that need it.
    needed: usize,
}

/// A blob that a repository has.
pub(crate) struct Held<'a> {
    pub(crate) bytes: u64,
    /// `None` for a blob of which only the size is known.
    pub(crate) content: Option<&'a Content>,
}

impl Store {
    /// The bytes of all blobs, including unreferenced ones, without the manifests themselves.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A blob of a repository.
    pub(crate) fn blob(&self, repository: &str, digest: &str) -> Option<Held<'_>> {
        if !self.links.get(repository)?.contains(digest) {
            return None;
        }
        self.blobs.get(digest).map(held)
    }

    /// A blob that any repository has.
    pub(crate) fn blob_anywhere(&self, digest: &str) -> Option<Held<'_>> {
        let mut linked = self.links.values();
        linked.find(|linked| linked.contains(digest))?;
        self.blobs.get(digest).map(held)
    }

    pub(crate) fn has_blob(&self, digest: &str) -> bool {
        self.blobs.contains_key(digest)
    }

    /// Whether anything was pushed to a repository.
    pub(crate) fn knows(&self, repository: &str) -> bool {
        self.links.contains_key(repository) || self.place(repository).is_ok()
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

    /// The bytes of a repository's blobs, including those that others share. `None` if there are more than `most` blobs;
    /// the number of its blobs is subtracted from `most`.
    pub(crate) fn bytes_in(&self, repository: &str, most: &mut usize) -> Option<u64> {
        let Some(linked) = self.links.get(repository) else {
            return Some(0);
        };
        *most = most.checked_sub(linked.len())?;
        let stored = linked.iter().filter_map(|digest| self.blobs.get(digest));
        Some(stored.fold(0, |sum, stored| sum.saturating_add(stored.bytes)))
    }

    /// The size of the blobs of a manifest, or of its children.
    pub(crate) fn size_of(&self, repository: &str, digest: &str) -> Option<Size> {
        self.repository(repository)?.size_of(digest)
    }

    /// The number of bytes that manifests would add.
    pub(crate) fn growth<'a>(&self, manifests: impl IntoIterator<Item = &'a Built>) -> u64 {
        let mut seen = HashSet::new();
        let blobs = manifests.into_iter().flat_map(|built| &*built.blobs);
        blobs
            .filter(|blob| !self.blobs.contains_key(&blob.digest) && seen.insert(&blob.digest))
            .fold(0_u64, |sum, blob| sum.saturating_add(blob.bytes))
    }

    /// Stores a blob, unless it exists, and links it to a repository.
    pub(super) fn put_blob(&mut self, repository: &str, blob: &Blob) {
        self.keep(blob);
        self.link(repository, &blob.digest);
    }

    /// Removes a blob from a repository. It counts until it is collected.
    pub(crate) fn unlink(&mut self, repository: &str, digest: &str) -> bool {
        let linked = self.links.get_mut(repository);
        linked.is_some_and(|linked| linked.remove(digest)) && self.blobs.contains_key(digest)
    }

    /// Stores a manifest and points its tags to it.
    pub(crate) fn put(&mut self, repository: &str, built: &Built, now: DateTime<Utc>) {
        let place = self.place(repository).unwrap_or_else(|place| {
            self.repositories.insert(place, Repository::new(repository));
            place
        });
        if self.repositories[place].put(built, now) {
            for blob in distinct(&built.blobs) {
                self.keep(blob).needed += 1;
                self.link(repository, &blob.digest);
            }
        }
        for tag in &built.tags {
            self.repositories[place].tag(tag.as_str().into(), &built.digest, now);
        }
    }

    /// Removes a repository with its content; the blobs are kept until they are collected.
    pub(crate) fn remove_repository(&mut self, name: &str) -> bool {
        let Ok(place) = self.place(name) else {
            return false;
        };
        self.links.remove(name);
        for blobs in self.repositories.remove(place).into_blobs() {
            self.release(&blobs);
        }
        true
    }

    /// Removes a manifest, with its tags if `takes_tags`; the blobs are kept until they are collected.
    pub(crate) fn remove_manifest(
        &mut self,
        repository: &str,
        digest: &str,
        takes_tags: bool,
    ) -> bool {
        let removed = self
            .repository_mut(repository)
            .and_then(|repository| repository.remove(digest, takes_tags));
        match removed {
            Some(blobs) => {
                self.release(&blobs);
                true
            }
            None => false,
        }
    }

    /// Removes the manifests without a tag that belong to no tagged index.
    pub(crate) fn remove_untagged(&mut self) {
        let mut released = Vec::new();
        for repository in &mut self.repositories {
            for digest in repository.untagged() {
                released.extend(repository.remove(&digest, true));
            }
        }
        for blobs in released {
            self.release(&blobs);
        }
    }

    /// Removes the blobs that no manifest needs, and returns their number and size.
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
        let blobs = &self.blobs;
        self.links.retain(|_, linked| {
            linked.retain(|digest| blobs.contains_key(digest));
            !linked.is_empty()
        });
        (count, bytes)
    }

    /// Completes what was loaded from a file.
    pub(super) fn restore(&mut self, directory: &Arc<Directory>) {
        self.repositories.iter_mut().for_each(Repository::restore);
        let mut lost = HashSet::new();
        for (digest, stored) in &mut self.blobs {
            let Some(written) = stored.written.take() else {
                continue;
            };
            stored.content = written.read(directory);
            if stored.content.is_none() {
                lost.insert(Arc::clone(digest));
            }
        }
        // Unlinks blobs whose files are missing, so that they can be pushed again.
        for linked in self.links.values_mut() {
            linked.retain(|digest| !lost.contains(digest));
        }
    }

    /// The names of the files of blobs, before they are restored.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        let written = self
            .blobs
            .values()
            .filter_map(|stored| stored.written.as_ref());
        written.filter_map(Written::file).map(str::to_owned)
    }

    fn keep(&mut self, blob: &Blob) -> &mut Stored {
        let (total, bytes) = (&mut self.bytes, blob.bytes);
        let stored = self
            .blobs
            .entry(Arc::clone(&blob.digest))
            .or_insert_with(|| {
                *total = total.saturating_add(bytes);
                Stored {
                    bytes,
                    content: None,
                    written: None,
                    needed: 0,
                }
            });
        // A raw manifest may name blobs whose content comes with a later push.
        if stored.content.is_none()
            && let Some(content) = &blob.content
        {
            *total = total
                .saturating_sub(stored.bytes)
                .saturating_add(content.bytes());
            stored.bytes = content.bytes();
            stored.content = Some(content.clone());
        }
        stored
    }

    fn link(&mut self, repository: &str, digest: &Arc<str>) {
        match self.links.get_mut(repository) {
            Some(linked) => linked,
            None => self.links.entry(repository.into()).or_default(),
        }
        .insert(Arc::clone(digest));
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

fn as_written<S: Serializer>(content: &Option<Content>, to: S) -> Result<S::Ok, S::Error> {
    content.as_ref().map(Written::of).serialize(to)
}

fn held(stored: &Stored) -> Held<'_> {
    Held {
        bytes: stored.bytes,
        content: stored.content.as_ref(),
    }
}

/// The blobs of a manifest, each once.
fn distinct(blobs: &[Blob]) -> impl Iterator<Item = &Blob> {
    let mut seen = HashSet::new();
    blobs.iter().filter(move |blob| seen.insert(&blob.digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Image;

    #[test]
    fn blobs_are_summed_up_to_a_limit() {
        let mut store = Store::default();
        for name in ["one", "two"] {
            let (_, built) = Image::new(name).sized_layer(1, 1000).manifests();
            store.put(name, &built, DateTime::UNIX_EPOCH);
        }
        // A configuration and a layer each.
        let mut most = 3;
        assert_eq!(store.bytes_in("one", &mut most), Some(store.bytes()));
        assert_eq!(store.bytes_in("two", &mut most), None);
        assert_eq!(store.bytes_in("none", &mut most), Some(0));
        assert_eq!(most, 1);
    }

    #[test]
    fn a_push_adds_what_is_not_stored_yet_and_each_blob_once() {
        let mut store = Store::default();
        let (_, old) = Image::new("one").sized_layer(1, 1_000).manifests();
        let (_, new) = Image::new("one").sized_layer(2, 2_000).manifests();
        let alone = store.growth([&old]);
        store.put("one", &old, DateTime::UNIX_EPOCH);
        assert_eq!(alone, store.bytes());
        assert_eq!(store.growth([&old]), 0);
        let grown = store.growth([&new]);
        assert!((2_000..alone + 2_000).contains(&grown), "{grown}");
        assert_eq!(store.growth([&old, &new, &new]), grown);
    }

    #[test]
    fn each_change_of_a_repository_makes_a_revision_of_its_own() {
        let (now, mut store) = (DateTime::UNIX_EPOCH, Store::default());
        let (_, built) = Image::new("one").tag("v1").layer("a").manifests();
        let changes: [&dyn Fn(&mut Store); 5] = [
            &|store| store.put("one", &built, now),
            &|store| store.put("one", &built, now),
            &|store| assert!(store.repository_mut("one").unwrap().untag("v1")),
            &|store| {
                store
                    .repository_mut("one")
                    .unwrap()
                    .tag("v2".into(), &built.digest, now)
            },
            &|store| assert!(store.remove_manifest("one", &built.digest, true)),
        ];
        let mut seen = Vec::new();
        for change in changes {
            change(&mut store);
            let revision = store.repository("one").unwrap().revision();
            assert!(!seen.contains(&revision));
            seen.push(revision);
            let mut copy = store.clone();
            assert!(!copy.repository_mut("one").unwrap().untag("missing"));
            assert_eq!(copy.repository("one").unwrap().revision(), revision);
        }
    }
}
