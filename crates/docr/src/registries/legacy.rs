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
    list::{List, PageRequest, page_answer},
};

/// The registry of an account that has exactly one, by the service's older calls under `/v2/registry`, which it has
/// deprecated. Made by [`Client::legacy_registry`](crate::Client::legacy_registry); does no I/O by itself.
///
/// Once an account has several registries, the service refuses most of these calls:
/// [`ErrorKind::SeveralRegistries`](crate::ErrorKind::SeveralRegistries). [`Client::registries`](crate::Client::registries)
/// and [`Client::registry`](crate::Client::registry) do all of this for any account.
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

    /// What the calls need that name the registry all the same.
    fn target(&self, name: &RegistryName) -> Target {
        let Account { core, form } = self.account.clone();
        let name = name.clone();
        Target { core, name, form }
    }

    /// Reads the registry, with its storage use and its subscription. `GET /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let answer = call!(self.account.core, registry_get);
        Ok(with_subscription(answer?))
    }

    /// Like [`get`](Self::get), with `None` if the account has no registry.
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(&self) -> Result<Option<Registry>> {
        optional(self.get().await)
    }

    /// Creates the registry, and the subscription that pays for it. `POST /v2/registry`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's, a tier that isn't listed or is missing.
    /// [`is_conflict`](crate::Error::is_conflict), if the name is taken:
    /// [`existing_registry`](crate::Error::existing_registry) has the registry if it is this account's, and
    /// [`is_name_of_another_account`](crate::Error::is_name_of_another_account) says if it isn't;
    /// [`is_rejected`](crate::Error::is_rejected), if this account has a registry already.
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

    /// Deletes the registry and every image in it. There is no undo. `DELETE /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn delete(&self) -> Result<()> {
        deleted(call!(self.account.core, registry_delete))
    }

    /// Mints credentials for Docker. Each call leaves another credential with the service, so it is
    /// never repeated on its own. When this future is dropped while the request is under way, what comes of it is
    /// revoked. `GET /v2/registry/docker-credentials`
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
        let minting = {
            let core = core.clone();
            async move {
                let minted = call!(
                    core,
                    registry_get_docker_credentials
                        .read_write(wanted.is_read_write())
                        .expiry_seconds(expiry_seconds)
                );
                let operation = operations::registry_get_docker_credentials();
                DockerCredentials::new(minted?, wanted)
                    .ok_or_else(|| Error::no_credentials(operation))
            }
        };
        or_revoke(core, minting).await
    }

    /// Lists the repositories, each with its latest tag. `GET /v2/registry/{registry_name}/repositories`
    pub fn repositories_with_latest_tag(&self, registry: &RegistryName) -> List<Repository> {
        let target = self.target(registry);
        List::new(
            operations::registry_list_repositories(),
            move |request: PageRequest| {
                let target = target.clone();
                async move {
                    let name = target.name.as_str();
                    let answer = call!(
                        target.core,
                        registry_list_repositories
                            .registry_name(name)
                            .page(request.page)
                            .per_page(request.per_page)
                    );
                    page_answer!(answer?, repositories)
                }
            },
        )
    }

    /// Lists the repositories, each with its latest manifest.
    /// `GET /v2/registry/{registry_name}/repositoriesV2`
    pub fn repositories(&self, registry: &RegistryName) -> List<RepositoryV2> {
        repositories(&self.target(registry))
    }

    /// A repository of the registry. The older calls can't delete it.
    pub fn repository(
        &self,
        registry: &RegistryName,
        repository: RepositoryName,
    ) -> RepositoryHandle {
        RepositoryHandle::new(self.target(registry), repository)
    }

    /// The garbage collections of the registry.
    pub fn garbage_collections(&self, registry: &RegistryName) -> GarbageCollections {
        GarbageCollections::new(self.target(registry))
    }

    /// Whether a registry by this name could be created: no account has one. Reserves nothing.
    /// `POST /v2/registry/validate-name`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's.
    pub async fn is_name_available(&self, name: &RegistryName) -> Result<bool> {
        self.account.is_name_available(name).await
    }

    /// Reads the subscription. `GET /v2/registry/subscription`
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
    /// # Errors
    ///
    /// All but "not found".
    pub async fn subscription_opt(&self) -> Result<Option<Subscription>> {
        optional(self.account.subscription().await)
    }

    /// Moves the account to another tier. The present tier changes nothing. `POST /v2/registry/subscription`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a tier that isn't listed.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if what the account has doesn't fit;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) tells why.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        self.account.change_tier(tier).await
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with whether the account may
    /// move to it. `GET /v2/registry/options`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        self.account.options().await
    }
}
