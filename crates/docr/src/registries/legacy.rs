//! The registry of an account that has exactly one, by the service's older calls.

use docr_api::{
    operations,
    types::{Registry, RegistryOptions, Repository, RepositoryV2, Subscription},
};

use super::{
    account::{Account, as_wanted, with_owner},
    create::{CreateRegistry, with_subscription},
    registry::repositories,
    repository::RepositoryHandle,
};
use crate::{
    RegistryName, RepositoryName, TierSlug,
    call::{Core, Form, Target, call, deleted, optional, request, with_options},
    credentials::{CredentialsRequest, DockerCredentials, or_revoke},
    error::{Error, Result},
    garbage_collections::GarbageCollections,
    list::{List, PageRequest, page_response},
};

/// The registry of an account that has exactly one, by the service's older calls under `/v2/registry`, which it has
/// deprecated. Made by [`Client::legacy_registry`](crate::Client::legacy_registry); does no I/O by itself.
///
/// Once an account has several registries, the service rejects most of these calls:
/// [`ErrorKind::SeveralRegistries`](crate::ErrorKind::SeveralRegistries). [`Client::registries`](crate::Client::registries)
/// and [`Client::registry`](crate::Client::registry) do all of this for any account.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let legacy = docr.legacy_registry();
/// let registry = legacy.get().await?;
/// for repository in legacy.repositories(&registry.name.parse()?).all().await? {
///     println!("{}", repository.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LegacyRegistry {
    account: Account,
}

with_options!(LegacyRegistry, account.core);

impl LegacyRegistry {
    pub(crate) fn new(core: Core) -> Self {
        let form = Form::OfAccount;
        Self {
            account: Account { core, form },
        }
    }

    /// The target of the older calls that name the registry.
    fn target(&self, name: &RegistryName) -> Target {
        let Account { core, form } = self.account.clone();
        let name = name.clone();
        Target { core, name, form }
    }

    /// Reads the registry, with its storage usage and its subscription. `GET /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let response = call!(self.account.core, registry_get);
        Ok(with_subscription(response?))
    }

    /// Like [`get`](Self::get), with `None` if the account has no registry.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let name = docr.legacy_registry().get_opt().await?.map(|registry| registry.name);
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

    /// Creates the registry and its subscription. `POST /v2/registry`
    ///
    /// ```no_run
    /// use docr::{CreateRegistry, TierSlug};
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Starter);
    /// let registry = docr.legacy_registry().create(wanted).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that a new registry can't have, an unknown or missing tier.
    /// [`is_conflict`](crate::Error::is_conflict), if the name is taken:
    /// [`existing_registry`](crate::Error::existing_registry) returns the registry if it is this account's, and
    /// [`is_name_of_another_account`](crate::Error::is_name_of_another_account) reports if it isn't;
    /// [`is_rejected`](crate::Error::is_rejected), if this account already has a registry.
    pub async fn create(&self, wanted: CreateRegistry) -> Result<Registry> {
        let body = &wanted.into_account_body()?;
        let look_up = async |core| {
            let found = Self::new(core).get_opt().await?;
            let tier = Some(&body.subscription_tier_slug);
            Ok(as_wanted(found, &body.name, body.region.as_ref(), tier))
        };
        let core = &self.account.core;
        let create = request!(registry_create.body(body));
        let find = async |core| {
            let found = Self::new(core).get_opt().await?;
            Ok(found.filter(|registry| registry.name == body.name))
        };
        match core.create(create, with_subscription, look_up).await {
            Err(error) => Err(with_owner(error, core, find).await),
            made => made,
        }
    }

    /// Deletes the registry and all images in it. There is no undo. `DELETE /v2/registry`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let legacy = docr.legacy_registry();
    /// if legacy.get().await?.name == "acme-scratch" {
    ///     legacy.delete().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn delete(&self) -> Result<()> {
        deleted(call!(self.account.core, registry_delete))
    }

    /// Mints credentials for Docker. Each request mints another credential, so it is not repeated after it may have taken
    /// effect. If this future is dropped during the request, the credentials are revoked.
    /// `GET /v2/registry/docker-credentials`
    ///
    /// ```no_run
    /// use docr::CredentialsRequest;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let credentials = docr.legacy_registry().docker_credentials(CredentialsRequest::read_only()).await?;
    /// println!("valid for {:?}", credentials.expires_in());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an expiry below a second, or above 50 years.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn docker_credentials(
        &self,
        wanted: CredentialsRequest,
    ) -> Result<DockerCredentials> {
        let core = &self.account.core;
        let expiry_seconds = wanted.expiry_seconds()?;
        let mint = async move |core: Core| {
            let minted = call!(
                core,
                registry_get_docker_credentials
                    .read_write(wanted.is_read_write())
                    .expiry_seconds(expiry_seconds)
            );
            let operation = operations::registry_get_docker_credentials();
            DockerCredentials::new(minted?, wanted).ok_or_else(|| Error::no_credentials(operation))
        };
        or_revoke(core, mint).await
    }

    /// Lists the repositories, each with its latest tag. `GET /v2/registry/{registry_name}/repositories`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let name = "acme-images".parse()?;
    /// for repository in docr.legacy_registry().repositories_with_latest_tag(&name).all().await? {
    ///     println!("{}: {:?}", repository.name, repository.latest_tag.map(|tag| tag.tag));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn repositories_with_latest_tag(&self, registry: &RegistryName) -> List<Repository> {
        let target = self.target(registry);
        List::new(
            operations::registry_list_repositories(),
            move |request: PageRequest| {
                let target = target.clone();
                async move {
                    let name = target.name.as_str();
                    let response = call!(
                        target.core,
                        registry_list_repositories
                            .registry_name(name)
                            .page(request.page)
                            .per_page(request.per_page)
                    );
                    page_response!(response?, repositories)
                }
            },
        )
    }

    /// Lists the repositories, each with its latest manifest.
    /// `GET /v2/registry/{registry_name}/repositoriesV2`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let repositories = docr.legacy_registry().repositories(&"acme-images".parse()?).all().await?;
    /// let manifests: u64 = repositories.iter().filter_map(|repository| repository.manifest_count).sum();
    /// # Ok(())
    /// # }
    /// ```
    pub fn repositories(&self, registry: &RegistryName) -> List<RepositoryV2> {
        repositories(&self.target(registry))
    }

    /// A repository of the registry. The older calls can't delete it.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let api = docr.legacy_registry().repository(&"acme-images".parse()?, "shop/api".parse()?);
    /// api.delete_tag("pr-17").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn repository(
        &self,
        registry: &RegistryName,
        repository: RepositoryName,
    ) -> RepositoryHandle {
        RepositoryHandle::new(self.target(registry), repository)
    }

    /// The garbage collections of the registry.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let runs = docr.legacy_registry().garbage_collections(&"acme-images".parse()?);
    /// runs.wait_until_idle().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn garbage_collections(&self, registry: &RegistryName) -> GarbageCollections {
        GarbageCollections::new(self.target(registry))
    }

    /// Whether the name is free: no account has a registry with this name. Reserves nothing.
    /// `POST /v2/registry/validate-name`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let is_free = docr.legacy_registry().is_name_available(&"acme-images".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that a new registry can't have.
    pub async fn is_name_available(&self, name: &RegistryName) -> Result<bool> {
        self.account.is_name_available(name).await
    }

    /// Reads the subscription. `GET /v2/registry/subscription`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// println!("tier {}", docr.legacy_registry().subscription().await?.tier.slug);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none; see also
    /// [`subscription_opt`](Self::subscription_opt).
    pub async fn subscription(&self) -> Result<Subscription> {
        self.account.subscription().await
    }

    /// Like [`subscription`](Self::subscription), with `None` if the account has none.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let pays_already = docr.legacy_registry().subscription_opt().await?.is_some();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`subscription`](Self::subscription), except "not found".
    pub async fn subscription_opt(&self) -> Result<Option<Subscription>> {
        optional(self.account.subscription().await)
    }

    /// Moves the account to another tier. The current tier changes nothing. `POST /v2/registry/subscription`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let subscription = docr.legacy_registry().change_tier(docr::TierSlug::Basic).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an unknown tier.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if the account's registry doesn't fit the tier;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) returns the reasons.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        self.account.change_tier(tier).await
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with the account's eligibility.
    /// `GET /v2/registry/options`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let regions = docr.legacy_registry().options().await?.available_regions;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        self.account.options().await
    }
}
