//! What the two forms of the calls share: an account's subscription, its options, and checking a name's availability.

use docr_api::types::{self, Registry, RegistryOptions, Subscription};

use super::create::{CreateRegistry, check_tier};
use crate::{
    Region, RegistryName, TierSlug,
    call::{Core, Form, Found, call},
    ensured::Ensured,
    error::{About, Error, ErrorKind, Result},
    text::clean,
};

/// An account, and which of the two forms of calls is used.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) core: Core,
    pub(super) form: Form,
}

/// A call on the account as a whole, which has both forms.
macro_rules! account_call {
    ($account:expr, $method:ident | $old_method:ident $($rest:tt)*) => {
        match $account.form {
            Form::ByName => call!($account.core, $method $($rest)*),
            Form::OfAccount => call!($account.core, $old_method $($rest)*),
        }
    };
}

impl Account {
    pub(super) async fn is_name_available(&self, name: &RegistryName) -> Result<bool> {
        name.check_new()?;
        let body = &types::ValidateRegistry {
            name: name.as_str().to_owned(),
        };
        let response = account_call!(
            self,
            registries_validate_name | registry_validate_name.body(body)
        );
        match response {
            Ok(()) => Ok(true),
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn subscription(&self) -> Result<Subscription> {
        let response = account_call!(
            self,
            registries_get_subscription | registry_get_subscription
        );
        Ok(response?.subscription)
    }

    pub(super) async fn change_tier(&self, tier: TierSlug) -> Result<Subscription> {
        check_tier(&tier)?;
        let body = &types::SubscriptionChange { tier_slug: tier };
        let response = account_call!(
            self,
            registries_update_subscription | registry_update_subscription.body(body)
        );
        Ok(response?.subscription)
    }

    pub(super) async fn ensure_tier(&self, tier: TierSlug) -> Result<Ensured<Subscription>> {
        check_tier(&tier)?;
        let present = self.subscription().await?;
        match present.tier.slug == tier {
            true => Ok(Ensured::Unchanged(present)),
            false => self.change_tier(tier).await.map(Ensured::Changed),
        }
    }

    pub(super) async fn options(&self) -> Result<RegistryOptions> {
        let response = account_call!(self, registries_get_options | registry_get_options);
        Ok(response?.options)
    }
}

/// A registry that is as requested, as far as it can be compared.
pub(super) fn as_wanted(
    found: Option<Registry>,
    name: &str,
    region: Option<&Region>,
    tier: Option<&TierSlug>,
) -> Option<Found<Registry>> {
    let made = found?;
    let is_wanted = made.name == name && differences(&made, region, tier).is_empty();
    let at = made.created_at;
    is_wanted.then_some(Found { made, at })
}

/// How a registry differs from the requested one. An unknown value counts as a difference.
fn differences(is: &Registry, region: Option<&Region>, tier: Option<&TierSlug>) -> Vec<String> {
    let mut all = Vec::new();
    let known = |text: Option<&str>| text.map_or_else(|| "unknown".to_owned(), clean);
    let in_region = is.region.as_ref();
    if region.is_some() && in_region != region {
        let (is, wanted) = (in_region.map(Region::as_str), region.map(Region::as_str));
        all.push(format!(
            "the region is {}, not {}",
            known(is),
            known(wanted)
        ));
    }
    let has = is.subscription.as_ref().map(|is| &is.tier.slug);
    if tier.is_some() && has != tier {
        let (is, wanted) = (has.map(TierSlug::as_str), tier.map(TierSlug::as_str));
        all.push(format!("the tier is {}, not {}", known(is), known(wanted)));
    }
    all
}

/// The existing registry, or the error that it differs from the requested one.
pub(super) fn unless_different(found: Registry, wanted: &CreateRegistry) -> Result<Registry> {
    let differences = differences(&found, wanted.region_wanted(), wanted.tier());
    if differences.is_empty() {
        return Ok(found);
    }
    let summary = format!(
        "the account has a registry named {}, but {}",
        clean(&found.name),
        differences.join(", and ")
    );
    let error = Error::caused_by(None, ErrorKind::Mismatch, summary);
    Err(error.about(About::Registry(Box::new(found))))
}

/// Adds who has a name that is taken, if `find` can find out.
pub(super) async fn with_owner(
    error: Error,
    core: &Core,
    find: impl AsyncFnOnce(Core) -> Result<Option<Registry>>,
) -> Error {
    if !error.is_conflict() {
        return error;
    }
    let Some(rest) = core.for_the_rest_of(error.elapsed()) else {
        return error;
    };
    let say = |error: Error, what: &str, about| {
        let summary = format!("the name is taken: {what}");
        Error::caused_by(Some(error), ErrorKind::Conflict, summary).about(about)
    };
    match find(rest).await {
        Ok(Some(found)) => {
            let what = "this account already has a registry with that name";
            say(error, what, About::Registry(Box::new(found)))
        }
        Ok(None) => say(
            error,
            "a registry of another account has it",
            About::NameOfAnotherAccount,
        ),
        Err(_) => error,
    }
}
