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
/// Deleting frees no storage until a [garbage collection](crate::GarbageCollections) has run, and while one is active the
/// service rejects deletes.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let repository = docr.registry("acme-images".parse()?).repository("shop/api".parse()?);
/// println!("{} has {} tags", repository.name(), repository.tags().all().await?.len());
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let mut tags = repository.tags().items();
    /// while let Some(tag) = tags.next().await {
    ///     let tag = tag?;
    ///     println!("{} -> {:?}", tag.tag, tag.manifest_digest);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tags(&self) -> List<RepositoryTag> {
        list_either!(
            self => this,
            this.registry,
            tags,
            registries_list_repository_tags | registry_list_repository_tags
            .repository_name(this.name.as_str())
        )
    }

    /// Lists the manifests, tagged or not. The service reports neither media types nor children: the manifests that a
    /// multi-platform index references look like untagged ones.
    /// `GET /v2/registries/{registry_name}/repositories/{repository_name}/digests`
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let manifests = repository.manifests().all().await?;
    /// let untagged = manifests.iter().filter(|manifest| manifest.tags.is_empty()).count();
    /// println!("{untagged} of {} manifests have no tag", manifests.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn manifests(&self) -> List<RepositoryManifest> {
        list_either!(
            self => this,
            this.registry,
            manifests,
            registries_list_repository_manifests | registry_list_repository_manifests
            .repository_name(this.name.as_str())
        )
    }

    /// Deletes a tag. Its manifest is kept, untagged if that was its last tag.
    /// `DELETE /v2/registries/{registry_name}/repositories/{repository_name}/tags/{repository_tag}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let image: docr::ImageRef = "acme-images/shop/api:pr-17".parse()?;
    /// let tag = image.tag.ok_or("the image has no tag")?;
    /// docr.registry(image.registry).repository(image.repository).delete_tag(&tag).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the repository was not found; the service may report success for a
    /// missing tag or repository. [`is_conflict`](crate::Error::is_conflict), while a garbage collection is active.
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

    /// Deletes a manifest and all tags that point to it. Deleting a manifest that a multi-platform index references breaks
    /// that image. `DELETE /v2/registries/{registry_name}/repositories/{repository_name}/digests/{manifest_digest}`
    ///
    /// ```no_run
    /// # async fn example(repository: docr::RepositoryHandle) -> docr::Result<()> {
    /// let digest = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    /// repository.delete_manifest(digest).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the manifest was not found;
    /// [`is_conflict`](crate::Error::is_conflict), while a garbage collection is active.
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

    /// Deletes the repository with all its tags and manifests. Only this makes room for another one in a tier that limits
    /// repositories. There is no older form of this call.
    /// `DELETE /v2/registries/{registry_name}/repositories/{repository_name}`
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// registry.repository("experiments/old".parse()?).delete().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the repository was not found;
    /// [`is_conflict`](crate::Error::is_conflict), while a garbage collection is active.
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
