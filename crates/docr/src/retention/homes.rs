//! In which repositories of a registry its manifests are.

use std::cell::OnceCell;

use super::{inventory::RepositoryInventory, reason::KeepReason, shared_string::SharedString};

/// The repositories of a registry by the digests of their manifests.
pub(super) struct Homes<'a> {
    repositories: Vec<&'a RepositoryInventory>,
    /// Each digest with its repository, in order. Only orphans need it.
    by_digest: OnceCell<Vec<(&'a SharedString, &'a SharedString)>>,
    /// One whose lists may be incomplete.
    in_doubt: Option<&'a SharedString>,
    /// One that was not read.
    unread: Option<&'a SharedString>,
}

impl<'a> Homes<'a> {
    pub(super) fn of(repositories: impl Iterator<Item = &'a RepositoryInventory>) -> Self {
        let repositories: Vec<_> = repositories.collect();
        let name_of_first = |is_one: fn(&RepositoryInventory) -> bool| {
            let mut all = repositories.iter();
            let first = all.find(|repository| is_one(repository));
            first.map(|repository| &repository.name)
        };
        Self {
            in_doubt: name_of_first(|repository| repository.is_in_doubt),
            unread: name_of_first(|repository| repository.is_unread),
            by_digest: OnceCell::new(),
            repositories,
        }
    }

    /// The first repository with a manifest.
    fn home_of(&self, digest: &SharedString) -> Option<&'a SharedString> {
        let by_digest = self.by_digest.get_or_init(|| {
            let homes = self.repositories.iter().flat_map(|repository| {
                let manifests = repository.manifests.iter();
                manifests.map(|manifest| (&manifest.digest, &repository.name))
            });
            let mut homes: Vec<_> = homes.collect();
            homes.sort_unstable();
            homes
        });
        let place = by_digest.partition_point(|(known, _)| *known < digest);
        let (known, home) = by_digest.get(place)?;
        (*known == digest).then_some(*home)
    }

    /// Why a referrer of an image in another repository is kept, such as a signature in a repository of its own, or one that
    /// may be such.
    pub(super) fn reason_to_keep<'s>(
        &self,
        mut subjects: impl Iterator<Item = &'s SharedString>,
    ) -> Option<KeepReason> {
        if let Some(home) = subjects.find_map(|subject| self.home_of(subject)) {
            return Some(KeepReason::AboutImageIn(home.clone()));
        }
        let in_doubt = self.in_doubt.cloned().map(KeepReason::MaybeAboutImageIn);
        in_doubt.or_else(|| self.unread.cloned().map(KeepReason::MaybeAboutImageOf))
    }
}
