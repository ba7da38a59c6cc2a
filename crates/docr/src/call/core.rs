//! What a call is made with: the generated client, the settings, and what all clones share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr_api::{ClientInfo as _, Secret};
use reqwest::header::{DATE, HeaderMap};

use super::{
    clock::Clock,
    pacer::Pacer,
    retry::{Budget, Limits},
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
}

/// What all clones have in common.
pub(super) struct Shared {
    pub(super) token: Secret,
    /// Where tokens are revoked.
    pub(super) oauth_url: String,
    pub(super) budget: Budget,
    pub(super) pacer: Pacer,
    pub(super) clock: Arc<dyn Clock>,
    /// How many milliseconds the service's clock is ahead of this one; [`UNKNOWN`] before a response has shown it.
    ahead: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

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
            ahead: AtomicI64::new(UNKNOWN),
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

    /// Takes in when the service says that it has responded.
    pub(super) fn observe_date(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
            return;
        };
        let ahead = date.to_utc().signed_duration_since(self.clock().now());
        let ahead = ahead.num_milliseconds().max(UNKNOWN.saturating_add(1));
        self.shared.ahead.store(ahead, Ordering::Relaxed);
    }

    /// The time by the service's clock, to the second, once a response has shown it.
    #[cfg(feature = "retention")]
    pub(crate) fn service_time(&self) -> Option<DateTime<Utc>> {
        let ahead = self.shared.ahead.load(Ordering::Relaxed);
        let ahead = TimeDelta::try_milliseconds(ahead).filter(|_| ahead != UNKNOWN)?;
        self.clock().now().checked_add_signed(ahead)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
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
