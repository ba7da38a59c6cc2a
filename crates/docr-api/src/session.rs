//! The session of a client: its bearer token, and the headers of each request.

use std::{fmt, sync::Arc, time::Duration};

use progenitor_client::ClientHooks;
use reqwest::{
    Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};

use crate::{Client, Error, Secret, TokenProvider, read::BODY_LIMIT};

/// The part of a [`Client`] that knows the token.
#[derive(Clone)]
pub struct Session {
    authorization: Authorization,
    on_request: Option<OnRequest>,
    timeout: Option<Duration>,
    body_limit: usize,
}

/// A function that changes the headers of each request before it is sent.
type OnRequest = Arc<dyn Fn(&mut HeaderMap) + Send + Sync>;

#[derive(Clone)]
enum Authorization {
    Bearer(HeaderValue),
    Provider(Arc<dyn TokenProvider>),
}

/// The token is empty, or has a character that is not allowed in it: a space, a line break, or one outside of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is empty or has a character other than visible ASCII")]
pub struct InvalidToken;

impl Session {
    /// A session that authenticates with a token.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], if it is empty, or contains spaces or line breaks.
    pub fn bearer(token: &Secret) -> Result<Self, InvalidToken> {
        Ok(Self::with(Authorization::Bearer(header(token)?)))
    }

    /// A session that gets the token from a provider before each request.
    pub fn provided(tokens: Arc<dyn TokenProvider>) -> Self {
        Self::with(Authorization::Provider(tokens))
    }

    fn with(authorization: Authorization) -> Self {
        Self {
            authorization,
            on_request: None,
            timeout: None,
            body_limit: BODY_LIMIT,
        }
    }

    /// The same session, with a function that may change the headers of each request before it is sent. The token is
    /// added afterwards.
    #[must_use]
    pub fn on_request(mut self, change: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.on_request = Some(Arc::new(change));
        self
    }

    async fn authorize(&self, request: &mut reqwest::Request) -> Result<(), Error<()>> {
        let value = match &self.authorization {
            Authorization::Bearer(value) => value.clone(),
            Authorization::Provider(tokens) => {
                let custom = |error: &dyn fmt::Display| Error::Custom(format!("no token: {error}"));
                let token = tokens.token().await.map_err(|error| custom(&error))?;
                header(token.secret()).map_err(|error| custom(&error))?
            }
        };
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// The header with a token.
fn header(token: &Secret) -> Result<HeaderValue, InvalidToken> {
    let token = token.expose();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidToken);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidToken)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session([redacted])")
    }
}

impl Client {
    /// The same client with another token.
    ///
    /// # Errors
    ///
    /// As for [`Session::bearer`].
    pub fn with_token(mut self, token: &Secret) -> Result<Self, InvalidToken> {
        self.inner.authorization = Authorization::Bearer(header(token)?);
        Ok(self)
    }

    /// The same client with another timeout for each request, in place of the HTTP client's.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.inner.timeout = Some(timeout);
        self
    }

    /// The same client with another limit for the body of a successful response, in bytes. The default is 8 MiB.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.inner.body_limit = bytes;
        self
    }
}

impl Client {
    pub(crate) fn body_limit(&self) -> usize {
        self.inner.body_limit
    }

    /// Sends a request with the session's headers and token. Any status but success is an error.
    pub(crate) fn exchange(
        &self,
        request: reqwest::Request,
    ) -> impl Future<Output = Result<Response, Error<()>>> {
        self.exchange_as(&self.inner, request)
    }

    /// Like [`exchange`](Self::exchange), with the token of `session`.
    #[allow(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` would hold the request twice: as an argument and as it is changed"
    )]
    pub(crate) fn exchange_as(
        &self,
        session: &Session,
        mut request: reqwest::Request,
    ) -> impl Future<Output = Result<Response, Error<()>>> {
        async move {
            if let Some(change) = &self.inner.on_request {
                change(request.headers_mut());
            }
            if self.inner.timeout.is_some() {
                *request.timeout_mut() = self.inner.timeout;
            }
            session.authorize(&mut request).await?;
            let response = self.client.execute(request).await?;
            match response.status().is_success() {
                true => Ok(response),
                false => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
}

// The generated code requires hooks; `exchange` does their work, once for all operations.
impl ClientHooks<Session> for Client {}

/// A builder of an HTTP client for this API. See [`made_safe`].
pub fn http_client() -> reqwest::ClientBuilder {
    made_safe(reqwest::Client::builder())
}

/// Makes an HTTP client safe for this API: it follows no redirects, since the API has none and a token must not be sent
/// to another host, and it never retries, since only the caller knows which calls may be retried.
pub fn made_safe(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    http.redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}
