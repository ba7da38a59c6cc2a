//! A repository: its tags and manifests.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::image::{Blob, Built};
use super::newest::Newest;

pub(crate) struct Repository {
    pub(crate) name: String,
    tags: HashMap<Arc<str>, Tag>,
    tag_order: Newest,
    manifests: HashMap<Arc<str>, Manifest>,
    manifest_order: Newest,
}

struct Tag {
    digest: Arc<str>,
    pushed_at: DateTime<Utc>,
}

struct Manifest {
    /// The document itself.
    text: Box<str>,
    blobs: Arc<[Blob]>,
    bytes: u64,
    children: Vec<Arc<str>>,
    tags: BTreeSet<Arc<str>>,
    pushed_at: DateTime<Utc>,
}

impl Repository {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tags: HashMap::new(),
            tag_order: Newest::default(),
            manifests: HashMap::new(),
            manifest_order: Newest::default(),
        }
    }

    pub(crate) fn tag_count(&self) -> usize {
        self.tag_order.len()
    }

    /// A manifest by its digest or by a tag: the digest, and the document.
    pub(crate) fn document(&self, reference: &str) -> Option<(&str, &str)> {
        let digest = match self.tags.get(reference) {
            Some(tag) => &*tag.digest,
            None => reference,
        };
        let (digest, manifest) = self.manifests.get_key_value(digest)?;
        Some((digest, &manifest.text))
    }

    pub(crate) fn manifest_count(&self) -> usize {
        self.manifest_order.len()
    }

    /// Points many tags to a manifest of the repository.
    pub(crate) fn tag_all(
        &mut self,
        tags: impl Iterator<Item = Arc<str>>,
        digest: &Arc<str>,
        now: DateTime<Utc>,
    ) {
        let mut named = BTreeSet::new();
        for tag in tags {
            let pushed = Tag {
                digest: Arc::clone(digest),
                pushed_at: now,
            };
            if let Some(old) = self.tags.insert(Arc::clone(&tag), pushed)
                && let Some(manifest) = self.manifests.get_mut(&old.digest)
            {
                manifest.tags.remove(&tag);
            }
            named.insert(tag);
        }
        if let Some(manifest) = self.manifests.get_mut(digest) {
            manifest.tags.append(&mut named);
        }
        self.rebuild_tag_order();
    }

    /// Removes a tag; the manifest stays.
    /// Takes a tag away; `false` if it isn't there.
    pub(crate) fn untag(&mut self, tag: &str) -> bool {
        let Some((tag, old)) = self.tags.remove_entry(tag) else {
            return false;
        };
        self.tag_order.remove(old.pushed_at, &tag);
        if let Some(manifest) = self.manifests.get_mut(&old.digest) {
            manifest.tags.remove(&tag);
        }
        true
    }

    pub(super) fn tag(&mut self, tag: Arc<str>, digest: &Arc<str>, now: DateTime<Utc>) {
        self.untag(&tag);
        self.tag_order.insert(now, Arc::clone(&tag));
        if let Some(manifest) = self.manifests.get_mut(digest) {
            manifest.tags.insert(Arc::clone(&tag));
        }
        let digest = Arc::clone(digest);
        self.tags.insert(
            tag,
            Tag {
                digest,
                pushed_at: now,
            },
        );
    }

    /// Stores a manifest, or moves the time of one that is there. Returns whether it is new.
    pub(super) fn put(&mut self, built: &Built, now: DateTime<Utc>) -> bool {
        let known = self.manifests.get_mut(&built.digest);
        let is_new = known.is_none();
        if let Some(manifest) = known {
            self.manifest_order
                .remove(manifest.pushed_at, &built.digest);
            manifest.pushed_at = now;
        } else {
            let manifest = Manifest {
                text: built.text.as_str().into(),
                blobs: Arc::clone(&built.blobs),
                bytes: built.bytes,
                children: built.children.clone(),
                tags: BTreeSet::new(),
                pushed_at: now,
            };
            self.manifests.insert(Arc::clone(&built.digest), manifest);
        }
        self.manifest_order.insert(now, Arc::clone(&built.digest));
        is_new
    }

    /// Removes a manifest and the tags that point to it, and returns its blobs.
    pub(super) fn remove(&mut self, digest: &str) -> Option<Arc<[Blob]>> {
        let (digest, manifest) = self.manifests.remove_entry(digest)?;
        self.manifest_order.remove(manifest.pushed_at, &digest);
        // One by one is cheaper for the few tags that a manifest commonly has.
        let few = manifest.tags.len() < 16;
        for tag in &manifest.tags {
            if let Some(tag_of) = self.tags.remove(tag)
                && few
            {
                self.tag_order.remove(tag_of.pushed_at, tag);
            }
        }
        if !few {
            self.rebuild_tag_order();
        }
        Some(manifest.blobs)
    }

    /// The blobs of each of its manifests.
    pub(super) fn into_blobs(self) -> impl Iterator<Item = Arc<[Blob]>> {
        self.manifests.into_values().map(|manifest| manifest.blobs)
    }

    fn rebuild_tag_order(&mut self) {
        let tags = self.tags.iter();
        self.tag_order
            .rebuild(tags.map(|(name, tag)| (tag.pushed_at, Arc::clone(name))));
    }

    /// The manifests that have no tag and belong to no tagged index.
    pub(super) fn untagged(&self) -> Vec<Arc<str>> {
        let mut keep = HashSet::new();
        let mut todo: Vec<_> = self
            .manifests
            .iter()
            .filter(|(_, manifest)| !manifest.tags.is_empty())
            .map(|(digest, _)| digest)
            .collect();
        while let Some(digest) = todo.pop() {
            if keep.insert(digest)
                && let Some(manifest) = self.manifests.get(digest)
            {
                todo.extend(&manifest.children);
            }
        }
        let all = self.manifests.keys();
        all.filter(|digest| !keep.contains(digest))
            .cloned()
            .collect()
    }

    pub(crate) fn to_json(&self, registry: &str) -> Value {
        let mut json = json!({
            "registry_name": registry,
            "name": self.name,
            "tag_count": self.tag_count(),
        });
        if let Some(tag) = self.tag_order.first() {
            json["latest_tag"] = self.tag_json(registry, tag);
        }
        json
    }

    pub(crate) fn to_json_v2(&self, registry: &str) -> Value {
        let mut json = json!({
            "registry_name": registry,
            "name": self.name,
            "tag_count": self.tag_count(),
            "manifest_count": self.manifest_count(),
        });
        if let Some(digest) = self.latest_manifest() {
            json["latest_manifest"] = self.manifest_json(registry, digest);
        }
        json
    }

    /// The newest manifest; of several as new, the one that the newest tag points to.
    fn latest_manifest(&self) -> Option<&Arc<str>> {
        let newest = self.manifest_order.first()?;
        let tagged = self
            .tag_order
            .first()
            .and_then(|tag| self.tags.get(tag))
            .map(|tag| &tag.digest);
        let time = |digest: &Arc<str>| {
            self.manifests
                .get(digest)
                .map(|manifest| manifest.pushed_at)
        };
        tagged
            .filter(|digest| time(digest) == time(newest))
            .or(Some(newest))
    }

    pub(crate) fn tags_json(&self, registry: &str, offset: usize, size: usize) -> Vec<Value> {
        let page = self.tag_order.page(offset, size);
        page.map(|tag| self.tag_json(registry, tag)).collect()
    }

    pub(crate) fn manifests_json(&self, registry: &str, offset: usize, size: usize) -> Vec<Value> {
        let page = self.manifest_order.page(offset, size);
        page.map(|digest| self.manifest_json(registry, digest))
            .collect()
    }

    fn tag_json(&self, registry: &str, name: &str) -> Value {
        let tag = &self.tags[name];
        let bytes = self
            .manifests
            .get(&tag.digest)
            .map_or(0, |manifest| manifest.bytes);
        json!({
            "registry_name": registry,
            "repository": self.name,
            "tag": name,
            "manifest_digest": &*tag.digest,
            "compressed_size_bytes": bytes,
            "size_bytes": bytes,
            "updated_at": tag.pushed_at,
        })
    }

    fn manifest_json(&self, registry: &str, digest: &str) -> Value {
        let manifest = &self.manifests[digest];
        let blobs: Vec<_> = manifest
            .blobs
            .iter()
            .map(|blob| json!({ "digest": &*blob.digest, "compressed_size_bytes": blob.bytes }))
            .collect();
        let tags: Vec<&str> = manifest.tags.iter().map(|tag| &**tag).collect();
        json!({
            "registry_name": registry,
            "repository": self.name,
            "digest": digest,
            "compressed_size_bytes": manifest.bytes,
            "size_bytes": manifest.bytes,
            "updated_at": manifest.pushed_at,
            "tags": tags,
            "blobs": blobs,
        })
    }
}
