//! The client: what it is set up with, and the handles that it gives out.

mod builder;

use std::{fmt, sync::Arc, time::Duration};

use docr_api::Secret;

use crate::{
    AccountRegistry, Certificates, Clock, Clusters, DockerCredentials, Registries, RegistryHandle,
    RegistryName, Result,
    call::pacer::Pacer,
    call::retry::{Budget, Limits},
};

pub use builder::ClientBuilder;

/// Speaks with the API on behalf of one token. Cheap to clone; clones share their connections.
///
/// ```no_run
/// # async fn example() -> docr::Result<()> {
/// let docr = docr::Client::from_env()?;
/// let registry = docr.account_registry().get().await?;
/// println!("{} in {:?}", registry.name, registry.region);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) api: docr_api::Client,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
}

/// What a clone may have otherwise than the client it was made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) attempt_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) paced: bool,
}

/// What all clones have in common.
pub(crate) struct Shared {
    pub(crate) token: Secret,
    /// Where tokens are revoked.
    pub(crate) oauth_url: String,
    pub(crate) budget: Budget,
    pub(crate) pacer: Pacer,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Client {
    pub(crate) fn new(
        api: docr_api::Client,
        token: Secret,
        oauth_url: String,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(Shared {
            token,
            oauth_url,
            budget: Budget::full(),
            pacer: Pacer::new(),
            clock,
        });
        Self {
            api,
            settings,
            shared,
        }
    }

    /// A client with the token of `DIGITALOCEAN_TOKEN` or else `DIGITALOCEAN_ACCESS_TOKEN`, for the API
    /// at `DIGITALOCEAN_API_URL` if that is set. White space around the values doesn't count.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`]: no token is set, or a value can't be used.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_variables(|name| std::env::var(name).ok())?.build()
    }

    /// Sets up a client.
    ///
    /// ```
    /// let docr = docr::Client::builder()
    ///     .token("dop_v1_0123")
    ///     .user_agent("acme-deploy/1.4")
    ///     .deadline(std::time::Duration::from_secs(60))
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// All registries of the account, its subscription and its options.
    pub fn registries(&self) -> Registries {
        Registries::new(self.clone())
    }

    /// One registry, by its name.
    pub fn registry(&self, name: RegistryName) -> RegistryHandle {
        RegistryHandle::new(self.clone(), name)
    }

    /// The registry of an account that has exactly one, by the service's older calls.
    pub fn account_registry(&self) -> AccountRegistry {
        AccountRegistry::new(self.clone())
    }

    /// The account's TLS certificates.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.clone())
    }

    /// The account's Kubernetes clusters, as far as registries concern them.
    pub fn clusters(&self) -> Clusters {
        Clusters::new(self.clone())
    }

    /// Revokes credentials: from now on they open nothing. To revoke them twice is no error.
    /// `POST https://cloud.digitalocean.com/v1/oauth/revoke`, a host of its own: see
    /// [`ClientBuilder::oauth_url`].
    ///
    /// # Errors
    ///
    /// Before a request is sent: credentials of another form than they were when this version was made. Revoke them
    /// in the control panel.
    pub async fn revoke(&self, credentials: &DockerCredentials) -> Result<()> {
        let token = &credentials.token()?;
        let url = self.shared.oauth_url.as_str();
        let send = |api: docr_api::Client| async move { api.oauth_revoke(url, token).await };
        self.call(&docr_api::OAUTH_REVOKE, send).await
    }

    /// The generated client below, for what this crate doesn't offer.
    pub fn api(&self) -> &docr_api::Client {
        &self.api
    }

    /// The same client with another deadline for each call, all attempts and waits together. Connections and
    /// retry budget are shared.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let quick = docr.with_deadline(std::time::Duration::from_secs(5));
    /// let options = quick.registries().options().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        self.with(|settings| settings.limits.deadline = deadline)
    }

    /// The same client with another number of attempts for each call, the first included; 1 for no retry.
    #[must_use]
    pub fn with_attempts(&self, attempts: u32) -> Self {
        self.with(|settings| settings.limits.attempts = attempts)
    }

    /// The same client with another time limit for each attempt.
    #[must_use]
    pub fn with_attempt_timeout(&self, timeout: Duration) -> Self {
        self.with(|settings| settings.attempt_timeout = timeout)
    }

    /// The same client, pacing itself: a call waits for its turn, so that all paced calls of this client and its
    /// clones stay below the service's limits of 250 requests a minute and 5,000 an hour, also while other programs
    /// use the same token. For bulk work. The wait for the first turn doesn't count towards the deadline.
    #[must_use]
    pub fn paced(&self) -> Self {
        self.with(|settings| settings.paced = true)
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut client = self.clone();
        change(&mut client.settings);
        client
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use docr_api::ClientInfo as _;
        f.debug_struct("Client")
            .field("base_url", &self.api.baseurl())
            .field("token", &self.shared.token)
            .field("settings", &self.settings)
            .finish()
    }
}
