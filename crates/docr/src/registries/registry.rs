//! One registry: a handle by its name.

#[cfg(feature = "retention")]
use std::time::Duration;

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
    credentials::{CredentialsCache, CredentialsRequest, DockerCredentials},
    error::Result,
    garbage_collections::GarbageCollections,
    list::{List, PageRequest, page_response},
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

    /// The same registry with paced calls: see [`CallOptions::paced`](crate::CallOptions::paced).
    pub(crate) fn paced(&self) -> Self {
        self.with(|calls| calls.paced(true))
    }

    #[cfg(feature = "retention")]
    pub(crate) fn turn_limit(&self) -> Duration {
        self.target.core.options.turn_limit
    }

    /// The time by the service's clock, once a response has reported it.
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
    ///
    /// ```no_run
    /// # fn example(registry: docr::RegistryHandle) {
    /// println!("docker push registry.digitalocean.com/{}/shop/api:v1", registry.name());
    /// # }
    /// ```
    pub fn name(&self) -> &RegistryName {
        &self.target.name
    }

    /// Reads the registry, with its storage usage. `GET /v2/registries/{registry_name}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = docr.registry("acme-images".parse()?).get().await?;
    /// println!("{:?} bytes, as of {:?}", registry.storage_usage_bytes, registry.storage_usage_bytes_updated_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry with this name; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let name = self.target.name.as_str();
        let response = call!(self.target.core, registries_get.registry_name(name));
        Ok(with_subscription(response?))
    }

    /// Like [`get`](Self::get), with `None` if the account has no registry with this name.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if docr.registry("acme-images".parse()?).get_opt().await?.is_none() {
    ///     println!("create it first");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get), except "not found".
    pub async fn get_opt(&self) -> Result<Option<Registry>> {
        optional(self.get().await)
    }

    /// Deletes the registry and all images in it. There is no undo.
    /// `DELETE /v2/registries/{registry_name}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// docr.registry("acme-scratch".parse()?).delete().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry with this name.
    pub async fn delete(&self) -> Result<()> {
        let name = self.target.name.as_str();
        let done = call!(self.target.core, registries_delete.registry_name(name));
        deleted(done)
    }

    /// Mints credentials for Docker, which give access to all registries of the account. Each request mints another
    /// credential, so it is not repeated after it may have taken effect. If this future is dropped during the request, the
    /// credentials are revoked. `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use docr::CredentialsRequest;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CredentialsRequest::read_write().expires_in(Duration::from_secs(3600));
    /// let credentials = docr.registry("acme-images".parse()?).docker_credentials(wanted).await?;
    /// std::fs::write("config.json", credentials.docker_config_json().expose())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an expiry below a second, or above 50 years.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry with this name.
    pub async fn docker_credentials(
        &self,
        wanted: CredentialsRequest,
    ) -> Result<DockerCredentials> {
        DockerCredentials::mint(&self.target, wanted).await
    }

    /// A cache of credentials of this kind, which renews them before they expire. Does no I/O by itself.
    ///
    /// ```no_run
    /// use docr::CredentialsRequest;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = docr.registry("acme-images".parse()?).credentials_cache(CredentialsRequest::read_only());
    /// let credentials = cache.get().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials_cache(&self, wanted: CredentialsRequest) -> CredentialsCache {
        CredentialsCache::new(self.target.clone(), wanted)
    }

    /// Lists the repositories, each with its latest manifest.
    /// `GET /v2/registries/{registry_name}/repositoriesV2`
    pub fn repositories(&self) -> List<RepositoryV2> {
        repositories(&self.target)
    }

    /// A repository of this registry.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let tags = registry.repository("shop/api".parse()?).tags().all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn repository(&self, name: RepositoryName) -> RepositoryHandle {
        RepositoryHandle::new(self.target.clone(), name)
    }

    /// The garbage collections of this registry.
    ///
    /// ```no_run
    /// # async fn example(registry: docr::RegistryHandle) -> docr::Result<()> {
    /// if let Some(run) = registry.garbage_collections().active().await? {
    ///     println!("{} is {:?}", run.uuid, run.status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
            // A page is requested by its token if it has one, or else by its number.
            let response = match &request.token {
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
            page_response!(response?, repositories)
        }
    })
}
