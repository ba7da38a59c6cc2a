//! The images of a repository: which manifests belong together, and which tags point to them.
//!
//! A repository may have hundreds of thousands of images, so they are held as sorted lists of small numbers, not as maps.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use chrono::{DateTime, Utc};

use super::{
    inventory::{ManifestContent, ManifestRecord, RepositoryInventory},
    manifest::{ManifestDocument, subject_of_tag},
    shared_string::SharedString,
};
use crate::{Digest, InvalidInput, Tag};

/// A manifest of a repository: its place in the order of the digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManifestId(u32);

/// A tag of a repository: its place in the order of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TagId(u32);

impl ManifestId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

impl TagId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The tags and manifests of a repository, and how they relate.
pub(super) struct Images<'a> {
    repository: &'a RepositoryInventory,
    manifests: Vec<Manifest>,
    tags: Vec<TagPlace>,
    /// The tags that only the list of manifests names.
    unlisted_tags: Vec<&'a SharedString>,
    /// The digests that tags point to, and that no manifest has.
    missing_digests: Vec<&'a SharedString>,
    /// What the tags point to, tag by tag, in the order of the digests.
    targets: Vec<Target>,
    /// The tags of the manifests, manifest by manifest, in the order of the names.
    tags_of_manifests: Vec<TagId>,
}

struct Manifest {
    /// The place of its record in the inventory.
    record: u32,
    /// Where its tags begin.
    tags: u32,
    /// Most have none.
    relations: Option<Box<Relations>>,
}

struct TagPlace {
    /// The place of its record in the inventory, and beyond these its place among the unlisted ones.
    record: u32,
    /// Where its targets begin.
    targets: u32,
}

/// The place of a manifest, and beyond these of a missing digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Target(u32);

/// How a manifest relates to others.
#[derive(Default)]
struct Relations {
    /// The manifests of this repository that belong to it: its parts and referrers.
    belongings: Vec<ManifestId>,
    /// The manifests of this repository that it belongs to.
    owners: Vec<ManifestId>,
    /// The digests of the images that it refers to, by its subject or by its tags, in any repository.
    subjects: BTreeSet<SharedString>,
}

impl<'a> Images<'a> {
    pub(super) fn of(repository: &'a RepositoryInventory) -> Result<Self, InvalidInput> {
        let manifests = unique("manifest", &repository.manifests, |it| &it.digest)?;
        let manifests = manifests.into_iter().map(|record| Manifest {
            record,
            tags: 0,
            relations: None,
        });
        let tags = unique("tag", &repository.tags, |it| &it.tag)?;
        let tags = tags
            .into_iter()
            .map(|record| TagPlace { record, targets: 0 });
        let mut images = Self {
            repository,
            manifests: manifests.collect(),
            tags: tags.collect(),
            unlisted_tags: Vec::new(),
            missing_digests: Vec::new(),
            targets: Vec::new(),
            tags_of_manifests: Vec::new(),
        };
        images.add_what_is_unlisted();
        images.connect_tags();
        images.connect_manifests();
        Ok(images)
    }

    /// Adds the tags and digests that one list names and the other doesn't have.
    fn add_what_is_unlisted(&mut self) {
        let digests = self.repository.tags.iter();
        let digests = digests.filter_map(|tag| tag.digest.as_ref());
        let digests = digests.filter(|digest| self.find(digest).is_none());
        self.missing_digests = sorted(digests.collect());
        let records = self.repository.manifests.iter();
        let tags = records.flat_map(|manifest| &manifest.tags);
        let tags = tags.filter(|tag| self.find_tag(tag).is_none());
        self.unlisted_tags = sorted(tags.collect());
        if self.unlisted_tags.is_empty() {
            return;
        }
        let listed = self.tags.len();
        let places = (listed..listed + self.unlisted_tags.len()).map(|place| TagPlace {
            record: place as u32,
            targets: 0,
        });
        self.tags.extend(places);
        let mut tags = std::mem::take(&mut self.tags);
        tags.sort_unstable_by(|a, b| self.name_at(a).cmp(self.name_at(b)));
        self.tags = tags;
    }

    /// Finds out where the tags point, by both lists.
    fn connect_tags(&mut self) {
        let records = self.repository.manifests.iter();
        let named = records.map(|manifest| manifest.tags.len()).sum::<usize>();
        let mut pairs = Vec::with_capacity(self.repository.tags.len() + named);
        for tag in self.tags() {
            let record = self
                .repository
                .tags
                .get(self.tags[tag.index()].record as usize);
            if let Some(digest) = record.and_then(|record| record.digest.as_ref()) {
                pairs.extend(self.target(digest).map(|target| (tag, target)));
            }
        }
        for manifest in self.manifests() {
            let tags = self.record(manifest).tags.iter();
            let tags = tags.filter_map(|tag| self.find_tag(tag));
            pairs.extend(tags.map(|tag| (tag, Target(manifest.0))));
        }
        pairs.sort_unstable_by(|(tag, target), (other_tag, other)| {
            let digests = || self.digest_of(*target).cmp(self.digest_of(*other));
            tag.cmp(other_tag).then_with(digests)
        });
        pairs.dedup();
        let tags = pairs.iter().map(|(tag, _)| tag.index());
        let begins = begins(tags, self.tags.len());
        for (place, begin) in self.tags.iter_mut().zip(begins) {
            place.targets = begin;
        }
        self.targets = pairs.iter().map(|(_, target)| *target).collect();
        let count = self.manifests.len();
        pairs.retain(|(_, target)| (target.0 as usize) < count);
        pairs.sort_unstable_by_key(|(tag, target)| (*target, *tag));
        let manifests = pairs.iter().map(|(_, target)| target.0 as usize);
        let begins = self::begins(manifests, count);
        for (manifest, begin) in self.manifests.iter_mut().zip(begins) {
            manifest.tags = begin;
        }
        self.tags_of_manifests = pairs.iter().map(|(tag, _)| *tag).collect();
    }

    /// Finds out what belongs to what.
    fn connect_manifests(&mut self) {
        // Each owner with what belongs to it.
        let mut pairs = Vec::new();
        for manifest in self.manifests() {
            let document = self.document(manifest);
            let parts = document.into_iter().flat_map(|document| &document.parts);
            let parts = parts.filter_map(|part| self.find(part));
            pairs.extend(parts.map(|part| (manifest, part)));
            let tags = self.tags_of(manifest).iter();
            let about = tags.filter_map(|tag| subject_of_tag(self.name(*tag)));
            let subject = document.and_then(|document| document.subject.clone());
            let mut subjects: BTreeSet<_> = subject.into_iter().chain(about).collect();
            subjects.remove(self.digest(manifest));
            if subjects.is_empty() {
                continue;
            }
            let owners = subjects.iter().filter_map(|subject| self.find(subject));
            pairs.extend(owners.map(|owner| (owner, manifest)));
            self.relations_mut(manifest).subjects = subjects;
        }
        // Nothing belongs to itself, whatever it says.
        pairs.retain(|(owner, part)| owner != part);
        pairs.sort_unstable();
        pairs.dedup();
        for (owner, part) in pairs {
            self.relations_mut(owner).belongings.push(part);
            self.relations_mut(part).owners.push(owner);
        }
    }

    fn relations(&self, manifest: ManifestId) -> Option<&Relations> {
        self.manifests[manifest.index()].relations.as_deref()
    }

    fn relations_mut(&mut self, manifest: ManifestId) -> &mut Relations {
        let relations = &mut self.manifests[manifest.index()].relations;
        relations.get_or_insert_default()
    }

    /// All manifests, in the order of their digests.
    pub(super) fn manifests(&self) -> impl Iterator<Item = ManifestId> + Clone + use<> {
        (0..self.manifests.len() as u32).map(ManifestId)
    }

    /// All tags, in the order of their names.
    pub(super) fn tags(&self) -> impl Iterator<Item = TagId> + Clone + use<> {
        (0..self.tags.len() as u32).map(TagId)
    }

    /// The names of all tags, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a SharedString> {
        self.tags().map(|tag| self.name(tag))
    }

    pub(super) fn record(&self, manifest: ManifestId) -> &'a ManifestRecord {
        &self.repository.manifests[self.manifests[manifest.index()].record as usize]
    }

    pub(super) fn digest(&self, manifest: ManifestId) -> &'a SharedString {
        &self.record(manifest).digest
    }

    pub(super) fn document(&self, manifest: ManifestId) -> Option<&'a ManifestDocument> {
        match &self.record(manifest).content {
            ManifestContent::Read(document) => Some(document),
            ManifestContent::Unread | ManifestContent::Unreadable(_) => None,
        }
    }

    /// The tags that point to a manifest, in the order of their names.
    pub(super) fn tags_of(&self, manifest: ManifestId) -> &[TagId] {
        let all = &self.tags_of_manifests;
        let next = self.manifests.get(manifest.index() + 1);
        let end = next.map_or(all.len(), |next| next.tags as usize);
        &all[self.manifests[manifest.index()].tags as usize..end]
    }

    /// The manifests of this repository that belong to one: its parts and referrers.
    pub(super) fn belongings(&self, manifest: ManifestId) -> &[ManifestId] {
        let relations = self.relations(manifest);
        relations.map_or(&[], |relations| &relations.belongings)
    }

    /// The manifests of this repository that one belongs to.
    pub(super) fn owners(&self, manifest: ManifestId) -> &[ManifestId] {
        let relations = self.relations(manifest);
        relations.map_or(&[], |relations| &relations.owners)
    }

    /// The digests of the images that a manifest refers to, in any repository.
    pub(super) fn subjects(&self, manifest: ManifestId) -> impl Iterator<Item = &SharedString> {
        let relations = self.relations(manifest).into_iter();
        relations.flat_map(|relations| &relations.subjects)
    }

    /// Whether a manifest is a signature, an attestation or another referrer.
    pub(super) fn is_about(&self, manifest: ManifestId) -> bool {
        self.subjects(manifest).next().is_some()
    }

    /// Whether a manifest refers to an image that is deleted or in another repository.
    pub(super) fn is_orphan(&self, manifest: ManifestId) -> bool {
        self.is_about(manifest) && self.owners(manifest).is_empty()
    }

    /// Whether a manifest is an image of its own: neither a part nor a referrer of another one.
    pub(super) fn is_root(&self, manifest: ManifestId) -> bool {
        self.owners(manifest).is_empty() && !self.is_about(manifest)
    }

    pub(super) fn name(&self, tag: TagId) -> &'a SharedString {
        self.name_at(&self.tags[tag.index()])
    }

    fn name_at(&self, place: &TagPlace) -> &'a SharedString {
        let (records, record) = (&self.repository.tags, place.record as usize);
        match records.get(record) {
            Some(record) => &record.tag,
            None => self.unlisted_tags[record - records.len()],
        }
    }

    /// When a tag was last pushed, by the list of tags.
    pub(super) fn updated_at(&self, tag: TagId) -> Option<DateTime<Utc>> {
        let record = self.tags[tag.index()].record as usize;
        self.repository.tags.get(record)?.updated_at
    }

    fn targets(&self, tag: TagId) -> &[Target] {
        let next = self.tags.get(tag.index() + 1);
        let end = next.map_or(self.targets.len(), |next| next.targets as usize);
        &self.targets[self.tags[tag.index()].targets as usize..end]
    }

    /// The digests that a tag points to, in order: several, if the lists of tags and of manifests disagree; none, if
    /// nothing is known.
    pub(super) fn digests(&self, tag: TagId) -> impl Iterator<Item = &'a SharedString> {
        self.targets(tag)
            .iter()
            .map(|target| self.digest_of(*target))
    }

    /// The manifests that a tag points to, in the order of their digests.
    pub(super) fn manifests_of(&self, tag: TagId) -> impl Iterator<Item = ManifestId> {
        let count = self.manifests.len();
        let targets = self.targets(tag).iter();
        let known = targets.filter(move |target| (target.0 as usize) < count);
        known.map(|target| ManifestId(target.0))
    }

    /// Whether a tag points to a digest that no manifest has.
    pub(super) fn has_missing_digests(&self) -> bool {
        !self.missing_digests.is_empty()
    }

    /// Whether the name of a tag says which image it refers to. A mirror may tag an image by its own digest: that refers to
    /// no other one.
    pub(super) fn says_subject(&self, tag: TagId) -> bool {
        let subject = subject_of_tag(self.name(tag));
        subject.is_some_and(|subject| self.digests(tag).all(|digest| *digest != subject))
    }

    fn digest_of(&self, target: Target) -> &'a SharedString {
        let place = target.0 as usize;
        match self.manifests.get(place) {
            Some(manifest) => &self.repository.manifests[manifest.record as usize].digest,
            None => self.missing_digests[place - self.manifests.len()],
        }
    }

    fn target(&self, digest: &SharedString) -> Option<Target> {
        if let Some(manifest) = self.find(digest) {
            return Some(Target(manifest.0));
        }
        let place = self.missing_digests.binary_search(&digest).ok()?;
        Some(Target((self.manifests.len() + place) as u32))
    }

    /// The manifest with a digest.
    pub(super) fn find(&self, digest: &str) -> Option<ManifestId> {
        let records = &self.repository.manifests;
        let place = self
            .manifests
            .binary_search_by(|it| records[it.record as usize].digest.as_str().cmp(digest));
        Some(ManifestId(place.ok()? as u32))
    }

    /// The tag with a name.
    pub(super) fn find_tag(&self, name: &str) -> Option<TagId> {
        let place = self
            .tags
            .binary_search_by(|it| self.name_at(it).as_str().cmp(name));
        Some(TagId(place.ok()? as u32))
    }

    /// Whether each manifest is one of these or belongs to one of them, at any depth.
    pub(super) fn whole(&self, manifests: impl Iterator<Item = ManifestId>) -> Vec<bool> {
        let mut whole = vec![false; self.manifests.len()];
        let mut todo: Vec<_> = manifests.collect();
        while let Some(next) = todo.pop() {
            if !std::mem::replace(&mut whole[next.index()], true) {
                todo.extend(self.belongings(next));
            }
        }
        whole
    }

    /// When a manifest or one of its tags was last pushed; `None` if one of these times is unknown.
    pub(super) fn last_push(&self, manifest: ManifestId) -> Option<DateTime<Utc>> {
        let first = self.record(manifest).updated_at?;
        let mut tags = self.tags_of(manifest).iter();
        tags.try_fold(first, |last, tag| Some(last.max(self.updated_at(*tag)?)))
    }

    /// The manifests that own, at any depth, one that must be kept: each with the reason of the first such one by digest.
    pub(super) fn owners_of<R: Clone>(
        &self,
        reason: impl Fn(ManifestId) -> Option<R>,
    ) -> BTreeMap<ManifestId, R> {
        let mut owners = BTreeMap::new();
        for part in self.manifests() {
            if self.owners(part).is_empty() {
                continue;
            }
            let Some(reason) = reason(part) else {
                continue;
            };
            let mut todo = self.owners(part).to_vec();
            while let Some(owner) = todo.pop() {
                // The owners of a known owner are known, too.
                if let Entry::Vacant(place) = owners.entry(owner) {
                    place.insert(reason.clone());
                    todo.extend(self.owners(owner));
                }
            }
        }
        owners
    }

    /// Whether the lists agree on where the tags of a manifest point.
    pub(super) fn is_agreed(&self, manifest: ManifestId) -> bool {
        let mut tags = self.tags_of(manifest).iter();
        tags.all(|tag| self.targets(*tag).len() == 1)
    }

    /// Whether a manifest and its tags can be addressed in a call.
    pub(super) fn is_addressable(&self, manifest: ManifestId) -> bool {
        let mut tags = self.tags_of(manifest).iter();
        Digest::new(self.digest(manifest).as_str()).is_ok()
            && tags.all(|tag| Tag::new(self.name(*tag).as_str()).is_ok())
    }
}

/// Where each group of a sorted list begins. Groups are numbered from 0, and may be empty.
fn begins(groups: impl Iterator<Item = usize>, count: usize) -> Vec<u32> {
    let mut begins = vec![0; count];
    for group in groups {
        begins[group] += 1;
    }
    let mut begin = 0;
    for place in &mut begins {
        begin += std::mem::replace(place, begin);
    }
    begins
}

/// In order, each once.
fn sorted(mut texts: Vec<&SharedString>) -> Vec<&SharedString> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// The places of items in the order of their names, which must differ.
pub(super) fn unique<T>(
    what: &'static str,
    items: &[T],
    name: impl Fn(&T) -> &SharedString,
) -> Result<Vec<u32>, InvalidInput> {
    let name = |place: &u32| name(&items[*place as usize]);
    let mut places: Vec<_> = (0..items.len() as u32).collect();
    places.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    let twice = places
        .windows(2)
        .find(|pair| name(&pair[0]) == name(&pair[1]));
    match twice {
        Some(pair) => {
            let rule = "appears twice in the inventory";
            Err(InvalidInput::new(what, name(&pair[0]).as_str(), rule))
        }
        None => Ok(places),
    }
}
