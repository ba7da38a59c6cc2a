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

/// All registries of an account, and the subscription and options that they share. Made by
/// [`Client::registries`](crate::Client::registries); does no I/O by itself and is cheap to clone.
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

    /// Lists the registries, all on one page. `GET /v2/registries`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// for registry in docr.registries().list().all().await? {
    ///     println!("{}: {:?} bytes", registry.name, registry.storage_usage_bytes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self) -> List<Registry> {
        let core = self.account.core.clone();
        List::of_one_page(docr_api::operations::registries_list(), move || {
            let core = core.clone();
            async move { Ok(call!(core, registries_list)?.registries) }
        })
    }

    /// The bytes stored in all registries together, if the service reports it. `GET /v2/registries`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// if let Some(bytes) = docr.registries().storage_usage_bytes().await? {
    ///     println!("{} MiB", bytes >> 20);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn storage_usage_bytes(&self) -> Result<Option<u64>> {
        let response = call!(self.account.core, registries_list);
        Ok(response?.total_storage_usage_bytes)
    }

    /// Creates a registry. The account's first one needs a tier, and starts the subscription. `POST /v2/registries`
    ///
    /// ```no_run
    /// use docr::{CreateRegistry, Region};
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let wanted = CreateRegistry::in_subscription("acme-mirror".parse()?).region(Region::Fra1);
    /// let registry = docr.registries().create(wanted).await?;
    /// println!("push to registry.digitalocean.com/{}", registry.name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that a new registry can't have, an unknown tier.
    /// [`is_conflict`](crate::Error::is_conflict), if the name is taken:
    /// [`existing_registry`](crate::Error::existing_registry) returns the registry if it is this account's, and
    /// [`is_name_of_another_account`](crate::Error::is_name_of_another_account) reports if it isn't;
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

    /// Ensures that the account has this registry: reads it, and creates it if it is missing.
    /// `GET /v2/registries/{registry_name}`, `POST /v2/registries`
    ///
    /// However often and by however many programs it is called, there is one registry in the end, and each gets it.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create). [`is_mismatch`](crate::Error::is_mismatch), if the registry exists in another
    /// region, or the subscription has another tier: nothing is changed then, and
    /// [`existing_registry`](crate::Error::existing_registry) returns the registry.
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

    /// Whether the name is free: no account has a registry with this name. Reserves nothing.
    /// `POST /v2/registries/validate-name`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if !docr.registries().is_name_available(&"acme-images".parse()?).await? {
    ///     println!("the name is taken");
    /// }
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

    /// Reads the subscription. `GET /v2/registries/subscription`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let tier = docr.registries().subscription().await?.tier;
    /// println!("{}: {:?} cents a month", tier.slug, tier.monthly_price_in_cents);
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
    /// let pays_already = docr.registries().subscription_opt().await?.is_some();
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

    /// Moves the account to another tier. The current tier changes nothing. `POST /v2/registries/subscription`
    ///
    /// ```no_run
    /// use docr::TierSlug;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// match docr.registries().change_tier(TierSlug::Basic).await {
    ///     Err(error) if error.is_tier_not_eligible() => println!("{:?}", error.eligibility_reasons()),
    ///     changed => println!("now on {}", changed?.tier.slug),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an unknown tier.
    /// [`is_tier_not_eligible`](crate::Error::is_tier_not_eligible), if the account's registries don't fit the tier;
    /// [`eligibility_reasons`](crate::Error::eligibility_reasons) returns the reasons.
    pub async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        self.account.change_tier(tier).await
    }

    /// Ensures that the account has a tier: reads the subscription, and changes the tier only if it is another one.
    /// `GET /v2/registries/subscription`, `POST /v2/registries/subscription`
    ///
    /// ```no_run
    /// use docr::TierSlug;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// if docr.registries().ensure_tier(TierSlug::Professional).await?.is_changed() {
    ///     println!("upgraded");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`subscription`](Self::subscription) and [`change_tier`](Self::change_tier).
    pub async fn ensure_tier(&self, tier: TierSlug) -> Result<Ensured<Subscription>> {
        self.account.ensure_tier(tier).await
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with the account's eligibility.
    /// `GET /v2/registries/options`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let options = docr.registries().options().await?;
    /// println!("regions: {:?}", options.available_regions);
    /// for tier in options.subscription_tiers {
    ///     println!("{}: {:?} {:?}", tier.slug, tier.eligible, tier.eligibility_reasons);
    /// }
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
