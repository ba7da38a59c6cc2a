//! All registries of an account, and what they share: the subscription and the options.

use docr_api::types::{self, Registry, RegistryOptions, Subscription};

use super::{
    create::{CreateRegistry, as_wanted, check_tier, name_is_free, with_subscription},
    registry::RegistryHandle,
};
use crate::{
    RegistryName, TierSlug,
    call::{Core, call, request},
    error::Result,
};

/// All registries of an account, and what they share. Made by [`Client::registries`](crate::Client::registries); does no I/O by itself.
#[derive(Clone, Debug)]
pub struct Registries {
    core: Core,
}

impl Registries {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// A registry of the account.
    pub(super) fn registry(&self, name: RegistryName) -> RegistryHandle {
        RegistryHandle::new(self.core.clone(), name)
    }

    /// Lists the registries. There are no pages. `GET /v2/registries`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn list(&self) -> Result<Vec<Registry>> {
        let answer = call!(self.core, registries_list);
        Ok(answer.await?.registries)
    }

    /// The bytes stored in all registries together, if the service tells. `GET /v2/registries`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn storage_usage_bytes(&self) -> Result<Option<u64>> {
        let answer = call!(self.core, registries_list);
        Ok(answer.await?.total_storage_usage_bytes)
    }

    /// Creates one more registry. The first one needs a tier, and starts the subscription. `POST /v2/registries`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's, a tier that isn't listed.
    /// [`is_conflict`](crate::Error::is_conflict), if some account has the name;
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if the tier allows no more registries.
    pub async fn create(&self, wanted: CreateRegistry) -> Result<Registry> {
        let name = wanted.name().clone();
        let body = &wanted.into_body()?;
        let look_up = async |core| {
            let registries = Self::new(core);
            let mut found = registries.registry(name).get_opt().await?;
            let (region, tier) = (body.region.as_ref(), body.subscription_tier_slug.as_ref());
            if let (Some(registry), Some(_)) = (&mut found, tier) {
                registry.subscription = Some(registries.subscription().await?);
            }
            Ok(as_wanted(found, &body.name, region, tier))
        };
        let create = request!(registries_create.body(body));
        self.core.create(create, with_subscription, look_up).await
    }

    /// Whether no account has a registry by this name. Reserves nothing. `POST /v2/registries/validate-name`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's.
    pub async fn is_name_free(&self, name: &RegistryName) -> Result<bool> {
        name_is_free(name, async |body| {
            let body = &body;
            call!(self.core, registries_validate_name.body(body)).await
        })
        .await
    }

    /// Reads the subscription. `GET /v2/registries/subscription`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none.
    pub async fn subscription(&self) -> Result<Subscription> {
        let answer = call!(self.core, registries_get_subscription);
        Ok(answer.await?.subscription)
    }

    /// Moves the account to another tier. The present tier changes nothing. `POST /v2/registries/subscription`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a tier that isn't listed.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if what the account has doesn't fit;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) tells why.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        check_tier(&tier)?;
        let body = &types::SubscriptionChange { tier_slug: tier };
        let answer = call!(self.core, registries_update_subscription.body(body));
        Ok(answer.await?.subscription)
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with whether the account may
    /// move to it. `GET /v2/registries/options`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        let answer = call!(self.core, registries_get_options);
        Ok(answer.await?.options)
    }
}
