//! One repository of a registry: its tags and manifests.

use docr_api::types::{RepositoryManifest, RepositoryTag};

use crate::{
    Digest, Identifies, RepositoryName, Tag,
    call::{Target, call, call_either, deleted, with_options},
    error::Result,
    list::{List, list_either},
};

/// A repository of a registry. Made by [`RegistryHandle::repository`](crate::RegistryHandle::repository);
/// does no I/O by itself and is cheap to clone.
///
/// What is deleted frees no storage until a [garbage collection](crate::GarbageCollections) has run, and while
/// one runs the service refuses to delete.
#[derive(Clone, Debug)]
pub struct RepositoryHandle {
    registry: Target,
    name: RepositoryName,
}

with_options!(RepositoryHandle, registry.core);

impl RepositoryHandle {
    pub(crate) fn new(registry: Target, name: RepositoryName) -> Self {
        Self { registry, name }
    }

    /// The repository's name, without the registry's.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Lists the tags. `GET /v2/registries/{registry_name}/repositories/{repository_name}/tags`
    pub fn tags(&self) -> List<RepositoryTag> {
        list_either!(
            self => this,
            this.registry,
            tags,
            registries_list_repository_tags | registry_list_repository_tags
            .repository_name(this.name.as_str())
        )
    }

    /// Lists the manifests, tagged or not. The service tells neither media types nor children: the parts of a
    /// multi-platform image look like manifests that nobody needs.
    /// `GET /v2/registries/{registry_name}/repositories/{repository_name}/digests`
    pub fn manifests(&self) -> List<RepositoryManifest> {
        list_either!(
            self => this,
            this.registry,
            manifests,
            registries_list_repository_manifests | registry_list_repository_manifests
            .repository_name(this.name.as_str())
        )
    }

    /// Deletes a tag. Its manifest stays, untagged if that was its last tag.
    /// `DELETE /v2/registries/{registry_name}/repositories/{repository_name}/tags/{repository_tag}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if there is no such repository. The service may answer
    /// success for a tag that isn't there. [`is_conflict`](crate::Error::is_conflict), while a garbage collection
    /// runs.
    pub async fn delete_tag(&self, tag: &(impl Identifies<Tag> + ?Sized)) -> Result<()> {
        let tag = tag.identify()?;
        let (repository, tag) = (self.name.as_str(), tag.as_str());
        deleted(call_either!(
            &self.registry,
            registries_delete_repository_tag
                | registry_delete_repository_tag
                    .repository_name(repository)
                    .repository_tag(tag)
        ))
    }

    /// Deletes a manifest, and every tag that points to it. A multi-platform image breaks when one of its
    /// parts is deleted.
    /// `DELETE /v2/registries/{registry_name}/repositories/{repository_name}/digests/{manifest_digest}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if there is no such manifest;
    /// [`is_conflict`](crate::Error::is_conflict), while a garbage collection runs.
    pub async fn delete_manifest(
        &self,
        manifest: &(impl Identifies<Digest> + ?Sized),
    ) -> Result<()> {
        let digest = manifest.identify()?;
        let (repository, digest) = (self.name.as_str(), digest.as_str());
        deleted(call_either!(
            &self.registry,
            registries_delete_repository_manifest
                | registry_delete_repository_manifest
                    .repository_name(repository)
                    .manifest_digest(digest)
        ))
    }

    /// Deletes the repository with all its tags and manifests. Only this frees its place in a tier that
    /// limits repositories. There is no older form of this call.
    /// `DELETE /v2/registries/{registry_name}/repositories/{repository_name}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if there is no such repository;
    /// [`is_conflict`](crate::Error::is_conflict), while a garbage collection runs.
    pub async fn delete(&self) -> Result<()> {
        let (registry, repository) = (self.registry.name.as_str(), self.name.as_str());
        let done = call!(
            self.registry.core,
            registries_delete_repository
                .registry_name(registry)
                .repository_name(repository)
        );
        deleted(done)
    }
}
