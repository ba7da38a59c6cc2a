//! A request to a path that the caller chooses.

use docr_api::{Effect, RawRequest};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallOptions, Result,
    call::{Core, Request},
    endpoint::Endpoint,
    error::InvalidInput,
};

/// A request to any path of the API. Made by [`Client::request`](crate::Client::request).
///
/// Its [`Effect`] decides what is retried. By default, a GET or HEAD reads, a PUT sets, a DELETE deletes, and all others
/// create: an attempt that may have taken effect is then not repeated, and the call fails as
/// [`is_ambiguous`](crate::Error::is_ambiguous).
///
/// ```no_run
/// use docr::{Effect, Method};
///
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let tags = serde_json::json!({ "resources": [{ "resource_id": "9569411", "resource_type": "droplet" }] });
/// docr.request(Method::POST, "/v2/tags/prod/resources")
///     .json(&tags)?
///     .effect(Effect::Set) // tagging twice leaves the same tags
///     .send::<()>()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct ApiRequest {
    core: Core,
    raw: RawRequest,
    effect: Effect,
}

impl ApiRequest {
    pub(crate) fn new(core: Core, method: Method, path: String) -> Self {
        let effect = match method {
            Method::GET | Method::HEAD | Method::OPTIONS => Effect::Read,
            Method::PUT => Effect::Set,
            Method::DELETE => Effect::Delete,
            _ => Effect::Create,
        };
        let raw = RawRequest {
            method,
            path,
            query: Vec::new(),
            json: None,
        };
        Self { core, raw, effect }
    }

    /// Adds a name and value to the query, percent-encoded.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let droplets = docr.request(docr::Method::GET, "/v2/droplets").query("tag_name", "prod").query("page", 2);
    /// let page: serde_json::Value = droplets.send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.raw.query.push((name.into(), value.to_string()));
        self
    }

    /// The body, as JSON.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input), if the body can't be written as JSON, such as a map with keys
    /// other than strings.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self> {
        let json = serde_json::to_vec(body).map_err(|error| {
            InvalidInput::new(
                "request body",
                "",
                format!("cannot be written as JSON: {error}"),
            )
        })?;
        self.raw.json = Some(json.into());
        Ok(self)
    }

    /// What the request does on the server, which decides whether it is retried.
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The same request with other [`CallOptions`].
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let account = docr.request(docr::Method::GET, "/v2/account").with(|calls| calls.max_attempts(1));
    /// let account: serde_json::Value = account.send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.core = self.core.with(change);
        self
    }

    /// Sends the request and reads the response as JSON. An empty body reads as `null`, which is `()`. Use
    /// `serde::de::IgnoredAny` to ignore the body.
    ///
    /// # Errors
    ///
    /// Those of any call. Before a request is sent: an invalid path, or one that resolves to another path.
    /// [`is_unreadable`](crate::Error::is_unreadable), if the response is not JSON of this type.
    pub async fn send<T: DeserializeOwned + Send + 'static>(self) -> Result<T> {
        let raw = self.raw;
        let request = Request {
            endpoint: Endpoint::raw(raw.method.clone(), &raw.path, self.effect),
            secrets: Vec::new(),
            send: move |api: docr_api::Client| {
                let raw = raw.clone();
                async move { api.send_raw(&raw).await }
            },
        };
        self.core.call(request).await
    }
}
