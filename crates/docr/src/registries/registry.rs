//! One registry: a handle by its name.

#[cfg(feature = "retention")]
use chrono::{DateTime, Utc};
#[cfg(feature = "retention")]
use docr_api::ClientInfo as _;
use docr_api::{
    operations,
    types::{Registry, RepositoryV2},
};

use super::{create::with_subscription, repository::RepositoryHandle};
#[cfg(feature = "retention")]
use crate::call::Clock;
use crate::{
    RegistryName, RepositoryName,
    call::{Core, Form, Target, call, call_either, deleted, optional, with_options},
    credentials::{CredentialsCache, CredentialsRequest, DockerCredentials, or_revoke},
    error::Result,
    garbage_collections::GarbageCollections,
    list::{List, PageRequest, page_answer},
};

/// A registry by its name. Made by [`Client::registry`](crate::Client::registry); does no I/O by itself and is cheap to clone.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let registry = docr.registry("acme-images".parse()?);
/// for repository in registry.repositories().all().await? {
///     println!("{}: {} tags", repository.name, repository.tag_count.unwrap_or(0));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RegistryHandle {
    target: Target,
}

with_options!(RegistryHandle, target.core);

impl RegistryHandle {
    pub(crate) fn new(core: Core, name: RegistryName) -> Self {
        let form = Form::ByName;
        Self {
            target: Target { core, name, form },
        }
    }

    /// The same registry, by calls that wait for their turn: see [`CallOptions::paced`](crate::CallOptions::paced).
    pub(crate) fn paced(&self) -> Self {
        self.with(|calls| calls.paced(true))
    }

    /// The time by the service's clock, once a response has shown it.
    #[cfg(feature = "retention")]
    pub(crate) fn service_time(&self) -> Option<DateTime<Utc>> {
        self.target.core.service_time()
    }

    /// The address of the API.
    #[cfg(feature = "retention")]
    pub(crate) fn api_address(&self) -> &str {
        self.target.core.api.baseurl()
    }

    #[cfg(feature = "retention")]
    pub(crate) fn clock(&self) -> &dyn Clock {
        &**self.target.core.clock()
    }

    #[cfg(feature = "credential-files")]
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The registry's name.
    pub fn name(&self) -> &RegistryName {
        &self.target.name
    }

    /// Reads the registry, with its storage use. `GET /v2/registries/{registry_name}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry by this name; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let name = self.target.name.as_str();
        let answer = call!(self.target.core, registries_get.registry_name(name));
        Ok(with_subscription(answer?))
    }

    /// Like [`get`](Self::get), with `None` if the account has no registry by this name.
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(&self) -> Result<Option<Registry>> {
        optional(self.get().await)
    }

    /// Deletes the registry and every image in it. There is no undo.
    /// `DELETE /v2/registries/{registry_name}`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry by this name.
    pub async fn delete(&self) -> Result<()> {
        let name = self.target.name.as_str();
        let done = call!(self.target.core, registries_delete.registry_name(name));
        deleted(done)
    }

    /// Mints credentials for Docker. They open every registry of the account. Each call leaves another
    /// credential with the service, so it is never repeated on its own. When this future is dropped while the request is
    /// under way, what comes of it is revoked.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// # Errors
    ///
    /// Before a request is sent: an expiry below a second, or above 50 years.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry by this name.
    pub async fn docker_credentials(
        &self,
        wanted: CredentialsRequest,
    ) -> Result<DockerCredentials> {
        let target = self.target.clone();
        let minting = async move { DockerCredentials::mint(&target, wanted).await };
        or_revoke(&self.target.core, minting).await
    }

    /// Keeps credentials of this kind at hand, and renews them before they expire. Does no I/O until it is asked.
    pub fn credentials_cache(&self, wanted: CredentialsRequest) -> CredentialsCache {
        CredentialsCache::new(self.target.clone(), wanted)
    }

    /// Lists the repositories, each with its latest manifest.
    /// `GET /v2/registries/{registry_name}/repositoriesV2`
    pub fn repositories(&self) -> List<RepositoryV2> {
        repositories(&self.target)
    }

    /// A repository of this registry.
    pub fn repository(&self, name: RepositoryName) -> RepositoryHandle {
        RepositoryHandle::new(self.target.clone(), name)
    }

    /// The garbage collections of this registry.
    pub fn garbage_collections(&self) -> GarbageCollections {
        GarbageCollections::new(self.target.clone())
    }
}

pub(super) fn repositories(target: &Target) -> List<RepositoryV2> {
    let operation = match target.form {
        Form::ByName => operations::registries_list_repositories_v2(),
        Form::OfAccount => operations::registry_list_repositories_v2(),
    };
    let target = target.clone();
    List::new(operation, move |request: PageRequest| {
        let target = target.clone();
        async move {
            let request = &request;
            // A page is named by its token if it has one, and else by its number.
            let answer = match &request.token {
                Some(token) => call_either!(
                    &target,
                    registries_list_repositories_v2
                        | registry_list_repositories_v2
                            .page_token(token)
                            .per_page(request.per_page)
                ),
                None => call_either!(
                    &target,
                    registries_list_repositories_v2
                        | registry_list_repositories_v2
                            .page(request.page)
                            .per_page(request.per_page)
                ),
            };
            page_answer!(answer?, repositories)
        }
    })
}
