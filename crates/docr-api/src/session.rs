//! Who is calling: the bearer token, put on each request.

use std::{fmt, time::Duration};

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::header::{AUTHORIZATION, HeaderValue};

use crate::{Client, Error, Secret, read::BodyLimit};

/// The part of a [`Client`] that knows the token.
#[derive(Clone)]
pub struct Session {
    authorization: HeaderValue,
    timeout: Option<Duration>,
    body_limit: Option<BodyLimit>,
}

/// The token holds a character that can't stand in a header: a space, a line end, or none of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is empty or holds a character other than visible ASCII")]
pub struct InvalidToken;

impl Session {
    /// A session that authenticates with a token.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], for what is no token: empty, with spaces or line ends inside.
    pub fn bearer(token: &Secret) -> Result<Self, InvalidToken> {
        let token = token.expose();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken);
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidToken)?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            timeout: None,
            body_limit: None,
        })
    }
}

impl Session {
    pub(crate) fn authorize(&self, request: &mut reqwest::Request) {
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session([redacted])")
    }
}

impl Client {
    /// The same client with another time limit for each request, in place of the HTTP client's own.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.inner.timeout = Some(timeout);
        self
    }

    /// The same client with another limit for what it reads of a successful answer, in bytes; 8 MiB.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.inner.body_limit = Some(BodyLimit(bytes));
        self
    }
}

impl ClientHooks<Session> for Client {
    async fn pre<E>(
        &self,
        request: &mut reqwest::Request,
        _: &OperationInfo,
    ) -> Result<(), Error<E>> {
        let headers = request.headers_mut();
        // The generator's own header; the service has no such thing.
        headers.remove("api-version");
        self.inner.authorize(request);
        if self.inner.timeout.is_some() {
            *request.timeout_mut() = self.inner.timeout;
        }
        Ok(())
    }

    async fn exec(
        &self,
        request: reqwest::Request,
        _: &OperationInfo,
    ) -> reqwest::Result<reqwest::Response> {
        let mut response = self.client.execute(request).await?;
        if let Some(limit) = self.inner.body_limit {
            response.extensions_mut().insert(limit);
        }
        Ok(response)
    }
}

/// The beginnings of an HTTP client that fits this API: it follows no redirect, since the API has
/// none and a token must not travel, and repeats nothing by itself, since only the caller knows what
/// may be repeated.
pub fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}
