//! The images of a repository: which manifests belong together, and which tags lead to them.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use chrono::{DateTime, Utc};

use super::{
    inventory::{ManifestContent, ManifestRecord, RepositoryInventory},
    manifest::{ManifestDocument, subject_of_tag},
    reason::KeepReason,
};
use crate::{Digest, InvalidInput, Tag};

/// A repository, looked at from all sides.
pub(super) struct Images<'a> {
    pub(super) manifests: BTreeMap<&'a str, Manifest<'a>>,
    pub(super) tags: BTreeMap<&'a str, TagPlace<'a>>,
}

/// Where a tag leads to.
pub(super) struct TagPlace<'a> {
    /// More than one, if the lists of tags and of manifests disagree; none, if nothing is known.
    pub(super) digests: Vec<&'a str>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    /// Whether it is one that says by its name which image it is about.
    pub(super) is_about: bool,
}

/// A manifest, and what has to do with it.
pub(super) struct Manifest<'a> {
    pub(super) record: &'a ManifestRecord,
    /// In order.
    pub(super) tags: Vec<&'a str>,
    /// When it or one of its tags was last pushed; `None` if one of these times is unknown.
    pub(super) last_push: Option<DateTime<Utc>>,
    /// The manifests of this repository that belong to it: its parts, and what is about it.
    pub(super) belongings: BTreeSet<&'a str>,
    /// The manifests of this repository that it belongs to.
    pub(super) owners: BTreeSet<&'a str>,
    /// The digests of the images that it is about, by its subject or by its tags, wherever they are.
    pub(super) subjects: BTreeSet<String>,
}

impl<'a> Manifest<'a> {
    /// Whether it is a signature, an attestation or another referrer.
    pub(super) fn is_about(&self) -> bool {
        !self.subjects.is_empty()
    }

    pub(super) fn document(&self) -> Option<&'a ManifestDocument> {
        match &self.record.content {
            ManifestContent::Read(document) => Some(document),
            ManifestContent::Unread | ManifestContent::Unreadable(_) => None,
        }
    }

    /// Whether it is about an image that is gone, or in another repository.
    pub(super) fn is_orphan(&self) -> bool {
        self.is_about() && self.owners.is_empty()
    }

    /// Whether it is an image of its own: neither part of another one nor about one.
    pub(super) fn is_root(&self) -> bool {
        self.owners.is_empty() && !self.is_about()
    }
}

impl<'a> Images<'a> {
    pub(super) fn of(repository: &'a RepositoryInventory) -> Result<Self, InvalidInput> {
        let records = unique("manifest", &repository.manifests, |manifest| {
            &manifest.digest
        })?;
        let listed = unique("tag", &repository.tags, |tag| &tag.tag)?;
        let mut tags = BTreeMap::<&str, TagPlace<'_>>::new();
        for (name, record) in &listed {
            let place = TagPlace {
                digests: record.digest.as_deref().into_iter().collect(),
                updated_at: record.updated_at,
                is_about: false,
            };
            tags.insert(name, place);
        }
        for (digest, record) in &records {
            for tag in &record.tags {
                let place = tags.entry(tag).or_insert_with(|| TagPlace {
                    digests: Vec::with_capacity(1),
                    updated_at: None,
                    is_about: false,
                });
                if place.digests.last() != Some(digest) {
                    place.digests.push(digest);
                }
            }
        }
        let mut manifests: BTreeMap<_, _> = records
            .into_iter()
            .map(|(digest, record)| {
                (
                    digest,
                    Manifest {
                        record,
                        tags: Vec::new(),
                        last_push: record.updated_at,
                        belongings: BTreeSet::new(),
                        owners: BTreeSet::new(),
                        subjects: BTreeSet::new(),
                    },
                )
            })
            .collect();
        for (tag, place) in &mut tags {
            place.digests.sort_unstable();
            place.digests.dedup();
            // A mirror may tag an image by its own digest: that says nothing of another one.
            place.is_about = subject_of_tag(tag)
                .is_some_and(|subject| !place.digests.contains(&subject.as_str()));
            for digest in &place.digests {
                if let Some(manifest) = manifests.get_mut(digest) {
                    if manifest.tags.is_empty() {
                        // Most have one, and there may be many of them.
                        manifest.tags.reserve_exact(1);
                    }
                    manifest.tags.push(tag);
                    let pushed = manifest.last_push.zip(place.updated_at);
                    manifest.last_push = pushed.map(|(one, other)| one.max(other));
                }
            }
        }
        let mut images = Self { manifests, tags };
        images.connect();
        Ok(images)
    }

    /// Finds what belongs to what.
    fn connect(&mut self) {
        let digests: Vec<_> = self.manifests.keys().copied().collect();
        for digest in digests {
            let manifest = &self.manifests[digest];
            let (mut parts, mut subjects) = (BTreeSet::new(), BTreeSet::new());
            if let Some(document) = manifest.document() {
                parts.extend(document.parts.iter().filter_map(|part| self.known(part)));
                subjects.extend(document.subject.clone());
            }
            subjects.extend(manifest.tags.iter().filter_map(|tag| subject_of_tag(tag)));
            subjects.remove(digest);
            let owners = subjects.iter().filter_map(|subject| self.known(subject));
            let owners: Vec<_> = owners.collect();
            for part in parts {
                self.belongs(part, digest);
            }
            for owner in owners {
                self.belongs(digest, owner);
            }
            if let Some(manifest) = self.manifests.get_mut(digest) {
                manifest.subjects = subjects;
            }
        }
    }

    /// The digest of a manifest of this repository.
    fn known(&self, digest: &str) -> Option<&'a str> {
        self.manifests
            .get_key_value(digest)
            .map(|(digest, _)| *digest)
    }

    fn belongs(&mut self, part: &'a str, owner: &'a str) {
        // Nothing belongs to itself, whatever a tag says.
        if part == owner {
            return;
        }
        if let Some(manifest) = self.manifests.get_mut(owner) {
            manifest.belongings.insert(part);
        }
        if let Some(manifest) = self.manifests.get_mut(part) {
            manifest.owners.insert(owner);
        }
    }

    /// Manifests and all that belongs to them, at any depth.
    pub(super) fn whole(&self, digests: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut whole: BTreeSet<_> = digests.collect();
        let mut todo: Vec<_> = whole.iter().copied().collect();
        while let Some(next) = todo.pop() {
            let belongings = self
                .manifests
                .get(next)
                .map(|manifest| &manifest.belongings);
            todo.extend(
                belongings
                    .into_iter()
                    .flatten()
                    .filter(|part| whole.insert(part)),
            );
        }
        whole
    }

    /// When a manifest or one of its tags was last pushed; `None` if one of these times is unknown.
    pub(super) fn last_push(&self, digest: &str) -> Option<DateTime<Utc>> {
        self.manifests.get(digest)?.last_push
    }

    /// The manifests to which something belongs, at any depth, that must be left alone: each with the reason of the first
    /// such thing by its digest.
    pub(super) fn owners_of<R: Clone>(
        &self,
        reason: impl Fn(&Manifest<'a>) -> Option<R>,
    ) -> BTreeMap<&'a str, R> {
        let mut owners = BTreeMap::new();
        for manifest in self
            .manifests
            .values()
            .filter(|part| !part.owners.is_empty())
        {
            let Some(reason) = reason(manifest) else {
                continue;
            };
            let mut todo: Vec<_> = manifest.owners.iter().copied().collect();
            while let Some(owner) = todo.pop() {
                // Whoever owns one that is known is known, too.
                if let Entry::Vacant(place) = owners.entry(owner) {
                    place.insert(reason.clone());
                    todo.extend(&self.manifests[owner].owners);
                }
            }
        }
        owners
    }

    /// Whether the lists agree on where its tags lead.
    pub(super) fn is_agreed(&self, manifest: &Manifest<'a>) -> bool {
        manifest
            .tags
            .iter()
            .all(|tag| self.tags[tag].digests.len() == 1)
    }

    /// Whether a manifest and its tags can be addressed in a call.
    pub(super) fn is_addressable(digest: &str, manifest: &Manifest<'a>) -> bool {
        Digest::new(digest).is_ok() && manifest.tags.iter().all(|tag| Tag::new(*tag).is_ok())
    }
}

/// In which repositories of a registry its manifests are.
pub(super) struct Homes<'a> {
    repositories: BTreeMap<&'a str, &'a str>,
    /// One of which the list may leave something out.
    in_doubt: Option<&'a str>,
    /// One that was not read.
    unread: Option<&'a str>,
}

impl<'a> Homes<'a> {
    pub(super) fn of(repositories: impl Iterator<Item = &'a RepositoryInventory>) -> Self {
        let mut homes = Self {
            repositories: BTreeMap::new(),
            in_doubt: None,
            unread: None,
        };
        for repository in repositories {
            let in_doubt = repository.is_in_doubt.then_some(repository.name.as_str());
            homes.in_doubt = homes.in_doubt.or(in_doubt);
            let unread = repository.is_unread.then_some(repository.name.as_str());
            homes.unread = homes.unread.or(unread);
            for manifest in &repository.manifests {
                let home = homes.repositories.entry(&manifest.digest);
                home.or_insert(&repository.name);
            }
        }
        homes
    }

    /// Why something stays that is about an image of another repository, as signatures in one of their own are, or that
    /// may be.
    pub(super) fn reason_to_keep(&self, manifest: &Manifest<'_>) -> Option<KeepReason> {
        let subjects = manifest.subjects.iter();
        let mut homes = subjects.filter_map(|subject| self.repositories.get(subject.as_str()));
        match homes.next() {
            Some(home) => Some(KeepReason::AboutImageIn((*home).to_owned())),
            None => {
                let in_doubt = |home: &str| KeepReason::MaybeAboutImageIn(home.to_owned());
                let unread = |home: &str| KeepReason::MaybeAboutImageOf(home.to_owned());
                let in_doubt = self.in_doubt.map(in_doubt);
                in_doubt.or_else(|| self.unread.map(unread))
            }
        }
    }
}

/// The items by their names, which must differ.
pub(super) fn unique<'a, T>(
    what: &'static str,
    items: &'a [T],
    name: impl Fn(&'a T) -> &'a String,
) -> Result<BTreeMap<&'a str, &'a T>, InvalidInput> {
    let mut all = BTreeMap::new();
    for item in items {
        let name = name(item).as_str();
        if all.insert(name, item).is_some() {
            return Err(InvalidInput::new(what, name, "is twice in the inventory"));
        }
    }
    Ok(all)
}
