//! What moves a sandbox on, or changes its rules while it runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

use super::Sandbox;
use super::builder::is_bearer_token;
use super::service::Service;
use crate::model::api_token::ApiToken;
use crate::model::certificate::{Certificate, CertificateSeed};
use crate::model::clock::{Clock, later};
use crate::model::cluster::Cluster;
use crate::model::image::{Image, PushError, Pushed};
use crate::model::push;
use crate::model::rate::{RateLimits, Window};

/// How far a garbage collection is moved on.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GcStep {
    /// To its next state.
    Next,
    /// To its end, at which it has removed what it finds.
    End,
    /// It fails, and nothing is removed.
    Fail,
}

/// A further token of an account.
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::TokenSeed;
///
/// let reader = TokenSeed::new().scopes(["registry:read"]).lives(Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TokenSeed {
    pub(crate) secret: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) scopes: Option<BTreeSet<String>>,
    pub(crate) lives: Option<Duration>,
}

impl TokenSeed {
    /// A token of the first account that may do everything and never expires.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives it this text. Without one it is made up.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.secret = Some(text.into());
        self
    }

    /// Gives it to the account that has this other token.
    pub fn account_of(mut self, token: impl Into<String>) -> Self {
        self.account = Some(token.into());
        self
    }

    /// Lets it do only this, in the spec's words: `registry:read`.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Lets it expire after so long.
    pub fn lives(mut self, lifetime: Duration) -> Self {
        self.lives = Some(lifetime);
        self
    }
}

/// Why a token could not be added.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenSeedError {
    /// An `Authorization` header can't carry the text.
    #[error("a bearer token is made of letters, digits and -._~+/=")]
    Malformed,
    /// An account has that token already.
    #[error("there is a token with that text already")]
    Taken,
    /// No account has the other token.
    #[error("no account has that token")]
    UnknownAccount,
    /// The spec has no such scope; the second text lists all.
    #[error("{0:?} is not a scope: {1} are")]
    UnknownScope(String, String),
}

impl Service {
    /// Puts an image into a registry of any account, and points its tags and these to it.
    pub(crate) fn push(
        &self,
        registry: &str,
        image: &Image,
        tags: Vec<Arc<str>>,
    ) -> Result<Pushed, PushError> {
        let now = self.clock.now();
        self.change(|world| push::push(world, registry, image, tags, now))
    }

    /// Puts a certificate into the first account and returns its id.
    pub(super) fn add_certificate(&self, seed: CertificateSeed) -> String {
        let now = self.clock.now();
        self.change(|world| {
            let certificate = Certificate::new(seed, &mut world.ids, now);
            let id = certificate.id.clone();
            world.first().certificates.push(certificate);
            id
        })
    }

    /// Puts a Kubernetes cluster into the first account and returns its UUID.
    pub(super) fn add_cluster(&self, name: Option<String>) -> String {
        let now = self.clock.now();
        self.change(|world| {
            let uuid = world.ids.uuid();
            let cluster = Cluster::new(name, now);
            world.first().clusters.insert(uuid.clone(), cluster);
            uuid
        })
    }

    pub(crate) fn add_token(&self, seed: TokenSeed) -> Result<String, TokenSeedError> {
        if let Some(scopes) = &seed.scopes {
            self.check_scopes(scopes)?;
        }
        if seed
            .secret
            .as_deref()
            .is_some_and(|text| !is_bearer_token(text))
        {
            return Err(TokenSeedError::Malformed);
        }
        let now = self.clock.now();
        self.change(|world| {
            if seed
                .secret
                .as_deref()
                .is_some_and(|text| world.place_of(text).is_some())
            {
                return Err(TokenSeedError::Taken);
            }
            let account = match &seed.account {
                Some(token) => world
                    .place_of(token)
                    .ok_or(TokenSeedError::UnknownAccount)?,
                None => 0,
            };
            let secret = seed.secret.unwrap_or_else(|| world.ids.secret());
            let end = seed
                .lives
                .map(|lives| later(now, TimeDelta::from_std(lives).unwrap_or(TimeDelta::MAX)));
            world.account(account).tokens.push(ApiToken {
                secret: secret.clone(),
                scopes: seed.scopes,
                expires_at: end,
            });
            Ok(secret)
        })
    }

    fn check_scopes(&self, scopes: &BTreeSet<String>) -> Result<(), TokenSeedError> {
        let operations = self.spec.operations.iter();
        let known: BTreeSet<_> = operations.flat_map(|operation| &operation.scopes).collect();
        match scopes.iter().find(|scope| !known.contains(scope)) {
            None => Ok(()),
            Some(unknown) => {
                let known: Vec<_> = known.into_iter().map(String::as_str).collect();
                Err(TokenSeedError::UnknownScope(
                    unknown.clone(),
                    known.join(", "),
                ))
            }
        }
    }

    pub(crate) fn expire_token(&self, secret: &str) -> bool {
        let now = self.clock.now();
        self.change(|world| {
            let Some(place) = world.place_of(secret) else {
                return false;
            };
            let tokens = world.account(place).tokens.iter_mut();
            for token in tokens.filter(|token| token.secret == secret) {
                token.expires_at = Some(token.expires_at.map_or(now, |end| end.min(now)));
            }
            true
        })
    }

    /// Moves on the active garbage collection of a registry, and returns the state that it is in then.
    pub(crate) fn move_collection(&self, registry: &str, step: GcStep) -> Option<String> {
        let now = self.clock.now();
        self.change(|world| {
            world.settle(now);
            let (account, place) = world.find_registry(registry)?;
            let registry = &mut account.registries[place];
            registry.active_run()?;
            loop {
                match registry.runs.last_mut() {
                    Some(run) if step == GcStep::Fail => run.fail(now),
                    Some(run) => run.skip(now),
                    None => return None,
                }
                registry.settle(now);
                if step != GcStep::End || registry.active_run().is_none() {
                    return registry.runs.last().map(|run| run.status().to_owned());
                }
            }
        })
    }

    pub(crate) fn set_rate_limits(&self, limits: RateLimits) {
        self.state().limits = limits;
    }

    /// Lets no request so far count.
    pub(crate) fn forget_rates(&self) {
        self.change(|world| {
            for place in 0..world.accounts().len() {
                world.account(place).window = Window::default();
            }
        });
    }
}

impl Sandbox {
    /// Gives an account a further bearer token, and returns it.
    ///
    /// # Errors
    ///
    /// [`TokenSeedError`].
    pub fn add_token(&self, seed: TokenSeed) -> Result<String, TokenSeedError> {
        self.service.add_token(seed)
    }

    /// Lets a bearer token expire now; the first one of an account, too. `false` if there is no such token.
    pub fn expire_token(&self, token: &str) -> bool {
        self.service.expire_token(token)
    }

    /// Moves on the active garbage collection of a registry without the clock, and returns the state that it is in
    /// then, such as `scanning manifests`. `None` if there is no such registry, or no collection is active in it.
    pub fn move_garbage_collection(&self, registry: &str, step: GcStep) -> Option<String> {
        self.service.move_collection(registry, step)
    }

    /// Allows each token so many requests from now on. Those that were made count.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.service.set_rate_limits(limits);
    }

    /// Lets no request so far count against the rate limits.
    pub fn forget_rates(&self) {
        self.service.forget_rates();
    }

    /// The clock that it lives by. Moving it moves the sandbox on.
    pub fn clock(&self) -> &Clock {
        &self.service.clock
    }
}
