//! The registry of an account that has exactly one.

use docr_api::types::{self, Registry, RegistryOptions, Subscription};

use super::{
    create::{CreateRegistry, as_wanted, check_tier, name_is_free, with_subscription},
    registry::AccountRegistryHandle,
};
use crate::{
    RegistryName, TierSlug,
    call::{Core, call, deleted, optional, request},
    credentials::{CredentialsRequest, DockerCredentials, or_revoke},
    error::{Error, Result},
};

/// The registry of an account that has exactly one, and the account's subscription: the older calls, under
/// `/v2/registry`. Made by [`Client::account_registry`](crate::Client::account_registry); does no I/O by itself.
///
/// Once an account has several registries, the service refuses most of these calls:
/// [`ErrorKind::SeveralRegistries`](crate::ErrorKind::SeveralRegistries). [`Client::registries`](crate::Client::registries) and
/// [`Client::registry`](crate::Client::registry) work for any account.
#[derive(Clone, Debug)]
pub struct AccountRegistry {
    core: Core,
}

impl AccountRegistry {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// The calls on the registry that need its name: its repositories and garbage collections.
    pub fn named(&self, name: RegistryName) -> AccountRegistryHandle {
        AccountRegistryHandle::new(self.core.clone(), name)
    }

    /// Reads the registry, with its storage use and its subscription. `GET /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let answer = call!(self.core, registry_get);
        Ok(with_subscription(answer.await?))
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
    /// [`is_conflict`](crate::Error::is_conflict), if some account has the name;
    /// [`is_rejected`](crate::Error::is_rejected), if this account has a registry already.
    pub async fn create(&self, wanted: CreateRegistry) -> Result<Registry> {
        let body = &wanted.into_account_body()?;
        let look_up = async |core| {
            let found = Self::new(core).get_opt().await?;
            let tier = Some(&body.subscription_tier_slug);
            Ok(as_wanted(found, &body.name, body.region.as_ref(), tier))
        };
        let create = request!(registry_create.body(body));
        self.core.create(create, with_subscription, look_up).await
    }

    /// Deletes the registry and every image in it. There is no undo. `DELETE /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn delete(&self) -> Result<()> {
        deleted(call!(self.core, registry_delete).await)
    }

    /// Reads the subscription. `GET /v2/registry/subscription`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none.
    pub async fn subscription(&self) -> Result<Subscription> {
        let answer = call!(self.core, registry_get_subscription);
        Ok(answer.await?.subscription)
    }

    /// Moves the account to another tier. The present tier changes nothing.
    /// `POST /v2/registry/subscription`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a tier that isn't listed.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if what the account has doesn't fit;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) tells why.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        check_tier(&tier)?;
        let body = &types::SubscriptionChange { tier_slug: tier };
        let answer = call!(self.core, registry_update_subscription.body(body));
        Ok(answer.await?.subscription)
    }

    /// Mints credentials for Docker. Each call leaves another credential with the service, so it is
    /// never repeated on its own. When this future is dropped while the request is under way, what comes of it is
    /// revoked. `GET /v2/registry/docker-credentials`
    ///
    /// # Errors
    ///
    /// Before a request is sent: an expiry below a second.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn docker_credentials(
        &self,
        wanted: CredentialsRequest,
    ) -> Result<DockerCredentials> {
        let expiry_seconds = wanted.expiry_seconds()?;
        let core = self.core.clone();
        let minting = async move {
            let answer = call!(
                core,
                registry_get_docker_credentials
                    .read_write(wanted.is_read_write())
                    .expiry_seconds(expiry_seconds)
            );
            let operation = docr_api::operations::registry_get_docker_credentials();
            let minted = DockerCredentials::new(answer.await?, wanted);
            minted.ok_or_else(|| Error::no_credentials(operation))
        };
        or_revoke(&self.core, minting).await
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with whether the account
    /// may move to it. `GET /v2/registry/options`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        let answer = call!(self.core, registry_get_options);
        Ok(answer.await?.options)
    }

    /// Whether no account has a registry by this name. Reserves nothing.
    /// `POST /v2/registry/validate-name`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's.
    pub async fn is_name_free(&self, name: &RegistryName) -> Result<bool> {
        name_is_free(name, async |body| {
            let body = &body;
            call!(self.core, registry_validate_name.body(body)).await
        })
        .await
    }
}
