//! What goes in a repository, what stays, and why.

use std::collections::{BTreeMap, HashMap};

use super::{
    images::{Images, Manifest},
    inventory::RepositoryInventory,
    plan::{Deletion, Kept, RetentionPlan, Subject},
    reason::{GoReason, KeepReason},
    whole::are_long,
};

/// What goes and what stays of a repository. Nothing goes that is not said to.
#[derive(Default)]
pub(super) struct Decision<'a> {
    pub(super) tags_stay: BTreeMap<&'a str, KeepReason>,
    pub(super) manifests_stay: BTreeMap<&'a str, KeepReason>,
    tags_go: BTreeMap<&'a str, GoReason>,
    /// Each with its image.
    pub(super) manifests_go: BTreeMap<&'a str, (GoReason, &'a str)>,
}

impl<'a> Decision<'a> {
    /// Keeps a manifest with its tags.
    pub(super) fn pin(&mut self, digest: &'a str, manifest: &Manifest<'a>, reason: KeepReason) {
        for tag in &manifest.tags {
            self.tags_stay.entry(tag).or_insert_with(|| reason.clone());
        }
        let tag = manifest
            .tags
            .first()
            .map(|tag| KeepReason::TaggedAs((*tag).to_owned()));
        self.manifests_stay.entry(digest).or_insert(match reason {
            // What is wrong with a manifest, or needs it, says more than its tag.
            KeepReason::TaggedAs(_)
            | KeepReason::InUse(_)
            | KeepReason::NotUnderstood
            | KeepReason::InDoubt
            | KeepReason::UnknownAge
            | KeepReason::PartOf(_) => reason,
            _ => tag.unwrap_or(reason),
        });
    }

    pub(super) fn keep_all(&mut self, images: &Images<'a>, reason: &KeepReason) {
        for tag in images.tags.keys() {
            self.tags_stay.insert(tag, reason.clone());
        }
        for digest in images.manifests.keys() {
            self.manifests_stay.insert(digest, reason.clone());
        }
    }

    pub(super) fn stays(&self, digest: &str) -> bool {
        self.manifests_stay.contains_key(digest)
    }

    pub(super) fn untag(&mut self, tags: &[&'a str], reason: &GoReason) {
        self.tags_go
            .extend(tags.iter().map(|tag| (*tag, reason.clone())));
    }

    /// Lets a manifest go with its tags.
    pub(super) fn let_go(
        &mut self,
        digest: &'a str,
        manifest: &Manifest<'a>,
        reason: &GoReason,
        image: &'a str,
    ) {
        self.untag(&manifest.tags, reason);
        self.manifests_go.insert(digest, (reason.clone(), image));
    }

    /// The image that a manifest goes with.
    pub(super) fn image_of(&self, digest: &'a str) -> &'a str {
        self.manifests_go
            .get(digest)
            .map_or(digest, |(_, image)| image)
    }

    pub(super) fn deletes_anything(&self) -> bool {
        !self.tags_go.is_empty() || !self.manifests_go.is_empty()
    }

    /// Whether nothing is left of a repository.
    pub(super) fn deletes_all(&self) -> bool {
        self.deletes_anything() && self.tags_stay.is_empty() && self.manifests_stay.is_empty()
    }

    /// Says why everything stays that nothing was said of.
    pub(super) fn keep_the_rest(&mut self, images: &Images<'a>) {
        // First what belongs to something that stays for a reason of its own.
        let mut todo: Vec<_> = self.manifests_stay.keys().copied().collect();
        let goes = |decision: &Self, digest: &str| decision.manifests_go.contains_key(digest);
        todo.extend(images.manifests.keys().filter(|digest| {
            !self.stays(digest)
                && !goes(self, digest)
                && images.manifests[*digest].owners.is_empty()
        }));
        while let Some(owner) = todo.pop() {
            if let Some(manifest) = images.manifests.get(owner)
                && !self.stays(owner)
            {
                // Its tags go, and others stay.
                let tag = manifest
                    .tags
                    .iter()
                    .find(|tag| self.tags_stay.contains_key(*tag));
                let reason = tag.map_or(KeepReason::NotNamed, |tag| {
                    KeepReason::TaggedAs((*tag).to_owned())
                });
                self.manifests_stay.insert(owner, reason);
            }
            for part in &images.manifests[owner].belongings {
                if !self.stays(part) && !goes(self, part) {
                    self.pin(
                        part,
                        &images.manifests[part],
                        KeepReason::PartOf(owner.to_owned()),
                    );
                    todo.push(part);
                }
            }
        }
        for (digest, manifest) in &images.manifests {
            if !self.stays(digest) && !goes(self, digest) {
                self.pin(digest, manifest, KeepReason::InDoubt);
            }
        }
        for tag in images.tags.keys() {
            if !self.tags_go.contains_key(tag) {
                self.tags_stay.entry(tag).or_insert(KeepReason::InDoubt);
            }
        }
    }

    /// Writes it into a plan.
    pub(super) fn write(
        self,
        repository: &RepositoryInventory,
        images: &Images<'a>,
        plan: &mut RetentionPlan,
    ) {
        let name = &repository.name;
        let digest_of = |tag: &str| images.tags[tag].digests.first().copied();
        let kept = self.tags_stay.len() + self.manifests_stay.len();
        plan.kept.reserve(kept);
        for (tag, reason) in self.tags_stay {
            plan.kept.push(Kept {
                repository: name.clone(),
                subject: Subject::Tag(tag.to_owned()),
                digest: digest_of(tag).map(str::to_owned),
                reason,
            });
        }
        for (digest, reason) in self.manifests_stay {
            plan.kept.push(Kept {
                repository: name.clone(),
                subject: Subject::Manifest(digest.to_owned()),
                digest: Some(digest.to_owned()),
                reason,
            });
        }
        let begin = plan.deletions.len();
        plan.deletions
            .reserve(self.tags_go.len() + self.manifests_go.len());
        let subject = |digest: &str| Subject::Manifest(digest.to_owned());
        // For each digest what its next tag waits for.
        let mut waiting = HashMap::<_, Vec<_>>::new();
        for (tag, why) in &self.tags_go {
            let digest = digest_of(tag).unwrap_or_default();
            let (manifest, image) = (&images.manifests[digest], self.manifests_go.get(digest));
            let after = match waiting.get(digest) {
                Some(after) => after.clone(),
                None => {
                    // An image's own tags go first; the tags of what belongs to it go when it is gone.
                    let owners = manifest.owners.iter().copied();
                    let owners = owners.filter(|owner| self.manifests_go.contains_key(owner));
                    let owners: Vec<_> = owners.map(subject).collect();
                    // Where there are several, the first tag waits for them and the others for that tag: each for each
                    // would be too many.
                    let next = match owners.len() {
                        0 | 1 => owners.clone(),
                        _ => vec![Subject::Tag((*tag).to_owned())],
                    };
                    if !next.is_empty() {
                        waiting.insert(digest, next);
                    }
                    owners
                }
            };
            plan.deletions.push(Deletion {
                repository: name.clone(),
                subject: Subject::Tag((*tag).to_owned()),
                digest: Some(digest.to_owned()),
                updated_at: images.tags[tag].updated_at,
                size_bytes: manifest.record.size_bytes,
                image: image.map_or(digest, |(_, image)| image).to_owned(),
                why: why.clone(),
                after,
            });
        }
        for (digest, (why, image)) in &self.manifests_go {
            let manifest = &images.manifests[digest];
            let tags = manifest
                .tags
                .iter()
                .map(|tag| Subject::Tag((*tag).to_owned()));
            let owners = manifest.owners.iter().map(|owner| subject(owner));
            plan.deletions.push(Deletion {
                repository: name.clone(),
                subject: subject(digest),
                digest: Some((*digest).to_owned()),
                updated_at: manifest.record.updated_at,
                size_bytes: manifest.record.size_bytes,
                image: (*image).to_owned(),
                why: why.clone(),
                after: tags.chain(owners).collect(),
            });
        }
        if plan.deletions.len() > begin {
            let items = images.tags.len() + images.manifests.len();
            if repository.is_newest_first && are_long(items) {
                plan.newest_first.insert(name.clone());
            }
            let tags = images.tags.values().map(|tag| tag.updated_at);
            let manifests = images
                .manifests
                .values()
                .map(|manifest| manifest.record.updated_at);
            plan.last_pushes
                .insert(name.clone(), tags.chain(manifests).max().flatten());
        }
    }
}
