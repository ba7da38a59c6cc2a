//! What a call is made with: the generated client, the settings, and what all clones share.

use std::{fmt, sync::Arc, time::Duration};

use docr_api::{ClientInfo as _, Secret};

use super::{
    clock::Clock,
    pacer::Pacer,
    retry::{Budget, Limits},
    service_clock::ServiceClock,
};

/// Makes calls on behalf of one token. Each handle holds one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) api: docr_api::Client,
    pub(crate) settings: Settings,
    pub(super) shared: Arc<Shared>,
}

/// What a clone may have otherwise than the client it was made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) attempt_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) paced: bool,
    /// How long a paced call waits for its first turn.
    pub(crate) turn_limit: Duration,
    /// When all calls have to be over, by [`Clock::monotonic`]: those that are part of another call.
    pub(crate) until: Option<Duration>,
}

impl Settings {
    /// How much of a time limit is left, for a call that is part of another one as well.
    pub(super) fn left(&self, limit: Duration, since: Duration, now: Duration) -> Duration {
        let own = limit.saturating_sub(now.saturating_sub(since));
        self.until
            .map_or(own, |until| own.min(until.saturating_sub(now)))
    }
}

/// What all clones have in common.
pub(super) struct Shared {
    pub(super) token: Secret,
    /// Where tokens are revoked.
    pub(super) oauth_url: String,
    pub(super) budget: Budget,
    pub(super) pacer: Pacer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) service_clock: ServiceClock,
}

impl Core {
    pub(crate) fn new(
        api: docr_api::Client,
        token: Secret,
        oauth_url: String,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(Shared {
            token,
            oauth_url,
            budget: Budget::full(),
            pacer: Pacer::new(),
            clock,
            service_clock: ServiceClock::unknown(),
        });
        Self {
            api,
            settings,
            shared,
        }
    }

    /// The same core with other settings.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut core = self.clone();
        change(&mut core.settings);
        core
    }

    /// The same core, which waits for its turn before each call.
    pub(crate) fn paced(&self) -> Self {
        self.with(|settings| settings.paced = true)
    }

    /// The service's time; `None` before a response has shown it.
    #[cfg(feature = "retention")]
    pub(crate) fn service_time(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        self.shared.service_clock.at(self.clock().monotonic())
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    #[cfg(feature = "credential-files")]
    pub(crate) fn token(&self) -> &Secret {
        &self.shared.token
    }

    /// Where tokens are revoked.
    pub(crate) fn oauth_url(&self) -> &str {
        &self.shared.oauth_url
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("base_url", &self.api.baseurl())
            .field("token", &self.shared.token)
            .field("settings", &self.settings)
            .finish()
    }
}
