//! All registries of an account, and what they share: the subscription and the options.

use docr_api::types::{Registry, RegistryOptions, Subscription};

use super::{
    account::{Account, as_wanted, unless_different, with_owner},
    create::{CreateRegistry, with_subscription},
    registry::RegistryHandle,
};
use crate::{
    RegistryName, TierSlug,
    call::{Core, Form, call, optional, request, with_options},
    ensured::{Ensured, ensure},
    error::Result,
    list::List,
};

/// All registries of an account, and what they share. Made by [`Client::registries`](crate::Client::registries); does no
/// I/O by itself and is cheap to clone.
///
/// ```no_run
/// use docr::{CreateRegistry, TierSlug};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registries = docr.registries();
/// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
/// let registry = registries.ensure(wanted).await?.into_inner();
/// println!("{} in {:?}", registry.name, registry.region);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Registries {
    account: Account,
}

with_options!(Registries, account.core);

impl Registries {
    pub(crate) fn new(core: Core) -> Self {
        let form = Form::ByName;
        Self {
            account: Account { core, form },
        }
    }

    /// A registry of the account.
    pub(super) fn registry(&self, name: RegistryName) -> RegistryHandle {
        RegistryHandle::new(self.account.core.clone(), name)
    }

    /// Lists the registries. The service puts all of them on one page. `GET /v2/registries`
    pub fn list(&self) -> List<Registry> {
        let core = self.account.core.clone();
        List::of_one_page(docr_api::operations::registries_list(), move || {
            let core = core.clone();
            async move { Ok(call!(core, registries_list)?.registries) }
        })
    }

    /// The bytes stored in all registries together, if the service tells. `GET /v2/registries`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn storage_usage_bytes(&self) -> Result<Option<u64>> {
        let answer = call!(self.account.core, registries_list);
        Ok(answer?.total_storage_usage_bytes)
    }

    /// Creates one more registry. The first one needs a tier, and starts the subscription. `POST /v2/registries`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's, a tier that isn't listed.
    /// [`is_conflict`](crate::Error::is_conflict), if the name is taken:
    /// [`existing_registry`](crate::Error::existing_registry) has the registry if it is this account's, and
    /// [`is_name_of_another_account`](crate::Error::is_name_of_another_account) says if it isn't;
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if the tier allows no more registries.
    pub async fn create(&self, wanted: CreateRegistry) -> Result<Registry> {
        let name = wanted.name().clone();
        let body = &wanted.into_body()?;
        let (region, tier) = (body.region.as_ref(), body.subscription_tier_slug.as_ref());
        let look_up = async |core| {
            let found = Self::new(core).found(&name, tier.is_some()).await?;
            Ok(as_wanted(found, &body.name, region, tier))
        };
        let core = &self.account.core;
        let create = request!(registries_create.body(body));
        let find = async |core| Self::new(core).found(&name, false).await;
        match core.create(create, with_subscription, look_up).await {
            Err(error) => Err(with_owner(error, core, find).await),
            made => made,
        }
    }

    /// Makes sure that the account has a registry as it is wanted: reads it, and creates it if it isn't there.
    /// `GET /v2/registries/{registry_name}`, `POST /v2/registries`
    ///
    /// Made twice, or by several programs at once, there is one registry in the end, and each gets it.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create). [`is_mismatch`](crate::Error::is_mismatch), if the account has the registry, but
    /// in another region, or its subscription has another tier: nothing is changed then, and
    /// [`existing_registry`](crate::Error::existing_registry) has what is there.
    pub async fn ensure(&self, wanted: CreateRegistry) -> Result<Ensured<Registry>> {
        wanted.check()?;
        let needs_tier = wanted.tier().is_some();
        ensure(
            || self.found(wanted.name(), needs_tier),
            |found| unless_different(found, &wanted),
            self.create(wanted.clone()),
        )
        .await
    }

    /// A registry of the account, with its subscription if that is needed.
    async fn found(&self, name: &RegistryName, with_tier: bool) -> Result<Option<Registry>> {
        let mut found = self.registry(name.clone()).get_opt().await?;
        if let (Some(registry), true) = (&mut found, with_tier)
            && registry.subscription.is_none()
        {
            registry.subscription = self.subscription_opt().await?;
        }
        Ok(found)
    }

    /// Whether a registry by this name could be created: no account has one. Reserves nothing.
    /// `POST /v2/registries/validate-name`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's.
    pub async fn is_name_available(&self, name: &RegistryName) -> Result<bool> {
        self.account.is_name_available(name).await
    }

    /// Reads the subscription. `GET /v2/registries/subscription`
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

    /// Moves the account to another tier. The present tier changes nothing. `POST /v2/registries/subscription`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a tier that isn't listed.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if what the account has doesn't fit;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) tells why.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        self.account.change_tier(tier).await
    }

    /// Makes sure that the account has a tier: reads the subscription, and moves to the tier only if it has another one.
    /// `GET /v2/registries/subscription`, `POST /v2/registries/subscription`
    ///
    /// # Errors
    ///
    /// Those of [`subscription`](Self::subscription) and [`change_tier`](Self::change_tier).
    pub async fn ensure_tier(&self, tier: TierSlug) -> Result<Ensured<Subscription>> {
        self.account.ensure_tier(tier).await
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with whether the account may
    /// move to it. `GET /v2/registries/options`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        self.account.options().await
    }
}
