//! The client: what it is set up with, and the handles that it gives out.

mod address;
mod builder;
mod handles;
mod http;
mod request;

use std::fmt;

use reqwest::Method;

use crate::{
    DockerCredentials, Result, Secret,
    call::{Core, with_options},
    credentials::revoke,
};

pub use builder::ClientBuilder;
pub use request::ApiRequest;

/// Speaks with the API on behalf of one token. Cheap to clone; clones share their connections.
///
/// ```no_run
/// # async fn example() -> docr::Result<()> {
/// let docr = docr::Client::from_env()?;
/// for registry in docr.registries().list().all().await? {
///     println!("{} in {:?}", registry.name, registry.region);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    core: Core,
}

impl Client {
    /// A client with the token of `DIGITALOCEAN_TOKEN` or else `DIGITALOCEAN_ACCESS_TOKEN`, for the API
    /// at `DIGITALOCEAN_API_URL` if that is set; [`ClientBuilder::from_env`] for one with more to it.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`]: no token is set, or a value can't be used.
    pub fn from_env() -> Result<Self> {
        ClientBuilder::from_env().build()
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

    /// A request to any path of the API, with all that every call has: token, repeats, pacing, time limits, spans and
    /// errors. For what this crate has no method for.
    ///
    /// ```no_run
    /// use docr::Method;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let account: serde_json::Value = docr.request(Method::GET, "/v2/account").send().await?;
    /// println!("{}", account["account"]["email"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: impl Into<String>) -> ApiRequest {
        ApiRequest::new(self.core.clone(), method, path.into())
    }

    /// The generated client below: one request each, without repeats, and as it comes.
    pub fn api(&self) -> &docr_api::Client {
        &self.core.api
    }

    /// The same client, whose calls wait for their turn below the rate limit: see [`CallOptions::paced`](crate::CallOptions::paced).
    #[doc(alias = "rate_limited")]
    #[must_use]
    pub fn paced(&self) -> Self {
        self.with(|calls| calls.paced(true))
    }
}

with_options!(Client, core);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.core).finish()
    }
}
