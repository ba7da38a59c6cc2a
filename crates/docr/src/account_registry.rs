//! The registry of an account that has exactly one.

use docr_api::{
    operations,
    types::{self, Registry, RegistryOptions, Subscription},
};

use crate::{
    Client, CredentialsRequest, DockerCredentials, InvalidInput, Region, RegistryName, Result,
    TierSlug,
};

/// The registry of an account that has exactly one, and the account's subscription. Made by
/// [`Client::account_registry`]; does no I/O by itself.
///
/// Once an account has several registries, the service refuses these calls:
/// [`ErrorKind::SeveralRegistries`](crate::ErrorKind::SeveralRegistries).
#[derive(Clone, Debug)]
pub struct AccountRegistry {
    client: Client,
}

/// What [`AccountRegistry::create`] creates.
///
/// ```
/// use docr::{CreateRegistry, Region, TierSlug};
///
/// let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic).region(Region::Fra1);
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CreateRegistry {
    name: RegistryName,
    tier: TierSlug,
    region: Option<Region>,
}

impl CreateRegistry {
    /// A registry by this name, paid for by a subscription of this tier. The service picks a region.
    pub fn new(name: RegistryName, tier: TierSlug) -> Self {
        let region = None;
        Self { name, tier, region }
    }

    /// The region in which images are stored. A region that this version doesn't list is sent as it is.
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    fn into_body(self) -> Result<types::RegistryCreate, InvalidInput> {
        self.name.check_new()?;
        check_tier(&self.tier)?;
        self.region.as_ref().map_or(Ok(()), check_region)?;
        Ok(types::RegistryCreate {
            name: self.name.into(),
            subscription_tier_slug: self.tier,
            region: self.region,
        })
    }
}

impl AccountRegistry {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads the registry, with its storage use and its subscription. `GET /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry; see also
    /// [`get_opt`](Self::get_opt).
    pub async fn get(&self) -> Result<Registry> {
        let send = |api: docr_api::Client| async move { api.registry_get().send().await };
        let answer = self.client.call(&operations::REGISTRY_GET, send).await?;
        Ok(with_subscription(answer))
    }

    /// Like [`get`](Self::get), with `None` if the account has no registry.
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(&self) -> Result<Option<Registry>> {
        match self.get().await {
            Ok(registry) => Ok(Some(registry)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the registry, and the subscription that pays for it. `POST /v2/registry`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's, a tier that isn't listed.
    /// [`is_conflict`](crate::Error::is_conflict), if some account has the name;
    /// [`is_rejected`](crate::Error::is_rejected), if this account has a registry already.
    pub async fn create(&self, wanted: CreateRegistry) -> Result<Registry> {
        let body = wanted.into_body()?;
        let send = |api: docr_api::Client| {
            let body = body.clone();
            async move { api.registry_create().body(body).send().await }
        };
        let answer = self.client.call(&operations::REGISTRY_CREATE, send).await?;
        Ok(with_subscription(answer))
    }

    /// Deletes the registry and every image in it. There is no undo. `DELETE /v2/registry`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry.
    pub async fn delete(&self) -> Result<()> {
        let send = |api: docr_api::Client| async move { api.registry_delete().send().await };
        self.client.call(&operations::REGISTRY_DELETE, send).await
    }

    /// Reads the subscription. `GET /v2/registry/subscription`
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none.
    pub async fn subscription(&self) -> Result<Subscription> {
        let send =
            |api: docr_api::Client| async move { api.registry_get_subscription().send().await };
        let operation = &operations::REGISTRY_GET_SUBSCRIPTION;
        Ok(self.client.call(operation, send).await?.subscription)
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
        let body = types::SubscriptionChange { tier_slug: tier };
        let send = |api: docr_api::Client| {
            let body = body.clone();
            async move { api.registry_update_subscription().body(body).send().await }
        };
        let operation = &operations::REGISTRY_UPDATE_SUBSCRIPTION;
        Ok(self.client.call(operation, send).await?.subscription)
    }

    /// Mints credentials for Docker. Each call leaves another credential with the service, so it is
    /// never repeated on its own. `GET /v2/registry/docker-credentials`
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
        let send = |api: docr_api::Client| async move {
            api.registry_get_docker_credentials()
                .read_write(wanted.is_read_write())
                .expiry_seconds(expiry_seconds)
                .send()
                .await
        };
        let operation = &operations::REGISTRY_GET_DOCKER_CREDENTIALS;
        let answer = self.client.call(operation, send).await?;
        Ok(DockerCredentials::new(answer, wanted))
    }

    /// Reads the regions in which a registry can be created, and all tiers, each with whether the account
    /// may move to it. `GET /v2/registry/options`
    ///
    /// # Errors
    ///
    /// Those of any call.
    pub async fn options(&self) -> Result<RegistryOptions> {
        let send = |api: docr_api::Client| async move { api.registry_get_options().send().await };
        let operation = &operations::REGISTRY_GET_OPTIONS;
        Ok(self.client.call(operation, send).await?.options)
    }

    /// Whether no account has a registry by this name. Reserves nothing.
    /// `POST /v2/registry/validate-name`
    ///
    /// # Errors
    ///
    /// Before a request is sent: a name that can't be a new registry's.
    pub async fn is_name_free(&self, name: &RegistryName) -> Result<bool> {
        name.check_new()?;
        let body = types::ValidateRegistry {
            name: name.as_str().to_owned(),
        };
        let send = |api: docr_api::Client| {
            let body = body.clone();
            async move { api.registry_validate_name().body(body).send().await }
        };
        match self
            .client
            .call(&operations::REGISTRY_VALIDATE_NAME, send)
            .await
        {
            Ok(()) => Ok(true),
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Some answers have the subscription beside the registry instead of in it.
fn with_subscription(answer: types::RegistryResponse) -> Registry {
    let mut registry = answer.registry;
    registry.subscription = registry.subscription.or(answer.subscription);
    registry
}

/// A tier decides what an account pays, so a typing error must not get through.
fn check_tier(tier: &TierSlug) -> Result<(), InvalidInput> {
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
