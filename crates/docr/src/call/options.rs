//! How calls are made: time limits, attempts, pacing.

use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt as _,
    future::{Shared, select},
};

use super::retry::RetryBudget;

/// Completes when no further attempt may begin.
pub(super) type Stop = Shared<BoxFuture<'static, ()>>;

/// How calls are made. A client and each of its handles has its own options, changed by `with`:
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
/// The new handle shares connections, the rate limit and, by default, the retry budget with the original one.
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
    /// The deadline of the call that these calls are part of, by [`Clock::monotonic`](crate::Clock::monotonic).
    pub(crate) outer_deadline: Option<Duration>,
    /// No attempt is repeated after this, by the same clock.
    pub(crate) no_repeat_after: Option<Duration>,
    pub(crate) stop: Option<Stop>,
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
            outer_deadline: None,
            no_repeat_after: None,
            stop: None,
        }
    }

    /// How long one attempt may take, from the connection to the end of the response; by default 30 s.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(docr: docr::Client) {
    /// let slow_network = docr.with(|calls| {
    ///     calls.attempt_timeout(Duration::from_secs(90)).deadline(Duration::from_secs(300))
    /// });
    /// # }
    /// ```
    pub fn attempt_timeout(self, timeout: Duration) -> Self {
        Self {
            attempt_timeout: timeout,
            ..self
        }
    }

    /// How many attempts a call may make, the first one included; by default 5. With 1 there are no retries, except for one
    /// with a fresh token after a provider's token was rejected.
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self {
            max_attempts: attempts,
            ..self
        }
    }

    /// How long a call may take, all attempts and waits together; by default 2 minutes. A wait that would exceed the
    /// deadline is not begun: the call fails at once, and [`Error::retry_at`](crate::Error::retry_at) reports when the next
    /// attempt would have been due.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The budget for retries; by default the client's, which all its handles share.
    ///
    /// ```no_run
    /// use docr::RetryBudget;
    ///
    /// # async fn example(docr: docr::Client) {
    /// let bulk = docr.with(|calls| calls.retry_budget(RetryBudget::of(5))); // leaves the others' alone
    /// # }
    /// ```
    pub fn retry_budget(self, budget: RetryBudget) -> Self {
        Self { budget, ..self }
    }

    /// Whether calls wait for their turn, for bulk work; by default off. All paced calls of a client and its handles stay
    /// below the service's limits of 250 requests a minute and 5,000 an hour, also while other programs use the same token.
    /// The wait for the first turn doesn't count towards the deadline, but has a limit of its own:
    /// [`turn_limit`](Self::turn_limit).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(registry: docr::RegistryHandle) {
    /// let bulk = registry.with(|calls| calls.paced(true).turn_limit(Duration::from_secs(600)));
    /// # }
    /// ```
    #[doc(alias = "rate_limited")]
    pub fn paced(self, paced: bool) -> Self {
        Self { paced, ..self }
    }

    /// How long a paced call may wait for its first turn below the rate limit; by default 2 hours, which is more than the
    /// service's limit of an hour ever takes. A wait that would take longer is not begun: the call fails at once as
    /// [`is_rate_limited`](crate::Error::is_rate_limited), with nothing sent, and
    /// [`Error::retry_at`](crate::Error::retry_at) reports when there is a turn.
    pub fn turn_limit(self, limit: Duration) -> Self {
        Self {
            turn_limit: limit,
            ..self
        }
    }

    /// How long to wait for something that the service does in the background; by default 2 hours for a garbage collection,
    /// and 10 minutes for a certificate to be issued or to be no longer in use. A wait that reaches the limit fails as
    /// [`is_wait_expired`](crate::Error::is_wait_expired), after the call in progress has ended.
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

    /// Begins no further attempt once this future completes, such as one that waits for Ctrl-C or for a
    /// `CancellationToken`. A call that waits then, for its turn or to be repeated, fails at once as
    /// [`is_stopped`](crate::Error::is_stopped). An attempt in progress is finished, so that its outcome is known.
    /// Credentials are revoked all the same. If several are set, whichever completes first counts.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let docr = docr.with(|calls| {
    ///     calls.until(async {
    ///         let _ = tokio::signal::ctrl_c().await;
    ///     })
    /// });
    /// match docr.registry("acme-images".parse()?).delete().await {
    ///     Err(error) if error.is_stopped() => println!("interrupted: {error}"),
    ///     result => result?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "cancel")]
    pub fn until(self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let stop = stop.boxed();
        let stop = match self.stop {
            Some(earlier) => select(earlier, stop).map(drop).boxed(),
            None => stop,
        };
        Self {
            stop: Some(stop.shared()),
            ..self
        }
    }

    /// The same, whatever they were to be stopped by.
    pub(crate) fn unstoppable(self) -> Self {
        Self { stop: None, ..self }
    }

    /// The time left of a limit, and of the deadline of the call that this one is part of.
    pub(super) fn left(&self, limit: Duration, since: Duration, now: Duration) -> Duration {
        let own = limit.saturating_sub(now.saturating_sub(since));
        self.outer_deadline
            .map_or(own, |deadline| own.min(deadline.saturating_sub(now)))
    }
}

/// Implements `with` for a handle.
macro_rules! with_options {
    ($handle:ident, $($core:ident).+) => {
        impl $handle {
            /// The same handle with other [`CallOptions`](crate::CallOptions).
            ///
            /// ```no_run
            /// use std::time::Duration;
            ///
            /// # fn example(docr: docr::Client) -> Result<(), docr::InvalidInput> {
            /// let quick = docr.with(|calls| calls.deadline(Duration::from_secs(5)));
            /// let patient = docr.registry("acme-images".parse()?).with(|calls| calls.max_attempts(10));
            /// # Ok(())
            /// # }
            /// ```
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
