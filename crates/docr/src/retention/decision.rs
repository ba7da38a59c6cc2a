//! What is deleted of a repository, what is kept, and why.

use std::collections::HashMap;

use super::{
    images::{Images, ManifestId, TagId},
    inventory::RepositoryInventory,
    plan::{Deletion, Kept, RetentionPlan, Subject},
    reason::{GoReason, KeepReason},
    whole::are_long,
};

/// What becomes of each tag and manifest of a repository. Nothing is deleted that is not said to be.
pub(super) struct Decision {
    tags: Vec<Fate>,
    manifests: Vec<Fate>,
    /// The images that are deleted, or some tags of which are.
    going: Vec<(ManifestId, GoReason)>,
}

/// What becomes of a tag or manifest.
#[derive(Clone)]
enum Fate {
    Open,
    Stays(KeepReason),
    Goes(Going),
}

/// An image that is deleted, or some tags of which are: its place in [`Decision::going`].
#[derive(Clone, Copy)]
pub(super) struct Going(u32);

impl Fate {
    fn keep_unless_kept(&mut self, reason: impl FnOnce() -> KeepReason) {
        if !self.is_kept() {
            *self = Self::Stays(reason());
        }
    }

    fn reason_to_stay(&self) -> Option<&KeepReason> {
        match self {
            Self::Stays(reason) => Some(reason),
            Self::Open | Self::Goes(_) => None,
        }
    }

    fn is_kept(&self) -> bool {
        self.reason_to_stay().is_some()
    }

    fn goes(&self) -> bool {
        matches!(self, Self::Goes(_))
    }
}

impl Decision {
    pub(super) fn new(images: &Images<'_>) -> Self {
        Self {
            tags: vec![Fate::Open; images.tags().count()],
            manifests: vec![Fate::Open; images.manifests().count()],
            going: Vec::new(),
        }
    }

    /// Keeps a manifest with its tags.
    pub(super) fn pin(&mut self, images: &Images<'_>, manifest: ManifestId, reason: KeepReason) {
        let tags = images.tags_of(manifest);
        for tag in tags {
            self.tags[tag.index()].keep_unless_kept(|| reason.clone());
        }
        self.manifests[manifest.index()].keep_unless_kept(|| match reason {
            // What is wrong with a manifest, or needs it, says more than its tag.
            KeepReason::TaggedAs(_)
            | KeepReason::InUse(_)
            | KeepReason::NotUnderstood
            | KeepReason::InDoubt
            | KeepReason::UnknownAge
            | KeepReason::PartOf(_) => reason,
            _ => match tags.first() {
                Some(tag) => KeepReason::TaggedAs(images.name(*tag).clone()),
                None => reason,
            },
        });
    }

    pub(super) fn keep_all(&mut self, reason: &KeepReason) {
        self.tags.fill(Fate::Stays(reason.clone()));
        self.manifests.fill(Fate::Stays(reason.clone()));
    }

    /// Keeps a tag for this reason, whatever other reason there is.
    pub(super) fn keep_tag(&mut self, tag: TagId, reason: KeepReason) {
        self.tags[tag.index()] = Fate::Stays(reason);
    }

    /// Keeps a manifest for this reason, whatever becomes of its tags.
    pub(super) fn keep_manifest(&mut self, manifest: ManifestId, reason: KeepReason) {
        self.manifests[manifest.index()] = Fate::Stays(reason);
    }

    pub(super) fn stays(&self, manifest: ManifestId) -> bool {
        self.manifests[manifest.index()].is_kept()
    }

    pub(super) fn goes(&self, manifest: ManifestId) -> bool {
        self.manifests[manifest.index()].goes()
    }

    /// Why tags are kept.
    pub(super) fn reasons_of_tags(&self) -> impl Iterator<Item = &KeepReason> {
        self.tags.iter().filter_map(Fate::reason_to_stay)
    }

    /// Why manifests are kept.
    pub(super) fn reasons_of_manifests(&self) -> impl Iterator<Item = &KeepReason> {
        self.manifests.iter().filter_map(Fate::reason_to_stay)
    }

    /// Why a manifest is kept, if it is.
    pub(super) fn reason_of(&self, manifest: ManifestId) -> Option<&KeepReason> {
        self.manifests[manifest.index()].reason_to_stay()
    }

    /// Makes room for so many images.
    pub(super) fn reserve(&mut self, images: usize) {
        self.going.reserve_exact(images);
    }

    /// Notes an image that is to be deleted, or some tags of which are.
    pub(super) fn begin(&mut self, image: ManifestId, reason: GoReason) -> Going {
        self.going.push((image, reason));
        Going((self.going.len() - 1) as u32)
    }

    /// Deletes tags.
    pub(super) fn untag(&mut self, tags: &[TagId], image: Going) {
        for tag in tags {
            let fate = &mut self.tags[tag.index()];
            if !fate.is_kept() {
                *fate = Fate::Goes(image);
            }
        }
    }

    /// Deletes a manifest with its tags.
    pub(super) fn delete(&mut self, images: &Images<'_>, manifest: ManifestId, image: Going) {
        self.untag(images.tags_of(manifest), image);
        self.manifests[manifest.index()] = Fate::Goes(image);
    }

    /// The image that a manifest is deleted with.
    pub(super) fn image_of(&self, manifest: ManifestId) -> Option<Going> {
        match &self.manifests[manifest.index()] {
            Fate::Goes(image) => Some(*image),
            Fate::Open | Fate::Stays(_) => None,
        }
    }

    /// The manifests that are deleted, in order.
    pub(super) fn manifests_going(&self, images: &Images<'_>) -> Vec<ManifestId> {
        let manifests = images.manifests();
        manifests.filter(|manifest| self.goes(*manifest)).collect()
    }

    pub(super) fn deletes_anything(&self) -> bool {
        let mut fates = self.tags.iter().chain(&self.manifests);
        fates.any(Fate::goes)
    }

    /// Whether nothing is left of a repository.
    pub(super) fn deletes_all(&self) -> bool {
        let mut fates = self.tags.iter().chain(&self.manifests);
        self.deletes_anything() && fates.all(Fate::goes)
    }

    /// Gives the reason for keeping everything of which nothing was said.
    pub(super) fn keep_the_rest(&mut self, images: &Images<'_>) {
        let is_open = |decision: &Self, manifest: ManifestId| {
            matches!(decision.manifests[manifest.index()], Fate::Open)
        };
        // First what belongs to something that is kept for a reason of its own.
        let manifests = images.manifests();
        let mut todo: Vec<_> = manifests.filter(|it| self.stays(*it)).collect();
        let roots = images.manifests();
        todo.extend(roots.filter(|it| is_open(self, *it) && images.owners(*it).is_empty()));
        while let Some(owner) = todo.pop() {
            if is_open(self, owner) {
                // Some of its tags are deleted, and others kept.
                let mut tags = images.tags_of(owner).iter();
                let tag = tags.find(|tag| self.tags[tag.index()].is_kept());
                let reason = tag.map_or(KeepReason::NotNamed, |tag| {
                    KeepReason::TaggedAs(images.name(*tag).clone())
                });
                self.keep_manifest(owner, reason);
            }
            for part in images.belongings(owner) {
                if is_open(self, *part) {
                    let reason = KeepReason::PartOf(images.digest(owner).clone());
                    self.pin(images, *part, reason);
                    todo.push(*part);
                }
            }
        }
        for manifest in images.manifests() {
            if is_open(self, manifest) {
                self.pin(images, manifest, KeepReason::InDoubt);
            }
        }
        for fate in &mut self.tags {
            if matches!(fate, Fate::Open) {
                *fate = Fate::Stays(KeepReason::InDoubt);
            }
        }
    }

    /// Writes it into a plan.
    pub(super) fn write(
        self,
        repository: &RepositoryInventory,
        images: &Images<'_>,
        plan: &mut RetentionPlan,
    ) {
        let begin = plan.deletions.len();
        let fates = || self.tags.iter().chain(&self.manifests);
        plan.kept
            .reserve(fates().filter(|fate| fate.is_kept()).count());
        plan.deletions
            .reserve(fates().filter(|fate| fate.goes()).count());
        let Self {
            tags,
            manifests,
            going,
        } = self;
        let writer = Writer {
            repository,
            images,
            manifests: &manifests,
            going: &going,
        };
        writer.tags(tags, plan);
        writer.manifests(plan);
        if plan.deletions.len() == begin {
            return;
        }
        let name = &repository.name;
        let items = images.tags().count() + images.manifests().count();
        if repository.is_newest_first && are_long(items) {
            plan.newest_first.insert(name.clone());
        }
        let of_tags = images.tags().map(|tag| images.updated_at(tag));
        let records = images.manifests().map(|manifest| images.record(manifest));
        let pushes = of_tags.chain(records.map(|record| record.updated_at));
        plan.last_pushes
            .insert(name.clone(), pushes.max().flatten());
    }
}

/// What is written into a plan.
struct Writer<'w, 'a> {
    repository: &'w RepositoryInventory,
    images: &'w Images<'a>,
    manifests: &'w [Fate],
    going: &'w [(ManifestId, GoReason)],
}

impl Writer<'_, '_> {
    fn tags(&self, fates: Vec<Fate>, plan: &mut RetentionPlan) {
        let images = self.images;
        // For each manifest what its next tag waits for.
        let mut waiting = HashMap::<_, Vec<_>>::new();
        for (tag, fate) in images.tags().zip(fates) {
            let name = || Subject::Tag(images.name(tag).clone());
            let (image, manifest) = match (fate, images.manifests_of(tag).next()) {
                (Fate::Goes(image), Some(manifest)) => (image, manifest),
                (fate, _) => {
                    let reason = match fate {
                        Fate::Stays(reason) => reason,
                        Fate::Goes(_) | Fate::Open => KeepReason::InDoubt,
                    };
                    let digest = images.digests(tag).next().cloned();
                    plan.kept.push(self.kept(name(), digest, reason));
                    continue;
                }
            };
            let after = match waiting.get(&manifest.index()) {
                Some(after) => Vec::clone(after),
                None => {
                    // An image's own tags are deleted first; the tags of what belongs to it after it.
                    let owners: Vec<_> = self.owners_going(manifest).collect();
                    // Where there are several, the first tag waits for them and the others for that tag: each for each
                    // would be too many.
                    let next = match owners.len() {
                        0 | 1 => owners.clone(),
                        _ => vec![name()],
                    };
                    if !next.is_empty() {
                        waiting.insert(manifest.index(), next);
                    }
                    owners
                }
            };
            let updated_at = images.updated_at(tag);
            let deletion = self.deletion(name(), manifest, image, after);
            plan.deletions.push(Deletion {
                updated_at,
                ..deletion
            });
        }
    }

    fn manifests(&self, plan: &mut RetentionPlan) {
        let images = self.images;
        for (manifest, fate) in images.manifests().zip(self.manifests) {
            let digest = images.digest(manifest);
            let subject = Subject::Manifest(digest.clone());
            match fate {
                Fate::Goes(image) => {
                    let (tags, owners) = (images.tags_of(manifest), images.owners(manifest));
                    let mut after = Vec::with_capacity(tags.len() + owners.len());
                    after.extend(
                        tags.iter()
                            .map(|tag| Subject::Tag(images.name(*tag).clone())),
                    );
                    after.extend(owners.iter().map(|owner| self.subject(*owner)));
                    let deletion = self.deletion(subject, manifest, *image, after);
                    plan.deletions.push(deletion);
                }
                Fate::Stays(_) | Fate::Open => {
                    let reason = fate.reason_to_stay().unwrap_or(&KeepReason::InDoubt);
                    let kept = self.kept(subject, Some(digest.clone()), reason.clone());
                    plan.kept.push(kept);
                }
            }
        }
    }

    fn subject(&self, manifest: ManifestId) -> Subject {
        Subject::Manifest(self.images.digest(manifest).clone())
    }

    /// The deleted manifests that one belongs to.
    fn owners_going(&self, manifest: ManifestId) -> impl Iterator<Item = Subject> {
        let owners = self.images.owners(manifest).iter();
        let owners = owners.filter(|owner| self.manifests[owner.index()].goes());
        owners.map(|owner| self.subject(*owner))
    }

    fn kept(
        &self,
        subject: Subject,
        digest: Option<super::SharedString>,
        reason: KeepReason,
    ) -> Kept {
        Kept {
            repository: self.repository.name.clone(),
            subject,
            digest,
            reason,
        }
    }

    /// The deletion of a manifest, or of a tag of it.
    fn deletion(
        &self,
        subject: Subject,
        manifest: ManifestId,
        image: Going,
        after: Vec<Subject>,
    ) -> Deletion {
        let record = self.images.record(manifest);
        let (image, why) = &self.going[image.0 as usize];
        let image_digest = self.images.digest(*image);
        Deletion {
            repository: self.repository.name.clone(),
            subject,
            digest: Some(record.digest.clone()),
            updated_at: record.updated_at,
            size_bytes: record.size_bytes,
            image: image_digest.clone(),
            why: match *image == manifest {
                true => why.clone(),
                false => GoReason::WithImage(image_digest.clone()),
            },
            after,
        }
    }
}
