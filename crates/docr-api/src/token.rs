//! Where tokens come from: a trait, so that they can change while a program runs.

use std::{error::Error, future, pin::Pin, time::Duration};

use crate::Secret;

/// Why there is no token.
pub type TokenError = Box<dyn Error + Send + Sync>;

/// A token to come. What [`TokenProvider`] returns; `Box::pin(async move { ... })` makes one.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// Hands out the token for each request.
///
/// ```
/// use std::time::Duration;
/// use docr_api::{AccessToken, Secret, TokenFuture, TokenProvider};
///
/// /// Exchanges the identity of a workload for a token that is good for an hour.
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
    /// A token for a request that is about to be sent.
    fn token(&self) -> TokenFuture<'_>;

    /// A token in place of one that the service has refused. Unless it is overridden, [`token`](Self::token) is asked
    /// once more: override it where that would hand out the refused one from a cache.
    fn fresh_token<'a>(&'a self, refused: &'a Secret) -> TokenFuture<'a> {
        let _ = refused;
        self.token()
    }
}

/// A token, and how long it may be used without asking for it again.
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
    /// A token for one request: the provider is asked again before the next one.
    pub fn new(secret: impl Into<Secret>) -> Self {
        Self {
            secret: secret.into(),
            keep: Keep::ForOneRequest,
        }
    }

    /// The same token, which is used until shortly before it expires.
    #[must_use]
    pub fn expires_in(self, lifetime: Duration) -> Self {
        Self {
            keep: Keep::For(lifetime),
            ..self
        }
    }

    /// The same token, which is used until the service refuses it.
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

    /// How long it may be used without asking again: nothing for one request, and no end for one that is used until it is
    /// refused.
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
