//! The requests that a token may make, and who is next.

use std::{error::Error, fmt, num::NonZeroU32, pin::Pin, sync::Arc, time::Duration};

use super::{
    clock::Clock,
    pacer::{HOUR, NoSlot, Pacer},
    retry::server_wait,
};
use crate::error::{ErrorKind, Inner, RateLimit};

/// What a [`RateBudget`] returns; `Box::pin(async move { ... })` makes one.
///
/// ```
/// use docr::BudgetFuture;
///
/// fn count<'a>(key: &'a str) -> BudgetFuture<'a, usize> {
///     Box::pin(async move { key.len() })
/// }
/// ```
pub type BudgetFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hands out the turns below a token's rate limit to all who share it: the clients of a process ([`LocalBudget`]), the
/// processes of a machine (`FileBudget`, feature `file-budget`), or a fleet (`RedisBudget` of the crate `docr-redis`). A
/// client uses it by [`ClientBuilder::rate_budget`](crate::ClientBuilder::rate_budget). A budget is for one token: the
/// service counts the requests of each token separately.
///
/// Times are durations of the client's clock, which is passed to each method: use [`Clock::sleep`] to wait.
///
/// ```
/// use std::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
/// use docr::{BudgetFuture, Clock, NoTurn, ObservedResponse, RateBudget};
///
/// /// A fixed number of requests.
/// #[derive(Debug)]
/// struct Allowance(AtomicU32);
///
/// impl RateBudget for Allowance {
///     fn acquire<'a>(&'a self, _: &'a dyn Clock, _: Duration) -> BudgetFuture<'a, Result<(), NoTurn>> {
///         let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
///         Box::pin(async move { taken.map(drop).map_err(|_| NoTurn::Unavailable("used up".into())) })
///     }
///
///     fn record<'a>(&'a self, _: &'a dyn Clock) -> BudgetFuture<'a, ()> {
///         Box::pin(async {})
///     }
///
///     fn observe<'a>(&'a self, _: &'a dyn Clock, _: ObservedResponse) -> BudgetFuture<'a, ()> {
///         Box::pin(async {})
///     }
/// }
/// ```
pub trait RateBudget: fmt::Debug + Send + Sync {
    /// Waits for a turn and takes it: when this returns, one request may be sent at once, and is counted.
    ///
    /// A wait that would take longer than `within` is not begun, and takes nothing. A wait that is dropped gives back what
    /// it took, or leaves at most one turn unused, which is free again at the end of its window.
    ///
    /// # Errors
    ///
    /// [`NoTurn::Later`] if there is no turn within this time, [`NoTurn::Unavailable`] if the budget failed. Nothing is
    /// sent then.
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>>;

    /// Counts a request that is sent without a turn, by a handle that is not paced.
    fn record<'a>(&'a self, clock: &'a dyn Clock) -> BudgetFuture<'a, ()>;

    /// Observes a response. The call continues when this returns, so it should be quick. If it is dropped, the observation
    /// may be lost.
    fn observe<'a>(
        &'a self,
        clock: &'a dyn Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()>;
}

/// Why a request has no turn.
///
/// ```
/// use std::time::Duration;
/// use docr::NoTurn;
///
/// assert_eq!(NoTurn::Later(Duration::from_secs(40)).to_string(), "the next turn is in 40s");
/// let failed = NoTurn::Unavailable("connection refused".into()); // the source of the call's error
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoTurn {
    /// The next turn is after this wait.
    #[error("the next turn is in {0:?}")]
    Later(Duration),
    /// The budget failed.
    #[error("the rate budget is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// What a response reports about the rate limit.
///
/// ```
/// use docr::{ObservedResponse, RateLimit};
///
/// let mut response = ObservedResponse::new(200); // for the tests of a budget
/// response.rate_limit = Some(RateLimit::new(5_000, 4_321, "2026-01-01T12:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedResponse {
    /// The HTTP status.
    pub status: u16,
    /// The state of the hour's limit, if it was reported.
    pub rate_limit: Option<RateLimit>,
    /// How long no request should be sent with this token after a 429; at most an hour.
    pub pause: Option<Duration>,
}

impl ObservedResponse {
    /// A response that doesn't report the limit.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            rate_limit: None,
            pause: None,
        }
    }

    fn of_failure(error: &Inner, clock: &dyn Clock) -> Option<Self> {
        let is_refusal = error.kind == ErrorKind::RateLimited;
        let pause = is_refusal.then(|| server_wait(error, clock.now()));
        Some(Self {
            status: error.status()?,
            rate_limit: error.rate_limit(),
            pause: pause.flatten().map(|pause| pause.min(HOUR)),
        })
    }
}

/// How many requests a token may make in a sliding minute and a sliding hour. The default is what the service allows: 250
/// and 5,000.
///
/// ```
/// use std::num::NonZeroU32;
/// use docr::RateLimits;
///
/// let share = RateLimits::default().share(NonZeroU32::new(10).unwrap());
/// assert_eq!((share.per_minute(), share.per_hour()), (25, 500));
/// assert_eq!(share, RateLimits::new(25, 500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    per_minute: NonZeroU32,
    per_hour: NonZeroU32,
}

impl RateLimits {
    /// Limits for a minute and an hour, each at least one request.
    pub fn new(per_minute: u32, per_hour: u32) -> Self {
        let at_least_one = |limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Self {
            per_minute: at_least_one(per_minute),
            per_hour: at_least_one(per_hour),
        }
    }

    /// Requests in any minute.
    pub fn per_minute(self) -> u32 {
        self.per_minute.get()
    }

    /// Requests in any hour.
    pub fn per_hour(self) -> u32 {
        self.per_hour.get()
    }

    /// The equal share of each process, rounded down, at least one request.
    #[must_use]
    pub fn share(self, of: NonZeroU32) -> Self {
        let share = |limit: u32| limit.checked_div(of.get()).unwrap_or_default();
        Self::new(share(self.per_minute()), share(self.per_hour()))
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::new(250, 5_000)
    }
}

/// The budget of a process. By default, each client has one of its own. Several clients with the same token share one like
/// this:
///
/// ```
/// use std::sync::Arc;
/// use docr::{Client, LocalBudget};
///
/// let budget = Arc::new(LocalBudget::new());
/// let one = Client::builder().token("dop_v1_0123").rate_budget(budget.clone()).build()?;
/// let other = Client::builder().token("dop_v1_0123").rate_budget(budget).build()?;
/// # Ok::<(), docr::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalBudget(Pacer);

impl LocalBudget {
    /// The limits of the service.
    pub fn new() -> Self {
        Self(Pacer::new())
    }

    /// These limits, whatever the service allows: for a process that leaves some of it to others.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use docr::{Client, LocalBudget, RateLimits};
    ///
    /// let budget = Arc::new(LocalBudget::limited_to(RateLimits::new(50, 1_000)));
    /// let docr = Client::builder().token("dop_v1_0123").rate_budget(budget).build()?;
    /// # Ok::<(), docr::Error>(())
    /// ```
    pub fn limited_to(limits: RateLimits) -> Self {
        Self(Pacer::limited_to(limits))
    }
}

impl Default for LocalBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl RateBudget for LocalBudget {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(async move { Ok(self.0.acquire(clock, within).await?) })
    }

    fn record<'a>(&'a self, clock: &'a dyn Clock) -> BudgetFuture<'a, ()> {
        self.0.record(clock);
        Box::pin(std::future::ready(()))
    }

    fn observe<'a>(
        &'a self,
        clock: &'a dyn Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        if response.pause.is_some() {
            self.0.block(clock, response.pause);
        }
        if let Some(limit) = response.rate_limit {
            self.0.observe(clock, limit);
        }
        Box::pin(std::future::ready(()))
    }
}

impl From<NoSlot> for NoTurn {
    fn from(NoSlot(wait): NoSlot) -> Self {
        Self::Later(wait)
    }
}

/// Where a client's calls take their turns. Its own pacer is not a trait object, which saves a boxed future in each call.
#[derive(Debug)]
pub(crate) enum Turns {
    Own(Pacer),
    Shared(Arc<dyn RateBudget>),
}

impl Turns {
    pub(crate) fn of(budget: Option<Arc<dyn RateBudget>>) -> Self {
        budget.map_or_else(|| Self::Own(Pacer::new()), Self::Shared)
    }

    pub(super) async fn acquire(&self, clock: &dyn Clock, within: Duration) -> Result<(), NoTurn> {
        match self {
            Self::Own(pacer) => Ok(pacer.acquire(clock, within).await?),
            Self::Shared(budget) => budget.acquire(clock, within).await,
        }
    }

    pub(super) async fn record(&self, clock: &dyn Clock) {
        match self {
            Self::Own(pacer) => pacer.record(clock),
            Self::Shared(budget) => budget.record(clock).await,
        }
    }

    /// Observes a success.
    pub(super) async fn succeeded(
        &self,
        clock: &dyn Clock,
        status: u16,
        rate_limit: Option<RateLimit>,
    ) {
        match (self, rate_limit) {
            (Self::Own(pacer), Some(limit)) => pacer.observe(clock, limit),
            (Self::Own(_), None) => {}
            (Self::Shared(budget), rate_limit) => {
                let response = ObservedResponse {
                    rate_limit,
                    ..ObservedResponse::new(status)
                };
                budget.observe(clock, response).await;
            }
        }
    }

    /// Observes a failure.
    pub(super) async fn failed(&self, clock: &dyn Clock, error: &Inner) {
        match self {
            Self::Own(pacer) if error.kind == ErrorKind::RateLimited => pacer.refused(clock, error),
            Self::Own(_) => {}
            Self::Shared(budget) => {
                if let Some(response) = ObservedResponse::of_failure(error, clock) {
                    budget.observe(clock, response).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_never_nothing() {
        let shared = |processes| RateLimits::new(50, 1_001).share(processes);
        let of = |processes| shared(NonZeroU32::new(processes).unwrap());
        assert_eq!(of(1), RateLimits::new(50, 1_001));
        assert_eq!(of(2), RateLimits::new(25, 500));
        assert_eq!(of(100), RateLimits::new(1, 10));
    }

    #[tokio::test]
    async fn only_a_refusal_by_the_limit_begins_or_ends_a_pause() {
        let clock = crate::ManualClock::at(DateTime::UNIX_EPOCH);
        let turns = Turns::of(None);
        let Turns::Own(pacer) = &turns else {
            panic!("without a budget to share there is an own one");
        };
        let pause = Duration::from_secs(30);
        pacer.block(&clock, Some(pause));
        let lost = Inner::new(ErrorKind::Interrupted, "lost");
        turns.failed(&clock, &lost).await;
        pacer.acquire(&clock, pause).await.unwrap();
        assert_eq!(clock.monotonic(), pause);
    }

    #[tokio::test]
    async fn a_local_budget_keeps_to_its_own_limits() {
        let clock = crate::ManualClock::at(DateTime::UNIX_EPOCH);
        let budget = LocalBudget::limited_to(RateLimits::new(1, 10));
        budget.acquire(&clock, Duration::ZERO).await.unwrap();
        let later = budget.acquire(&clock, Duration::ZERO).await;
        let wait = Duration::from_secs(61);
        assert!(
            matches!(later, Err(NoTurn::Later(at)) if at == wait),
            "{later:?}"
        );
    }
}
