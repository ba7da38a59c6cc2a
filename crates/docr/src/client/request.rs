//! A request of the caller's own making.

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
/// What may be repeated is decided by its [`Effect`]. Unless it is told otherwise, a GET or HEAD reads, a PUT sets, a
/// DELETE deletes, and all else creates: what may have taken effect is then not repeated, and fails as
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

    /// A name and value of the query. Both are encoded as they need to be.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.raw.query.push((name.into(), value.to_string()));
        self
    }

    /// The body, as JSON.
    ///
    /// # Errors
    ///
    /// What can't be written as JSON, such as a map whose keys are no texts.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Result<Self> {
        let json = serde_json::to_vec(body).map_err(|error| {
            InvalidInput::new("request body", "", format!("is not JSON: {error}"))
        })?;
        self.raw.json = Some(json.into());
        Ok(self)
    }

    /// What it does on the server, which decides whether it may be repeated.
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The same request, made as [`CallOptions`] say.
    pub fn with(mut self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        self.core = self.core.with(change);
        self
    }

    /// Sends it and reads the response as JSON. An empty body reads as `null`, which is `()`; for a body that doesn't
    /// matter there is `serde::de::IgnoredAny`.
    ///
    /// # Errors
    ///
    /// Those of any call. Before a request is sent: a path that isn't one, or would lead elsewhere than it says.
    /// [`is_unreadable`](crate::Error::is_unreadable), if the response is no such JSON.
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
