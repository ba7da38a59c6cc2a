//! The token that each request carries: a fixed one, or the current one of a provider.

mod file;
mod function;

use std::{
    any::Any,
    collections::VecDeque,
    error, fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use docr_api::{AccessToken, Secret, TokenError, TokenProvider};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};

use crate::task::finished;
pub use file::TokenFile;
pub use function::TokenFn;

/// A token is renewed when a tenth of its lifetime is left, but no earlier than this.
const EARLY: Duration = Duration::from_secs(60);
/// How many tokens are remembered, for redaction in errors. An older one is hardly quoted any more.
const REMEMBERED: usize = 64;

/// The tokens of a client. However many calls need one at once, the provider is called once.
pub(crate) struct Tokens {
    source: Source,
    state: Mutex<State>,
}

enum Source {
    Fixed(Secret),
    Provider(Arc<dyn TokenProvider>),
}

#[derive(Default)]
struct State {
    /// The token that may be used without calling the provider, and until when, by [`Clock::monotonic`](crate::Clock).
    held: Option<(Secret, Duration)>,
    handed_out: VecDeque<Secret>,
    /// The call of the provider in progress, shared by all who wait for it.
    flight: Option<Flight>,
}

struct Flight {
    /// The rejected token that this call is to replace, if any.
    refused: Option<Secret>,
    token: Shared<BoxFuture<'static, Result<Secret, NoToken>>>,
}

/// Why a provider returned no token, shared by all who waited.
#[derive(Clone)]
pub(crate) struct NoToken(Arc<dyn error::Error + Send + Sync>);

impl Tokens {
    pub(crate) fn fixed(token: Secret) -> Self {
        Self::of(Source::Fixed(token))
    }

    pub(crate) fn provided(provider: Arc<dyn TokenProvider>) -> Self {
        Self::of(Source::Provider(provider))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            state: Mutex::default(),
        }
    }

    /// Whether the token can change.
    pub(crate) fn can_change(&self) -> bool {
        matches!(self.source, Source::Provider(_))
    }

    /// All tokens that may have been sent.
    pub(crate) fn handed_out(&self) -> Vec<Secret> {
        match &self.source {
            Source::Fixed(token) => vec![token.clone()],
            Source::Provider(_) => self.state().handed_out.iter().cloned().collect(),
        }
    }

    /// The token that was used last.
    #[cfg(feature = "credential-files")]
    pub(crate) fn last(&self) -> Option<Secret> {
        match &self.source {
            Source::Fixed(token) => Some(token.clone()),
            Source::Provider(_) => self.state().handed_out.back().cloned(),
        }
    }

    /// A token for a request that is sent `now`, by [`Clock::monotonic`](crate::Clock): if possible another one than the
    /// `refused` one, which the service has rejected. The provider may take as long as `limit`.
    pub(crate) async fn get(
        self: &Arc<Self>,
        refused: Option<&Secret>,
        now: Duration,
        limit: Duration,
    ) -> Result<Secret, NoToken> {
        let provider = match &self.source {
            Source::Fixed(token) => return Ok(token.clone()),
            Source::Provider(provider) => Arc::clone(provider),
        };
        let token = {
            let mut state = self.state();
            if let Some((token, until)) = &state.held
                && now < *until
                && Some(token) != refused
            {
                return Ok(token.clone());
            }
            match &state.flight {
                // A call that needs any token shares the one that is coming.
                Some(flight) if refused.is_none() || flight.refused.as_ref() == refused => {
                    flight.token.clone()
                }
                _ => {
                    state.held = None;
                    self.ask(&mut state, provider, refused.cloned(), now, limit)
                }
            }
        };
        token.await
    }

    /// Calls the provider, in a task of its own: one caller's cancellation doesn't affect the others.
    fn ask(
        self: &Arc<Self>,
        state: &mut State,
        provider: Arc<dyn TokenProvider>,
        refused: Option<Secret>,
        asked: Duration,
        limit: Duration,
    ) -> Shared<BoxFuture<'static, Result<Secret, NoToken>>> {
        let tokens = Arc::clone(self);
        let wanted = refused.clone();
        let task = tokio::spawn(async move {
            let token = async {
                match &wanted {
                    Some(refused) => provider.fresh_token(refused).await,
                    None => provider.token().await,
                }
            };
            let token = AssertUnwindSafe(tokio::time::timeout(limit, token));
            let end = match token.catch_unwind().await {
                Ok(Ok(Ok(token))) => Ok(token),
                Ok(Ok(Err(error))) => Err(NoToken(error.into())),
                Ok(Err(_)) => Err(NoToken::because(format!(
                    "the provider took longer than {limit:?}"
                ))),
                Err(panic) => Err(NoToken::because(format!(
                    "the provider panicked: {}",
                    said(&*panic)
                ))),
            };
            tokens.take_in(end, wanted.as_ref(), asked)
        });
        let token = finished(task).boxed().shared();
        state.flight = Some(Flight {
            refused,
            token: token.clone(),
        });
        token
    }

    fn take_in(
        &self,
        end: Result<AccessToken, NoToken>,
        wanted: Option<&Secret>,
        asked: Duration,
    ) -> Result<Secret, NoToken> {
        let mut state = self.state();
        // Another flight may have begun since.
        if state
            .flight
            .as_ref()
            .is_some_and(|flight| flight.refused.as_ref() == wanted)
        {
            state.flight = None;
        }
        let token = end?;
        let secret = token.secret().clone();
        let lifetime = token.lifetime();
        let early = lifetime.checked_div(10).unwrap_or_default().min(EARLY);
        let until = asked.saturating_add(lifetime.saturating_sub(early));
        state.held = Some((secret.clone(), until));
        if !state.handed_out.contains(&secret) {
            state.handed_out.push_back(secret.clone());
            if state.handed_out.len() > REMEMBERED {
                state.handed_out.pop_front();
            }
        }
        Ok(secret)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NoToken {
    pub(crate) fn new(error: impl error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    fn because(why: String) -> Self {
        Self(Arc::from(TokenError::from(why)))
    }
}

impl fmt::Debug for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl error::Error for NoToken {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
