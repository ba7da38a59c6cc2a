//! A new registry, checked before the request.

use docr_api::types::{self, Registry};

use crate::{
    Region, RegistryName, TierSlug,
    error::{InvalidInput, Result},
};

/// The registry that [`Registries::create`](crate::Registries::create) or
/// [`LegacyRegistry::create`](crate::LegacyRegistry::create) creates.
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
    /// A registry with this name, and the account's subscription tier. The service picks a region.
    pub fn new(name: RegistryName, tier: TierSlug) -> Self {
        Self {
            tier: Some(tier),
            ..Self::in_subscription(name)
        }
    }

    /// A registry with this name in the account's existing subscription.
    pub fn in_subscription(name: RegistryName) -> Self {
        Self {
            name,
            tier: None,
            region: None,
        }
    }

    /// The region in which images are stored. A region that this version doesn't know is sent as it is.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    pub(super) fn name(&self) -> &RegistryName {
        &self.name
    }

    pub(super) fn tier(&self) -> Option<&TierSlug> {
        self.tier.as_ref()
    }

    pub(super) fn region_wanted(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// Rejects what the service would reject.
    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        self.name.check_new()?;
        self.tier.as_ref().map_or(Ok(()), check_tier)?;
        self.region.as_ref().map_or(Ok(()), check_region)
    }

    pub(super) fn into_body(self) -> Result<types::MultiregistryCreate, InvalidInput> {
        self.check()?;
        Ok(types::MultiregistryCreate {
            name: self.name.into(),
            subscription_tier_slug: self.tier,
            region: self.region,
        })
    }

    /// The body of the older call, which always starts a subscription.
    pub(super) fn into_account_body(self) -> Result<types::RegistryCreate, InvalidInput> {
        let body = self.into_body()?;
        let Some(tier) = body.subscription_tier_slug else {
            let rule = "is missing; an account's first registry needs one";
            return Err(InvalidInput::new("subscription tier", "", rule));
        };
        Ok(types::RegistryCreate {
            name: body.name,
            subscription_tier_slug: tier,
            region: body.region,
        })
    }
}

/// A tier decides what an account pays, so a typing error must not get through.
pub(super) fn check_tier(tier: &TierSlug) -> Result<(), InvalidInput> {
    match tier.as_str().parse::<TierSlug>() {
        Ok(_) => Ok(()),
        Err(error) => {
            let rule = format!(
                "is not a valid tier; use one of {}",
                error.listed().join(", ")
            );
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
        "is not a valid region at position {position}; use lower-case letters and digits, for example fra1"
    );
    Err(InvalidInput::at("region", text, position, rule))
}

/// Some responses have the subscription next to the registry instead of inside it.
pub(super) fn with_subscription(response: types::RegistryResponse) -> Registry {
    let mut registry = response.registry;
    registry.subscription = registry.subscription.or(response.subscription);
    registry
}
