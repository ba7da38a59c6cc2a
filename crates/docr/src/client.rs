//! The client, and the one way that every call takes.

use std::{fmt, sync::Arc};

use docr_api::{Operation, ResponseValue, Secret};

use crate::{AccountRegistry, Certificates, ClientBuilder, Result, failure};

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
    inner: Arc<Inner>,
}

struct Inner {
    api: docr_api::Client,
    token: Secret,
}

impl Client {
    pub(crate) fn new(api: docr_api::Client, token: Secret) -> Self {
        let inner = Arc::new(Inner { api, token });
        Self { inner }
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
    ///     .timeout(std::time::Duration::from_secs(10))
    ///     .build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// The registry of an account that has one, and its subscription.
    pub fn account_registry(&self) -> AccountRegistry {
        AccountRegistry::new(self.clone())
    }

    /// The account's TLS certificates.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.clone())
    }

    /// The generated client below, for what this crate doesn't offer.
    pub fn api(&self) -> &docr_api::Client {
        &self.inner.api
    }

    /// Makes a call: sends it, and turns a failure into an [`Error`](crate::Error). The future that
    /// `send` returns owns its client, so that it stays `Send` whatever it borrows.
    pub(crate) async fn call<T, F>(
        &self,
        operation: &'static Operation,
        send: impl Fn(docr_api::Client) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<ResponseValue<T>, docr_api::Error<()>>>,
    {
        match send(self.inner.api.clone()).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(failure) => Err(failure::error_of(operation, failure, &self.inner.token).await),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use docr_api::ClientInfo as _;
        f.debug_struct("Client")
            .field("base_url", &self.inner.api.baseurl())
            .field("token", &self.inner.token)
            .finish()
    }
}
