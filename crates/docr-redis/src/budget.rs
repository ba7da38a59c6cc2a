//! The budget: turns from Redis, and a share of the limit while Redis is down.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use docr::{
    BudgetFuture, Clock, LocalBudget, NoTurn, ObservedResponse, RateBudget, RateLimits, Secret,
};
use redis::{
    Client, ErrorKind, IntoConnectionInfo, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, sync::OnceCell};
use tracing::{info, warn};

use crate::{
    journal::Journal,
    turn::{Keys, Question, Reply, Wanted},
};

/// The interval between attempts to reach Redis while it is down.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The longest sleep of a wait for a turn that can't be reserved yet: unused turns may become free.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long connecting and a reply may take. A call waits for them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times in a row Redis may have lost its state.
const EPOCHS: usize = 4;
/// The default size of the fleet that the limit is divided by while Redis is down.
const FLEET: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// The budget of a token for all clients that use the same Redis or Valkey. See the [crate](crate) for its guarantees.
///
/// ```
/// use std::{num::NonZeroU32, sync::Arc};
/// use docr::{Client, Secret};
/// use docr_redis::RedisBudget;
///
/// let token = Secret::from("dop_v1_0123");
/// let budget = RedisBudget::new("redis://redis.internal:6379", &token)?.fleet(NonZeroU32::new(50).unwrap());
/// let docr = Client::builder().token(token).rate_budget(Arc::new(budget)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct RedisBudget {
    redis: Redis,
    keys: Arc<Keys>,
    limits: RateLimits,
    fleet: NonZeroU32,
    is_strict: bool,
    scale: u32,
    /// Unique to this process.
    name: u64,
    turns: AtomicU64,
    journal: Mutex<Journal>,
    /// For when Redis is down. It counts all requests of this process.
    share: LocalBudget,
    /// The time of the next attempt to reach Redis, by the client's clock.
    away_until: Mutex<Option<Duration>>,
}

#[derive(Debug)]
struct Redis {
    client: Client,
    connection: OnceCell<ConnectionManager>,
}

impl RedisBudget {
    /// The budget of this token in the Redis at a URL, or another kind of address. Connects when the first turn is taken.
    /// If the token changes, all clients pass the same text instead, such as the name of the account.
    ///
    /// # Errors
    ///
    /// The address is not a valid one of Redis.
    pub fn new(address: impl IntoConnectionInfo, token: &Secret) -> RedisResult<Self> {
        let hash = Sha256::digest(token.expose());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let budget = Self {
            redis: Redis {
                client: Client::open(address)?,
                connection: OnceCell::new(),
            },
            keys: Arc::new(Keys::of(&hash)),
            limits: RateLimits::default(),
            fleet: FLEET,
            is_strict: false,
            scale: 1,
            name: fastrand::u64(..),
            turns: AtomicU64::new(0),
            journal: Mutex::default(),
            share: LocalBudget::new(),
            away_until: Mutex::new(None),
        };
        Ok(budget.with_share())
    }

    /// The approximate number of processes that share the token; by default 10. While Redis is down, each may use an equal
    /// share of the limit.
    pub fn fleet(self, processes: NonZeroU32) -> Self {
        let budget = Self {
            fleet: processes,
            ..self
        };
        budget.with_share()
    }

    /// The limits of the token; by default those of the service. All processes must set the same.
    ///
    /// ```
    /// use docr::{RateLimits, Secret};
    /// use docr_redis::RedisBudget;
    ///
    /// // Leaves some of the limit to programs that don't share the budget.
    /// let limits = RateLimits::new(200, 4_000);
    /// let budget = RedisBudget::new("redis://redis.internal:6379", &Secret::from("dop_v1_0123"))?.limits(limits);
    /// # Ok::<(), docr_redis::redis::RedisError>(())
    /// ```
    pub fn limits(self, limits: RateLimits) -> Self {
        Self { limits, ..self }.with_share()
    }

    /// Whether calls fail while Redis is down
    /// ([`is_rate_budget_unavailable`](docr::Error::is_rate_budget_unavailable)) instead of using the process's share of the
    /// limit; by default off.
    ///
    /// ```
    /// use docr::Secret;
    /// use docr_redis::RedisBudget;
    ///
    /// let budget = RedisBudget::new("redis://redis.internal:6379", &Secret::from("dop_v1_0123"))?.strict(true);
    /// # Ok::<(), docr_redis::redis::RedisError>(())
    /// ```
    pub fn strict(self, strict: bool) -> Self {
        Self {
            is_strict: strict,
            ..self
        }
    }

    /// For tests: how many times faster the client's clock runs than that of Redis.
    #[doc(hidden)]
    pub fn time_scale(self, times: NonZeroU32) -> Self {
        Self {
            scale: times.get(),
            ..self
        }
    }

    fn with_share(self) -> Self {
        Self {
            share: LocalBudget::limited_to(self.limits.share(self.fleet)),
            ..self
        }
    }

    /// A turn from Redis, or while it is down, from this process's share.
    async fn turn(&self, clock: &dyn Clock, within: Duration) -> Result<(), NoTurn> {
        let end = clock.monotonic().saturating_add(within);
        let mut turn = Reservation::new(self);
        loop {
            let left = end.saturating_sub(clock.monotonic());
            match self.ask(clock, Wanted::Turn(&turn.member, left)).await {
                Ok(reply) => {
                    turn.is_reserved = reply.is_taken;
                    match reply.is_taken {
                        true if reply.wait.is_zero() => {
                            self.sent(clock, turn.used(), true).await;
                            return Ok(());
                        }
                        true => clock.sleep(reply.wait).await,
                        false if reply.wait > left => return Err(NoTurn::Later(reply.wait)),
                        false => clock.sleep(reply.wait.min(LOOK_AGAIN)).await,
                    }
                }
                Err(away) if self.is_strict => return Err(NoTurn::Unavailable(Box::new(away))),
                Err(_) => match self.share.acquire(clock, left.min(ASK_AGAIN)).await {
                    Ok(()) => {
                        self.journal().sent(turn.used(), clock.monotonic(), false);
                        return Ok(());
                    }
                    Err(NoTurn::Later(wait)) if wait <= left => {
                        clock.sleep(wait.min(ASK_AGAIN)).await;
                    }
                    Err(later) => return Err(later),
                },
            }
        }
    }

    /// Asks Redis, and repeats it with all requests of this process if Redis has lost its state.
    async fn ask(&self, clock: &dyn Clock, wanted: Wanted<'_>) -> Result<Reply, Away> {
        let now = clock.monotonic();
        if !self.is_strict && self.away().is_some_and(|until| now < until) {
            return Err(Away(None));
        }
        let result = self.converse(clock, wanted).await;
        let mut away = self.away();
        match (&result, away.is_some()) {
            (Ok(_), true) => info!("Redis is back: the fleet shares its rate limit again"),
            (Err(error), false) if self.is_strict => {
                warn!(%error, "Redis is down: calls fail");
            }
            (Err(error), false) => {
                let share = self.limits.share(self.fleet);
                warn!(%error, ?share, "Redis is down: this process uses its share of the rate limit");
            }
            _ => {}
        }
        *away = result.is_err().then(|| now.saturating_add(ASK_AGAIN));
        result.map_err(|error| Away(Some(error)))
    }

    async fn converse(&self, clock: &dyn Clock, wanted: Wanted<'_>) -> RedisResult<Reply> {
        let mut connection = self.redis.connection().await?;
        for _ in 0..EPOCHS {
            let report = self.journal().report(clock.monotonic());
            let question = Question {
                keys: &self.keys,
                limits: self.limits,
                scale: self.scale,
                wanted,
                report: &report,
            };
            let reply = question.ask(&mut connection).await?;
            if !self.journal().confirmed(&report, &reply.epoch) {
                return Ok(reply);
            }
        }
        let why = "its state changes each time: the address leads to several servers";
        Err(RedisError::from((ErrorKind::Client, why)))
    }

    /// Records a request, in the journal and the share.
    async fn sent(&self, clock: &dyn Clock, member: String, is_known: bool) {
        self.share.record(clock).await;
        self.journal().sent(member, clock.monotonic(), is_known);
    }

    fn new_member(&self) -> String {
        let number = self.turns.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}:{number:x}", self.name)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn away(&self) -> MutexGuard<'_, Option<Duration>> {
        self.away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateBudget for RedisBudget {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(self.turn(clock, within))
    }

    fn record<'a>(&'a self, clock: &'a dyn Clock) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            let member = self.new_member();
            let is_known = self.ask(clock, Wanted::Count(&member)).await.is_ok();
            self.sent(clock, member, is_known).await;
        })
    }

    /// A reported rate limit is sent with the next question, a pause at once.
    fn observe<'a>(
        &'a self,
        clock: &'a dyn Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        let now = clock.monotonic();
        self.journal().responded(now, response.status == 429);
        if let Some(limit) = response.rate_limit {
            let used = limit.limit.saturating_sub(limit.remaining);
            self.journal().observe(used, now);
        }
        Box::pin(async move {
            if let Some(pause) = response.pause {
                let mut own = response;
                own.rate_limit = None;
                self.share.observe(clock, own).await;
                // While Redis is down, the pause holds for this process only.
                let _ = self.ask(clock, Wanted::Pause(pause)).await;
            }
        })
    }
}

/// Why Redis can't be reached; without a source, it was not even tried.
#[derive(Debug, thiserror::Error)]
#[error("Redis is down")]
struct Away(#[source] Option<RedisError>);

impl Redis {
    async fn connection(&self) -> RedisResult<ConnectionManager> {
        let connect = || async {
            // The wait for a turn has its own retries.
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(0)
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE));
            ConnectionManager::new_lazy_with_config(self.client.clone(), config)
        };
        self.connection.get_or_try_init(connect).await.cloned()
    }
}

/// A turn that may be reserved. It is given back if it is dropped before it was used.
struct Reservation<'a> {
    budget: &'a RedisBudget,
    member: String,
    is_reserved: bool,
}

impl<'a> Reservation<'a> {
    fn new(budget: &'a RedisBudget) -> Self {
        Self {
            budget,
            member: budget.new_member(),
            is_reserved: false,
        }
    }

    fn used(&mut self) -> String {
        self.is_reserved = false;
        std::mem::take(&mut self.member)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let connection = self.budget.redis.connection.get().cloned();
        if let (true, Some(mut connection), Ok(runtime)) =
            (self.is_reserved, connection, Handle::try_current())
        {
            let (keys, member) = (
                Arc::clone(&self.budget.keys),
                std::mem::take(&mut self.member),
            );
            runtime.spawn(async move {
                let mut remove = redis::cmd("ZREM");
                remove.arg(keys.requests()).arg(member);
                // If this fails, the turn is free again at the end of its window.
                let _: RedisResult<()> = remove.query_async(&mut connection).await;
            });
        }
    }
}
