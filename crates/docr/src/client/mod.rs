//! The client: what it is set up with, and the handles that it gives out.

mod builder;
mod handles;

use std::{fmt, time::Duration};

use crate::{
    DockerCredentials, Result, Secret,
    call::{Core, Settings},
    credentials::revoke,
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
    core: Core,
}

impl Client {
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

    /// Revokes credentials: from now on they open nothing.
    /// `POST https://cloud.digitalocean.com/v1/oauth/revoke`, a host of its own: see
    /// [`ClientBuilder::oauth_url`].
    ///
    /// # Errors
    ///
    /// Before a request is sent: credentials of another form than they were when this version was made. Revoke them
    /// in the control panel. [`is_unauthorized`](crate::Error::is_unauthorized), if they open nothing, as when they have
    /// expired.
    pub async fn revoke(&self, credentials: &DockerCredentials) -> Result<()> {
        credentials.revoke(&self.core).await
    }

    /// Revokes credentials of which only the password is there, such as [`DockerConfig::password`](crate::DockerConfig::password)
    /// has it. A personal access token would be revoked as well: don't pass one that somebody has used as a password.
    /// `POST https://cloud.digitalocean.com/v1/oauth/revoke`
    ///
    /// # Errors
    ///
    /// [`is_unauthorized`](crate::Error::is_unauthorized), if it opens nothing, as when it was revoked or has expired.
    pub async fn revoke_password(&self, password: &Secret) -> Result<()> {
        revoke(&self.core, password.clone(), None).await
    }

    /// The generated client below, for what this crate doesn't offer.
    pub fn api(&self) -> &docr_api::Client {
        &self.core.api
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
    /// use the same token. For bulk work. The wait for the first turn doesn't count towards the deadline, but has a limit
    /// of its own: [`ClientBuilder::turn_limit`].
    #[must_use]
    pub fn paced(&self) -> Self {
        Self {
            core: self.core.paced(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        Self {
            core: self.core.with(change),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.core).finish()
    }
}
