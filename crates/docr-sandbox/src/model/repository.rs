//! A repository: its tags and manifests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::seconds;
use super::image::{Blob, Built};
use super::newest::Newest;
use super::revision::Revision;
use super::row::{ManifestRow, Place, TagRow};
use super::size::Size;

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(super) tags: BTreeMap<Arc<str>, Tag>,
    #[serde(skip)]
    tag_order: Newest,
    pub(super) manifests: HashMap<Arc<str>, Manifest>,
    #[serde(skip)]
    pub(super) manifest_order: Newest,
    /// The referrers of a manifest by its digest; the manifest need not exist.
    #[serde(skip)]
    pub(super) referrers: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The tags of a deleted manifest, by its digest.
    #[serde(skip)]
    left_tags: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The revision of its tags and manifests.
    #[serde(skip)]
    revision: Revision,
}

/// A manifest as clients receive it.
pub(crate) struct Pulled {
    pub(crate) digest: Arc<str>,
    pub(crate) media_type: Arc<str>,
    pub(crate) text: Bytes,
}

/// The manifest that a tag points to, and since when.
pub(crate) struct Tagged {
    pub(crate) digest: Arc<str>,
    /// The size of the manifest's blobs, or of its children's.
    pub(crate) size: Size,
    pub(crate) pushed_at: DateTime<Utc>,
}

#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Tag {
    pub(super) digest: Arc<str>,
    pushed_at: DateTime<Utc>,
}

#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Manifest {
    /// The document, byte for byte.
    #[serde(with = "super::as_text")]
    pub(super) text: Bytes,
    pub(super) media_type: Arc<str>,
    pub(super) subject: Option<Arc<str>>,
    blobs: Arc<[Blob]>,
    #[serde(flatten)]
    pub(super) size: Size,
    pub(super) children: Vec<Arc<str>>,
    pub(super) tags: BTreeSet<Arc<str>>,
    pub(super) pushed_at: DateTime<Utc>,
}

impl Repository {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tags: BTreeMap::new(),
            tag_order: Newest::default(),
            manifests: HashMap::new(),
            manifest_order: Newest::default(),
            referrers: HashMap::new(),
            left_tags: HashMap::new(),
            revision: Revision::next(),
        }
    }

    /// Changes with its tags and manifests.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn tag_count(&self) -> usize {
        self.tag_order.len()
    }

    /// A manifest by its digest or by a tag.
    pub(crate) fn document(&self, reference: &str) -> Option<Pulled> {
        let digest = match self.tags.get(reference) {
            Some(tag) => &*tag.digest,
            None => reference,
        };
        let (digest, manifest) = self.manifests.get_key_value(digest)?;
        Some(Pulled {
            digest: Arc::clone(digest),
            media_type: Arc::clone(&manifest.media_type),
            text: manifest.text.clone(),
        })
    }

    /// The referrers of a manifest.
    pub(crate) fn referrers(&self, digest: &str) -> Vec<Pulled> {
        let digests = self.referrers.get(digest).into_iter().flatten();
        digests.filter_map(|digest| self.document(digest)).collect()
    }

    /// At most so many tags in order, after `last`.
    pub(crate) fn tags_after(&self, last: Option<&str>, most: usize) -> Vec<Arc<str>> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let tags = self.tags.range::<str, _>((from, Bound::Unbounded));
        tags.take(most).map(|(name, _)| Arc::clone(name)).collect()
    }

    /// The size of a manifest's blobs, or of its children's.
    pub(super) fn size_of(&self, digest: &str) -> Option<Size> {
        Some(self.manifests.get(digest)?.size)
    }

    pub(crate) fn manifest_count(&self) -> usize {
        self.manifest_order.len()
    }

    /// Points tags to a manifest of the repository.
    pub(crate) fn tag_all(
        &mut self,
        tags: impl Iterator<Item = Arc<str>>,
        digest: &Arc<str>,
        now: DateTime<Utc>,
    ) {
        for tag in tags {
            self.tag(tag, digest, now);
        }
    }

    /// Removes a tag, but not its manifest. `false` if there is no such tag.
    pub(crate) fn untag(&mut self, tag: &str) -> bool {
        let Some((tag, old)) = self.tags.remove_entry(tag) else {
            return false;
        };
        self.revision = Revision::next();
        self.tag_order.remove(old.pushed_at, &tag);
        let tags = match self.manifests.get_mut(&old.digest) {
            Some(manifest) => Some(&mut manifest.tags),
            None => self.left_tags.get_mut(&old.digest),
        };
        if let Some(tags) = tags {
            tags.remove(&tag);
        }
        true
    }

    pub(super) fn tag(&mut self, tag: Arc<str>, digest: &Arc<str>, now: DateTime<Utc>) {
        self.untag(&tag);
        self.revision = Revision::next();
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

    /// Stores a manifest, or updates the time of an existing one. Returns whether it is new.
    pub(super) fn put(&mut self, built: &Built, now: DateTime<Utc>) -> bool {
        self.revision = Revision::next();
        let known = self.manifests.get_mut(&built.digest);
        let is_new = known.is_none();
        if let Some(manifest) = known {
            self.manifest_order
                .remove(manifest.pushed_at, &built.digest);
            manifest.pushed_at = now;
            // The same bytes may be pushed with another media type.
            manifest.media_type = Arc::clone(&built.media_type);
        } else {
            if let Some(subject) = &built.subject {
                let about = self.referrers.entry(Arc::clone(subject)).or_default();
                about.insert(Arc::clone(&built.digest));
            }
            let manifest = Manifest {
                text: built.text.clone(),
                media_type: Arc::clone(&built.media_type),
                subject: built.subject.clone(),
                blobs: Arc::clone(&built.blobs),
                size: built.size,
                children: built.children.clone(),
                tags: self.left_tags.remove(&built.digest).unwrap_or_default(),
                pushed_at: now,
            };
            self.manifests.insert(Arc::clone(&built.digest), manifest);
        }
        self.manifest_order.insert(now, Arc::clone(&built.digest));
        is_new
    }

    /// Removes a manifest, with its tags if `takes_tags`, and returns its blobs.
    pub(super) fn remove(&mut self, digest: &str, takes_tags: bool) -> Option<Arc<[Blob]>> {
        let (digest, manifest) = self.manifests.remove_entry(digest)?;
        self.revision = Revision::next();
        self.manifest_order.remove(manifest.pushed_at, &digest);
        if let Some(subject) = &manifest.subject
            && let Some(about) = self.referrers.get_mut(subject)
        {
            about.remove(&digest);
            if about.is_empty() {
                self.referrers.remove(subject);
            }
        }
        if !takes_tags {
            self.left_tags.insert(digest, manifest.tags);
            return Some(manifest.blobs);
        }
        for tag in &manifest.tags {
            if let Some(tag_of) = self.tags.remove(tag) {
                self.tag_order.remove(tag_of.pushed_at, tag);
            }
        }
        Some(manifest.blobs)
    }

    /// Rebuilds what is not saved, after loading.
    pub(super) fn restore(&mut self) {
        self.revision = Revision::next();
        let tags = self.tags.iter();
        self.tag_order
            .rebuild(tags.map(|(name, tag)| (tag.pushed_at, Arc::clone(name))));
        let manifests = self.manifests.iter();
        self.manifest_order
            .rebuild(manifests.map(|(digest, manifest)| (manifest.pushed_at, Arc::clone(digest))));
        for (digest, manifest) in &self.manifests {
            if let Some(subject) = &manifest.subject {
                let about = self.referrers.entry(Arc::clone(subject)).or_default();
                about.insert(Arc::clone(digest));
            }
        }
        for (name, tag) in &self.tags {
            if !self.manifests.contains_key(&tag.digest) {
                let left = self.left_tags.entry(Arc::clone(&tag.digest)).or_default();
                left.insert(Arc::clone(name));
            }
        }
    }

    /// The blobs of each of its manifests.
    pub(super) fn into_blobs(self) -> impl Iterator<Item = Arc<[Blob]>> {
        self.manifests.into_values().map(|manifest| manifest.blobs)
    }

    /// The manifests without a tag that belong to no tagged index.
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
        // An empty object if there is none: doctl crashes without the field.
        json["latest_tag"] = match self.tag_order.first() {
            Some(tag) => json!(self.tag_row(&Place::new(registry, &self.name), tag)),
            None => json!({}),
        };
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
            let row = self.manifest_row(&Place::new(registry, &self.name), digest);
            json["latest_manifest"] = json!(row);
        }
        json
    }

    /// The newest manifest; of several with the same time, the one of the newest tag.
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

    pub(crate) fn tag_rows(&self, registry: &str, offset: usize, size: usize) -> Vec<TagRow> {
        let place = Place::new(registry, &self.name);
        let page = self.tag_order.page(offset, size);
        page.map(|tag| self.tag_row(&place, tag)).collect()
    }

    pub(crate) fn manifest_rows(
        &self,
        registry: &str,
        offset: usize,
        size: usize,
    ) -> Vec<ManifestRow> {
        let place = Place::new(registry, &self.name);
        let page = self.manifest_order.page(offset, size);
        page.map(|digest| self.manifest_row(&place, digest))
            .collect()
    }

    fn tag_row(&self, place: &Place, name: &Arc<str>) -> TagRow {
        let tag = self.tagged(name);
        TagRow {
            place: place.clone(),
            tag: Arc::clone(name),
            manifest_digest: tag.digest,
            size: tag.size.into(),
            updated_at: seconds(tag.pushed_at),
        }
    }

    fn tagged(&self, name: &str) -> Tagged {
        let tag = &self.tags[name];
        Tagged {
            digest: Arc::clone(&tag.digest),
            size: self.size_of(&tag.digest).unwrap_or_default(),
            pushed_at: tag.pushed_at,
        }
    }

    /// Tags, the newest first, with the manifests that they point to.
    pub(crate) fn tags(
        &self,
        offset: usize,
        size: usize,
    ) -> impl Iterator<Item = (&Arc<str>, Tagged)> {
        let page = self.tag_order.page(offset, size);
        page.map(|name| (name, self.tagged(name)))
    }

    fn manifest_row(&self, place: &Place, digest: &Arc<str>) -> ManifestRow {
        let manifest = &self.manifests[digest];
        ManifestRow {
            place: place.clone(),
            digest: Arc::clone(digest),
            size: manifest.size.into(),
            updated_at: seconds(manifest.pushed_at),
            tags: manifest.tags.iter().cloned().collect(),
            blobs: Arc::clone(&manifest.blobs),
        }
    }
}
