//! Tokens from a function.

use std::{fmt, sync::Arc};

use docr_api::{AccessToken, TokenError, TokenFuture, TokenProvider};
use futures_core::future::BoxFuture;

/// Tokens from an async function, such as an exchange with an identity provider. With [`AccessToken::expires_in`] the
/// function is called again shortly before the token expires; without it, for each request.
///
/// ```
/// use std::time::Duration;
/// use docr::{AccessToken, Client, TokenFn};
///
/// # async fn exchange() -> Result<String, std::io::Error> { Ok("dop_v1_0123".into()) }
/// let tokens = TokenFn::new(|| async {
///     Ok(AccessToken::new(exchange().await?).expires_in(Duration::from_secs(3600)))
/// });
/// let docr = Client::builder().token_provider(tokens).build()?;
/// # Ok::<(), docr::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenFn(
    Arc<dyn Fn() -> BoxFuture<'static, Result<AccessToken, TokenError>> + Send + Sync>,
);

impl TokenFn {
    /// Tokens from this function.
    pub fn new<F>(function: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(function())))
    }
}

impl TokenProvider for TokenFn {
    fn token(&self) -> TokenFuture<'_> {
        (self.0)()
    }
}

impl fmt::Debug for TokenFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFn").finish_non_exhaustive()
    }
}
