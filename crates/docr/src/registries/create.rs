//! What a new registry shall be, checked before it is asked for.

use docr_api::types::{self, Registry};

use crate::{
    Region, RegistryName, TierSlug,
    call::Found,
    error::{InvalidInput, Result},
};

/// The registry that [`Registries::create`](crate::Registries::create) or
/// [`AccountRegistry::create`](crate::AccountRegistry::create) creates.
///
/// ```
/// use docr::{CreateRegistry, Region, TierSlug};
///
/// let first = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic).region(Region::Fra1);
/// let another = CreateRegistry::in_subscription("acme-mirror".parse()?);
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CreateRegistry {
    name: RegistryName,
    tier: Option<TierSlug>,
    region: Option<Region>,
}

impl CreateRegistry {
    /// A registry by this name, paid for by a subscription of this tier. The service picks a region.
    pub fn new(name: RegistryName, tier: TierSlug) -> Self {
        Self {
            tier: Some(tier),
            ..Self::in_subscription(name)
        }
    }

    /// A registry by this name in the subscription that the account has.
    pub fn in_subscription(name: RegistryName) -> Self {
        Self {
            name,
            tier: None,
            region: None,
        }
    }

    /// The region in which images are stored. A region that this version doesn't list is sent as it is.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    pub(crate) fn name(&self) -> &RegistryName {
        &self.name
    }

    pub(crate) fn into_body(self) -> Result<types::MultiregistryCreate, InvalidInput> {
        self.name.check_new()?;
        self.tier.as_ref().map_or(Ok(()), check_tier)?;
        self.region.as_ref().map_or(Ok(()), check_region)?;
        Ok(types::MultiregistryCreate {
            name: self.name.into(),
            subscription_tier_slug: self.tier,
            region: self.region,
        })
    }

    /// The body of the older call, which always begins a subscription.
    pub(crate) fn into_account_body(self) -> Result<types::RegistryCreate, InvalidInput> {
        let body = self.into_body()?;
        let Some(tier) = body.subscription_tier_slug else {
            let rule = "is missing; an account's only registry needs one of its own";
            return Err(InvalidInput::new("subscription tier", "", rule));
        };
        Ok(types::RegistryCreate {
            name: body.name,
            subscription_tier_slug: tier,
            region: body.region,
        })
    }
}

/// A registry that may have been made by a call, if it is what was asked for.
pub(crate) fn as_wanted(
    found: Option<Registry>,
    name: &str,
    region: Option<&Region>,
    tier: Option<&TierSlug>,
) -> Option<Found<Registry>> {
    let made = found?;
    let has = made.subscription.as_ref().map(|is| &is.tier.slug);
    let is_wanted = made.name == name
        && (region.is_none() || made.region.as_ref() == region)
        && (tier.is_none() || has == tier);
    let at = made.created_at;
    is_wanted.then_some(Found { made, at })
}

/// Asks whether a name is free, by a call that answers with a conflict if it isn't.
pub(crate) async fn name_is_free(
    name: &RegistryName,
    validate: impl AsyncFnOnce(types::ValidateRegistry) -> Result<()>,
) -> Result<bool> {
    name.check_new()?;
    let name = name.as_str().to_owned();
    match validate(types::ValidateRegistry { name }).await {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error),
    }
}

/// A tier decides what an account pays, so a typing error must not get through.
pub(crate) fn check_tier(tier: &TierSlug) -> Result<(), InvalidInput> {
    match tier.as_str().parse::<TierSlug>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let rule = format!("is not a tier; the tiers are {}", error.listed().join(", "));
            Err(InvalidInput::new("subscription tier", tier.as_str(), rule))
        }
    }
}

/// Regions are added over time, so only the form is checked.
fn check_region(region: &Region) -> Result<(), InvalidInput> {
    let wrong = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit());
    let text = region.as_str();
    let position = match text.chars().position(wrong) {
        Some(index) => index + 1,
        None if text.is_empty() => 1,
        None => return Ok(()),
    };
    let rule = format!(
        "at position {position} a lower-case letter or digit is missing; a region looks like fra1"
    );
    Err(InvalidInput::at("region", text, position, rule))
}

/// Some responses have the subscription beside the registry instead of in it.
pub(crate) fn with_subscription(response: types::RegistryResponse) -> Registry {
    let mut registry = response.registry;
    registry.subscription = registry.subscription.or(response.subscription);
    registry
}
