//! Keeping many calls of one token below the service's rate limit instead of running into it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::Clock;
use crate::error::{Inner, RateLimit, RetryAfter};

const PER_MINUTE: u64 = 250;
const PER_HOUR: u64 = 5_000;

/// A request is counted by the service when it arrives and forgotten as much later. The margins keep a
/// request from arriving before its slot is free.
const MINUTE: TimeDelta = TimeDelta::milliseconds(61_000);
const HOUR: TimeDelta = TimeDelta::seconds(3_605);

/// Hands out the slots of a token's rate limit, first come, first served.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Who holds it is next; the others queue in order.
    turn: tokio::sync::Mutex<()>,
    log: Mutex<Log>,
}

impl Pacer {
    pub(crate) fn new() -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            log: Mutex::new(Log::new()),
        }
    }

    /// Waits for a slot, and takes it.
    pub(crate) async fn acquire(&self, clock: &dyn Clock) {
        let _turn = self.turn.lock().await;
        loop {
            let now = clock.now();
            let wait = self.log().wait(now);
            match wait.to_std() {
                Ok(wait) if wait > Duration::ZERO => clock.sleep(wait).await,
                _ => break,
            }
        }
        self.record(clock);
    }

    /// Counts a request that did not ask for a slot.
    pub(crate) fn record(&self, clock: &dyn Clock) {
        let now = clock.now();
        self.log().record(now);
    }

    /// Takes in what an answer says of the limit. Other processes may use the same token.
    pub(crate) fn observe(&self, clock: &dyn Clock, limit: RateLimit) {
        let now = clock.now();
        self.log().observe(now, limit);
    }

    /// Takes in that the service refused a request for its limit.
    pub(crate) fn refused(&self, clock: &dyn Clock, error: &Inner) {
        let now = clock.now();
        let until = match error.retry_after() {
            Some(RetryAfter::Seconds(seconds)) => {
                let wait = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
                wait.and_then(|wait| now.checked_add_signed(wait))
            }
            Some(RetryAfter::At(instant)) => Some(instant),
            None => error
                .rate_limit()
                .filter(|limit| limit.remaining == 0)
                .map(|limit| limit.reset),
        };
        self.log().blocked_until = until;
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests of the last hour, as far as they are known.
#[derive(Debug)]
struct Log {
    own: VecDeque<DateTime<Utc>>,
    /// Requests of other processes: when they were noticed, and how many.
    foreign: VecDeque<(DateTime<Utc>, u64)>,
    foreign_total: u64,
    per_hour: u64,
    observed: bool,
    blocked_until: Option<DateTime<Utc>>,
}

impl Log {
    fn new() -> Self {
        Self {
            own: VecDeque::new(),
            foreign: VecDeque::new(),
            foreign_total: 0,
            per_hour: PER_HOUR,
            observed: false,
            blocked_until: None,
        }
    }

    fn record(&mut self, now: DateTime<Utc>) {
        // More than the limit of an hour need not be remembered.
        if self.own.len() as u64 >= self.per_hour {
            self.own.pop_front();
        }
        self.own.push_back(now);
    }

    /// How long until one more request is below both limits, as far as it is known now.
    fn wait(&mut self, now: DateTime<Utc>) -> TimeDelta {
        self.forget(now - HOUR);
        let minute_ago = now - MINUTE;
        let recent = self.own.len() - self.own.partition_point(|sent| *sent <= minute_ago);
        let noticed = self.foreign.iter().filter(|(when, _)| *when > minute_ago);
        let in_minute = recent as u64 + noticed.map(|(_, count)| count).sum::<u64>();
        let in_hour = self.own.len() as u64 + self.foreign_total;

        let mut until = self.blocked_until.unwrap_or(now);
        if in_minute >= PER_MINUTE {
            let own = self.own.iter().copied().find(|sent| *sent > minute_ago);
            let foreign = self
                .foreign
                .iter()
                .map(|(when, _)| *when)
                .find(|when| *when > minute_ago);
            until = until.max(earlier(own, foreign).map_or(now, |oldest| oldest + MINUTE));
        }
        if in_hour >= self.per_hour {
            let foreign = self.foreign.front().map(|(when, _)| *when);
            let oldest = earlier(self.own.front().copied(), foreign);
            until = until.max(oldest.map_or(now, |oldest| oldest + HOUR));
        }
        until - now
    }

    fn forget(&mut self, before: DateTime<Utc>) {
        while self.own.front().is_some_and(|sent| *sent <= before) {
            self.own.pop_front();
        }
        while let Some((when, count)) = self.foreign.front().copied()
            && when <= before
        {
            self.foreign.pop_front();
            self.foreign_total -= count;
        }
    }

    fn observe(&mut self, now: DateTime<Utc>, limit: RateLimit) {
        self.per_hour = limit.limit.max(1);
        self.forget(now - HOUR);
        let used = limit.limit.saturating_sub(limit.remaining);
        let unexplained = used.saturating_sub(self.own.len() as u64 + self.foreign_total);
        if unexplained > 0 {
            // What was used before the first answer may be up to an hour old, and is not of this minute.
            let when = if self.observed { now } else { now - MINUTE };
            self.foreign.push_back((when, unexplained));
            self.foreign_total += unexplained;
        }
        self.observed = true;
    }
}

fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_core::future::BoxFuture;

    use super::*;

    /// Tokio's paused time as a clock: it moves when every task waits.
    #[derive(Debug)]
    struct PausedClock {
        begin: tokio::time::Instant,
    }

    impl Clock for PausedClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + self.begin.elapsed()
        }

        #[allow(clippy::disallowed_methods, reason = "the time is tokio's own, paused")]
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            Box::pin(tokio::time::sleep(duration))
        }

        fn random(&self) -> f64 {
            0.5
        }
    }

    /// The service's two sliding windows.
    #[derive(Default)]
    struct Service {
        accepted: VecDeque<DateTime<Utc>>,
        refused: usize,
    }

    impl Service {
        /// `None` for a request that is refused.
        fn request(&mut self, now: DateTime<Utc>) -> Option<RateLimit> {
            while self
                .accepted
                .front()
                .is_some_and(|at| *at <= now - TimeDelta::hours(1))
            {
                self.accepted.pop_front();
            }
            let minute_ago = now - TimeDelta::minutes(1);
            let in_minute = self
                .accepted
                .iter()
                .rev()
                .take_while(|at| **at > minute_ago)
                .count();
            if in_minute >= 250 || self.accepted.len() >= 5_000 {
                self.refused += 1;
                return None;
            }
            self.accepted.push_back(now);
            let remaining = 5_000 - self.accepted.len() as u64;
            Some(RateLimit {
                limit: 5_000,
                remaining,
                reset: self.accepted[0] + TimeDelta::hours(1),
            })
        }
    }

    /// Lets `clients` make `each` requests through one pacer; another process makes `others` requests a
    /// minute. Returns the accepted requests, the refused ones, the time, and the longest a request waited.
    async fn simulate(clients: usize, each: usize, others: u32) -> (usize, usize, Duration) {
        let clock = Arc::new(PausedClock {
            begin: tokio::time::Instant::now(),
        });
        let pacer = Arc::new(Pacer::new());
        let service = Arc::new(Mutex::new(Service::default()));
        let other = tokio::spawn({
            let (service, clock) = (Arc::clone(&service), Arc::clone(&clock));
            async move {
                if others > 0 {
                    loop {
                        clock.sleep(Duration::from_secs(60) / others).await;
                        let now = clock.now();
                        service.lock().unwrap().request(now);
                    }
                }
            }
        });
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (pacer, service, clock) =
                    (Arc::clone(&pacer), Arc::clone(&service), Arc::clone(&clock));
                tokio::spawn(async move {
                    let (mut done, mut refused) = (0, 0);
                    while done < each {
                        pacer.acquire(&*clock).await;
                        clock.sleep(Duration::from_millis(80)).await;
                        let answer = service.lock().unwrap().request(clock.now());
                        match answer {
                            Some(limit) => {
                                done += 1;
                                pacer.observe(&*clock, limit);
                            }
                            None => refused += 1,
                        }
                        clock.sleep(Duration::from_millis(80)).await;
                    }
                    (done, refused)
                })
            })
            .collect();
        let (mut done, mut refused) = (0, 0);
        for task in tasks {
            let (d, r) = task.await.unwrap();
            done += d;
            refused += r;
        }
        other.abort();
        (done, refused, clock.begin.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_tasks_of_one_token_use_the_limit_and_do_not_run_into_it() {
        let (done, refused, time) = simulate(1_000, 15, 0).await;
        assert_eq!(done, 15_000, "nothing starves");
        assert_eq!(refused, 0);
        // 5,000 in the first 20 minutes, and as many in those minutes of each later hour.
        let own = Duration::from_secs(2 * 3_600 + 20 * 60);
        assert!(time < own.mul_f64(1.05), "{time:?} for {own:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn another_process_with_the_same_token_is_made_room_for() {
        let (done, refused, time) = simulate(100, 80, 40).await;
        assert_eq!(done, 8_000);
        assert!(refused * 50 < done, "{refused} of {done} refused");
        // The other process takes 2,400 of each 5,000.
        let own = Duration::from_secs(3_600 * 2);
        assert!(time < own.mul_f64(1.6), "{time:?}");
    }

    #[test]
    fn what_was_used_before_the_first_answer_counts_for_the_hour_but_not_for_the_minute() {
        let mut log = Log::new();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        log.record(now);
        let reset = now + TimeDelta::minutes(10);
        log.observe(
            now,
            RateLimit {
                limit: 5_000,
                remaining: 1_999,
                reset,
            },
        );
        assert_eq!(log.foreign_total, 3_000);
        assert_eq!(log.wait(now), TimeDelta::zero());
        for _ in 0..1_999 {
            log.record(now - TimeDelta::minutes(5));
        }
        assert!(log.wait(now) > TimeDelta::minutes(30));
    }
}
