//! How calls are made: time limits, attempts, pacing.

use std::time::Duration;

use super::retry::RetryBudget;

/// How calls are made. A client and each of its handles has its own, which are changed by `with`:
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let quick = registry.with(|calls| calls.deadline(Duration::from_secs(5)).max_attempts(2));
/// let found = quick.get().await?;
/// # Ok(())
/// # }
/// ```
///
/// Connections, the rate limit and, unless told otherwise, the retry budget are shared with the handle that it was made of.
#[derive(Clone, Debug)]
#[must_use]
pub struct CallOptions {
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) deadline: Duration,
    pub(crate) paced: bool,
    pub(crate) turn_limit: Duration,
    pub(crate) wait_limit: Option<Duration>,
    pub(crate) budget: RetryBudget,
    /// When all calls have to be over, by [`Clock::monotonic`](crate::Clock::monotonic): those that are part of another
    /// call.
    pub(crate) until: Option<Duration>,
}

impl CallOptions {
    pub(crate) fn new() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(30),
            max_attempts: 5,
            deadline: Duration::from_secs(2 * 60),
            paced: false,
            turn_limit: Duration::from_secs(2 * 60 * 60),
            wait_limit: None,
            budget: RetryBudget::default(),
            until: None,
        }
    }

    /// How long one attempt may take, from the connection to the end of the response; 30 s.
    pub fn attempt_timeout(self, timeout: Duration) -> Self {
        Self {
            attempt_timeout: timeout,
            ..self
        }
    }

    /// How often a call is attempted at the most, the first time included; 5. With 1 nothing is repeated, except with a
    /// fresh token what a provider's token was refused for.
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self {
            max_attempts: attempts,
            ..self
        }
    }

    /// How long a call may take, all attempts and waits together; 2 minutes. A wait that would pass the deadline
    /// is not begun: the call fails at once, and [`Error::retry_at`](crate::Error::retry_at) reports when it could be
    /// made again.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// What repeats may be spent from; the client's, which all its handles share.
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        Self { budget, ..self }
    }

    /// Whether calls wait for their turn, so that all paced calls of a client and its handles stay below the service's
    /// limits of 250 requests a minute and 5,000 an hour, also while other programs use the same token; no. For bulk work.
    /// The wait for the first turn doesn't count towards the deadline, but has a limit of its own:
    /// [`turn_limit`](Self::turn_limit).
    #[doc(alias = "rate_limited")]
    pub fn paced(self, paced: bool) -> Self {
        Self { paced, ..self }
    }

    /// How long a paced call may wait for its first turn below the rate limit; 2 hours, which is more than the service
    /// ever makes one wait. A wait that would take longer is not begun: the call fails at once as
    /// [`is_rate_limited`](crate::Error::is_rate_limited), with nothing sent, and
    /// [`Error::retry_at`](crate::Error::retry_at) reports when there is a turn.
    pub fn turn_limit(self, limit: Duration) -> Self {
        Self {
            turn_limit: limit,
            ..self
        }
    }

    /// How long anything may be waited for that the service does by itself: a garbage collection, for 2 hours unless told
    /// otherwise, and for 10 minutes the issue of a certificate and the end of its use. When the time is over,
    /// [`is_wait_expired`](crate::Error::is_wait_expired) reports it. A call that is under way then is finished.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// use std::time::Duration;
    /// use docr::CreateCertificate;
    ///
    /// let patient = docr.certificates().with(|calls| calls.wait_limit(Duration::from_secs(30 * 60)));
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// let certificate = patient.issue(wanted).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_limit(self, limit: Duration) -> Self {
        Self {
            wait_limit: Some(limit),
            ..self
        }
    }

    /// How much of a time limit is left, for a call that is part of another one as well.
    pub(super) fn left(&self, limit: Duration, since: Duration, now: Duration) -> Duration {
        let own = limit.saturating_sub(now.saturating_sub(since));
        self.until
            .map_or(own, |until| own.min(until.saturating_sub(now)))
    }
}

/// Gives a handle that is made of a core its `with`.
macro_rules! with_options {
    ($handle:ident, $($core:ident).+) => {
        impl $handle {
            /// The same handle, whose calls are made as [`CallOptions`](crate::CallOptions) say.
            #[must_use]
            pub fn with(
                &self,
                change: impl FnOnce(crate::CallOptions) -> crate::CallOptions,
            ) -> Self {
                let mut handle = self.clone();
                handle.$($core).+ = handle.$($core).+.with(change);
                handle
            }
        }
    };
}

pub(crate) use with_options;
