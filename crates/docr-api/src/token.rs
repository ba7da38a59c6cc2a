//! Token providers, for tokens that change while a program runs.

use std::{error::Error, future, pin::Pin, time::Duration};

use crate::Secret;

/// Why a provider has no token.
pub type TokenError = Box<dyn Error + Send + Sync>;

/// The future that a [`TokenProvider`] returns; create one with `Box::pin(async move { ... })`.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// Provides the token for each request.
///
/// ```
/// use std::time::Duration;
/// use docr_api::{AccessToken, Secret, TokenFuture, TokenProvider};
///
/// /// Exchanges the identity of a workload for a token that is valid for an hour.
/// struct Exchange { url: String }
///
/// impl TokenProvider for Exchange {
///     fn token(&self) -> TokenFuture<'_> {
///         Box::pin(async move {
///             let token: Secret = exchange(&self.url).await?;
///             Ok(AccessToken::new(token).expires_in(Duration::from_secs(3600)))
///         })
///     }
/// }
/// # async fn exchange(_: &str) -> Result<Secret, std::io::Error> { Ok("dop_v1_0123".into()) }
/// ```
pub trait TokenProvider: Send + Sync {
    /// The token for a request that is about to be sent.
    fn token(&self) -> TokenFuture<'_>;

    /// A token in place of one that the service rejected. By default this calls [`token`](Self::token) again: override
    /// it if that would return the rejected token from a cache.
    fn fresh_token<'a>(&'a self, refused: &'a Secret) -> TokenFuture<'a> {
        let _ = refused;
        self.token()
    }
}

/// A token, and how long it may be used before the provider is called again.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: Secret,
    keep: Keep,
}

#[derive(Clone, Copy, Debug)]
enum Keep {
    ForOneRequest,
    For(Duration),
    UntilRefused,
}

impl AccessToken {
    /// A token for one request: the provider is called again before the next one.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self {
            secret: secret.into(),
            keep: Keep::ForOneRequest,
        }
    }

    /// The same token, used until shortly before it expires.
    #[must_use]
    pub fn expires_in(self, lifetime: Duration) -> Self {
        Self {
            keep: Keep::For(lifetime),
            ..self
        }
    }

    /// The same token, used until the service rejects it.
    #[must_use]
    pub fn until_refused(self) -> Self {
        Self {
            keep: Keep::UntilRefused,
            ..self
        }
    }

    /// The token itself.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How long it may be used: zero for a token for one request, and [`Duration::MAX`] for one that is used until it
    /// is rejected.
    pub fn lifetime(&self) -> Duration {
        match self.keep {
            Keep::ForOneRequest => Duration::ZERO,
            Keep::For(lifetime) => lifetime,
            Keep::UntilRefused => Duration::MAX,
        }
    }
}

/// The same token for every request.
impl TokenProvider for Secret {
    fn token(&self) -> TokenFuture<'_> {
        let token = AccessToken::new(self.clone()).until_refused();
        Box::pin(future::ready(Ok(token)))
    }
}
