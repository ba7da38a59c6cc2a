//! The questions to Redis and its replies, all by one script.

use std::{sync::LazyLock, time::Duration};

use docr::RateLimits;
use redis::{RedisResult, Script, aio::ConnectionManager};

use crate::journal::Report;

/// The service counts a request from its arrival. The margins keep a request from arriving before its turn.
const MINUTE: Duration = Duration::from_millis(61_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3_605);
/// After this time, a request has arrived at the service, or never will.
const ARRIVED: Duration = Duration::from_secs(5);
/// How long all processes wait for each other's reports after Redis has lost its state.
const SETTLE: Duration = Duration::from_secs(3);

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("turn.lua")));

/// The keys of a token's turns in Redis. Both belong to one slot of a cluster.
#[derive(Debug)]
pub(crate) struct Keys {
    requests: String,
    state: String,
}

impl Keys {
    pub(crate) fn of(token: &str) -> Self {
        Self {
            requests: format!("docr:{{{token}}}:requests"),
            state: format!("docr:{{{token}}}:state"),
        }
    }

    pub(crate) fn requests(&self) -> &str {
        &self.requests
    }
}

/// What a question is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// A turn, now or reserved within this time.
    Turn(&'a str, Duration),
    /// Counting a request that is sent without a turn.
    Count(&'a str),
    /// A pause of all processes.
    Pause(Duration),
}

/// The input of the script.
pub(crate) struct Question<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) limits: RateLimits,
    /// How many times faster the client's clock runs than that of Redis.
    pub(crate) scale: u32,
    pub(crate) wanted: Wanted<'a>,
    pub(crate) report: &'a Report,
}

/// The output of the script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// It changes when Redis has lost its state. If it differs from the report's, nothing was done.
    pub(crate) epoch: String,
    pub(crate) wait: Duration,
    /// Whether the turn is taken, or reserved for the end of the wait.
    pub(crate) is_taken: bool,
}

impl Question<'_> {
    /// Runs the script by its hash, and loads it if Redis doesn't know it.
    pub(crate) async fn ask(&self, connection: &mut ConnectionManager) -> RedisResult<Reply> {
        let (member, horizon, pause) = match self.wanted {
            Wanted::Turn(member, within) => (member, self.micros(within.min(MINUTE)), 0),
            Wanted::Count(member) => (member, -1, 0),
            Wanted::Pause(pause) => ("", 0, self.micros(pause)),
        };
        let (used, age) = self.report.used.unwrap_or((-1, Duration::ZERO));
        let settle = match self.report.is_of_all {
            true => SETTLE,
            false => Duration::ZERO,
        };
        let mut call = SCRIPT.prepare_invoke();
        call.key(&self.keys.requests).key(&self.keys.state);
        call.arg(member).arg(horizon).arg(self.micros(ARRIVED));
        call.arg(self.micros(MINUTE)).arg(self.limits.per_minute());
        call.arg(self.micros(HOUR)).arg(self.limits.per_hour());
        call.arg(&self.report.epoch);
        call.arg(format!("{:032x}", fastrand::u128(..)));
        call.arg(self.micros(settle)).arg(pause);
        call.arg(used).arg(self.micros(age));
        for (member, at) in &self.report.requests {
            let age = self.report.now.saturating_sub(*at);
            call.arg(member).arg(self.micros(age));
        }
        let (epoch, wait, taken): (String, u64, u8) = call.invoke_async(connection).await?;
        Ok(Reply {
            epoch,
            wait: Duration::from_micros(wait).saturating_mul(self.scale),
            is_taken: taken == 1,
        })
    }

    /// A duration of the client's clock in microseconds of Redis's.
    fn micros(&self, time: Duration) -> i64 {
        let micros = time.as_micros().div_ceil(u128::from(self.scale.max(1)));
        i64::try_from(micros).unwrap_or(i64::MAX)
    }
}
