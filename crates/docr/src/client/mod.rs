//! The client, its builder, and the handles that it makes.

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

/// Calls the API with one token. Cheap to clone; clones share their connections.
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
    /// at `DIGITALOCEAN_API_URL` if that is set. [`ClientBuilder::from_env`] allows more settings.
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

    /// Revokes credentials: from now on they give no access.
    /// `POST https://cloud.digitalocean.com/v1/oauth/revoke`, a host of its own: see
    /// [`ClientBuilder::oauth_url`].
    ///
    /// ```no_run
    /// use docr::CredentialsRequest;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = docr.registry("acme-images".parse()?);
    /// let credentials = registry.docker_credentials(CredentialsRequest::read_write()).await?;
    /// // ... build and push ...
    /// docr.revoke(&credentials).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: credentials in a form that this version doesn't know. Revoke them in the control panel.
    /// [`is_unauthorized`](crate::Error::is_unauthorized), if they are not valid any more, as when they have expired.
    pub async fn revoke(&self, credentials: &DockerCredentials) -> Result<()> {
        credentials.revoke(&self.core).await
    }

    /// Revokes credentials by their password, such as [`DockerConfig::password`](crate::DockerConfig::password) returns it.
    /// A personal access token that was used as a password is revoked as well.
    /// `POST https://cloud.digitalocean.com/v1/oauth/revoke`
    ///
    /// ```no_run
    /// use docr::DockerConfig;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut config = DockerConfig::load(DockerConfig::default_path()?)?;
    /// if let Some(password) = config.password()? {
    ///     docr.revoke_password(&password).await?;
    ///     config.remove()?;
    ///     config.save()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_unauthorized`](crate::Error::is_unauthorized), if it is not valid any more: revoked or expired.
    pub async fn revoke_password(&self, password: &Secret) -> Result<()> {
        revoke(&self.core, password.clone(), None).await
    }

    /// A request to any path of the API, for what this crate has no method for. Token, retries, pacing, time limits, spans
    /// and errors are those of any call.
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

    /// The generated client underneath: one request per call, without retries, and with raw responses.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let response = docr.api().registries_get_options().send().await?;
    /// println!("{} with {} tiers", response.status(), response.options.subscription_tiers.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn api(&self) -> &docr_api::Client {
        &self.core.api
    }

    /// The same client with paced calls, which wait for their turn below the rate limit: see
    /// [`CallOptions::paced`](crate::CallOptions::paced).
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let bulk = docr.paced().registry("acme-images".parse()?);
    /// for repository in bulk.repositories().all().await? {
    ///     let bytes = bulk.repository(repository.name.parse()?).storage_bytes().await?;
    ///     println!("{}: {bytes} bytes", repository.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
