//! The calls about one registry: the newer ones, or the older ones.

use docr::{
    CredentialsRequest, DockerCredentials, GarbageCollections, LegacyRegistry, List, Registry,
    RegistryHandle, RegistryName, Repository, RepositoryHandle, RepositoryName, RepositoryV2,
    Result,
};

use crate::{interrupt::Interrupt, output::Subject};

pub(crate) struct RegistryCalls {
    handle: RegistryHandle,
    /// The older calls, with --legacy.
    legacy: Option<LegacyRegistry>,
}

impl RegistryCalls {
    pub(super) fn new(handle: RegistryHandle, legacy: Option<LegacyRegistry>) -> Self {
        Self { handle, legacy }
    }

    /// The same, whose calls begin no further attempt once interrupted.
    pub(super) fn stopped_by(&self, interrupt: &Interrupt) -> Self {
        let stops = |calls| interrupt.stops(calls);
        Self {
            handle: self.handle.with(stops),
            legacy: self.legacy.as_ref().map(|legacy| legacy.with(stops)),
        }
    }

    pub(crate) fn name(&self) -> &RegistryName {
        self.handle.name()
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Registry(self.name().to_string())
    }

    pub(crate) fn repository_subject(&self, name: &RepositoryName) -> Subject {
        Subject::Repository {
            registry: self.name().to_string(),
            name: name.to_string(),
        }
    }

    /// A tag or a manifest in a repository.
    pub(crate) fn image_subject(&self, repository: &RepositoryName, which: String) -> Subject {
        Subject::Image {
            registry: self.name().to_string(),
            name: repository.to_string(),
            which,
        }
    }

    /// The handle of the newer calls.
    pub(crate) fn handle(&self) -> &RegistryHandle {
        &self.handle
    }

    pub(crate) async fn get(&self) -> Result<Registry> {
        match &self.legacy {
            Some(legacy) => legacy.get().await,
            None => self.handle.get().await,
        }
    }

    pub(crate) async fn delete(&self) -> Result<()> {
        match &self.legacy {
            Some(legacy) => legacy.delete().await,
            None => self.handle.delete().await,
        }
    }

    pub(crate) async fn docker_credentials(
        &self,
        wanted: CredentialsRequest,
    ) -> Result<DockerCredentials> {
        match &self.legacy {
            Some(legacy) => legacy.docker_credentials(wanted).await,
            None => self.handle.docker_credentials(wanted).await,
        }
    }

    pub(crate) fn repositories(&self) -> List<RepositoryV2> {
        match &self.legacy {
            Some(legacy) => legacy.repositories(self.name()),
            None => self.handle.repositories(),
        }
    }

    /// The older list, with each repository's latest tag; `None` without --legacy.
    pub(crate) fn repositories_with_latest_tag(&self) -> Option<List<Repository>> {
        let legacy = self.legacy.as_ref()?;
        Some(legacy.repositories_with_latest_tag(self.name()))
    }

    pub(crate) fn repository(&self, name: RepositoryName) -> RepositoryHandle {
        match &self.legacy {
            Some(legacy) => legacy.repository(self.name(), name),
            None => self.handle.repository(name),
        }
    }

    /// The repository by the newer calls: there is no older one to delete it.
    pub(crate) fn newer_repository(&self, name: RepositoryName) -> RepositoryHandle {
        self.handle.repository(name)
    }

    pub(crate) fn garbage_collections(&self) -> GarbageCollections {
        match &self.legacy {
            Some(legacy) => legacy.garbage_collections(self.name()),
            None => self.handle.garbage_collections(),
        }
    }
}
