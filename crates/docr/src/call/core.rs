//! What calls are made with: the generated client, the options, and the state that all clones share.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use docr_api::{AccessToken, ClientInfo as _, Secret, TokenError, TokenFuture, TokenProvider};
use futures_util::future::{Either, select};
use reqwest::Url;

use super::{CallOptions, Observers, Turns, clock::Clock, service_clock::ServiceClock};
#[cfg(feature = "credential-files")]
use crate::error::{Error, Result};
use crate::{endpoint::Endpoint, token::Tokens};

/// Makes calls on behalf of one account. Each handle holds one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) api: docr_api::Client,
    pub(crate) options: CallOptions,
    pub(super) shared: Arc<Shared>,
}

/// What all clones share.
pub(super) struct Shared {
    pub(super) tokens: Arc<Tokens>,
    /// The values of the user's own headers.
    pub(super) header_values: Vec<Secret>,
    server: Server,
    /// Where tokens are revoked.
    oauth_url: String,
    oauth_server: Server,
    pub(super) observers: Observers,
    pub(super) turns: Turns,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) service_clock: ServiceClock,
}

/// A server, as named in spans.
pub(super) struct Server {
    pub(super) address: String,
    pub(super) port: Option<u16>,
}

/// What a core is made of.
pub(crate) struct Setup {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) header_values: Vec<Secret>,
    pub(crate) oauth_url: String,
    pub(crate) options: CallOptions,
    pub(crate) observers: Observers,
    pub(crate) turns: Turns,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Core {
    pub(crate) fn new(api: docr_api::Client, setup: Setup) -> Self {
        let shared = Arc::new(Shared {
            tokens: setup.tokens,
            header_values: setup.header_values,
            server: Server::of(api.baseurl()),
            oauth_server: Server::of(&setup.oauth_url),
            oauth_url: setup.oauth_url,
            observers: setup.observers,
            turns: setup.turns,
            clock: setup.clock,
            service_clock: ServiceClock::unknown(),
        });
        Self {
            api,
            options: setup.options,
            shared,
        }
    }

    /// The same core with other options.
    pub(crate) fn with(&self, change: impl FnOnce(CallOptions) -> CallOptions) -> Self {
        Self {
            api: self.api.clone(),
            options: change(self.options.clone()),
            shared: Arc::clone(&self.shared),
        }
    }

    /// The service's time; `None` before a response has reported it.
    #[cfg(feature = "retention")]
    pub(crate) fn service_time(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.shared.service_clock.at(self.clock().monotonic())
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// The output of a wait; `None` once no further attempt may begin.
    pub(super) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        let Some(stop) = &self.options.stop else {
            return Some(wait.await);
        };
        match select(stop.clone(), pin!(wait)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }

    /// Waits before a call that is to be made later. If no further attempt may begin, it is over at once, and the call fails.
    pub(crate) async fn pause(&self, duration: Duration) {
        self.unless_stopped(self.clock().sleep(duration)).await;
    }

    /// The token that the next request would carry.
    #[cfg(feature = "credential-files")]
    pub(crate) async fn current_token(&self) -> Result<Secret> {
        let (now, limit) = (self.clock().monotonic(), self.options.attempt_timeout);
        let token = self.shared.tokens.get(None, now, limit).await;
        token.map_err(|error| Error::no_token(Box::new(error)))
    }

    /// The token that was used last; `None` for a provider that has not been called yet.
    #[cfg(feature = "credential-files")]
    pub(crate) fn last_token(&self) -> Option<Secret> {
        self.shared.tokens.last()
    }

    /// Where tokens are revoked.
    pub(crate) fn oauth_url(&self) -> &str {
        &self.shared.oauth_url
    }
}

impl Shared {
    pub(super) fn server_of(&self, endpoint: &Endpoint) -> &Server {
        match endpoint.authorizes_itself() {
            true => &self.oauth_server,
            false => &self.server,
        }
    }
}

impl Server {
    fn of(url: &str) -> Self {
        let url = Url::parse(url).ok();
        let host = url.as_ref().and_then(Url::host_str);
        Self {
            address: host.unwrap_or_default().to_owned(),
            port: url.as_ref().and_then(Url::port_or_known_default),
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("base_url", &self.api.baseurl())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The tokens for the generated client, which fetches one for each request.
pub(crate) struct TokensOfClient {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long a provider may take.
    pub(crate) limit: Duration,
}

impl TokenProvider for TokensOfClient {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let now = self.clock.monotonic();
            let token = self.tokens.get(None, now, self.limit).await;
            token.map(AccessToken::new).map_err(TokenError::from)
        })
    }
}
