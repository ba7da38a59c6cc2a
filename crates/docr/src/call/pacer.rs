//! Keeping the calls of a token below the service's rate limit.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{clock::Clock, rate_budget::RateLimits, retry::server_wait};
use crate::error::{Inner, RateLimit};

/// No token has a higher limit. It is capped whatever a server claims, since each request of an hour is remembered.
const MOST_PER_HOUR: u64 = 100_000;

/// The service counts a request from its arrival. The margins keep a request from arriving before its slot is free.
const MINUTE: Duration = Duration::from_millis(61_000);
pub(super) const HOUR: Duration = Duration::from_secs(3_605);
/// How much longer than its limit a wait in the queue may take, which has no known end.
const QUEUED: Duration = Duration::from_secs(1);

/// Hands out the slots of a token's rate limit, first come, first served.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// The queue: whoever holds it is next.
    turn: tokio::sync::Mutex<()>,
    log: Mutex<Log>,
}

/// No slot is free within the limit; the next one is after this wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSlot(pub(crate) Duration);

impl Pacer {
    pub(crate) fn new() -> Self {
        Self::of(Log::new())
    }

    /// Hands out no more slots than these limits, whatever the service allows.
    pub(crate) fn limited_to(limits: RateLimits) -> Self {
        Self::of(Log::limited_to(limits))
    }

    fn of(log: Log) -> Self {
        Self {
            turn: tokio::sync::Mutex::new(()),
            log: Mutex::new(log),
        }
    }

    /// Waits for a slot, and takes it. A wait that would take longer than `limit` is not begun, and no slot is taken later.
    pub(crate) async fn acquire(&self, clock: &dyn Clock, limit: Duration) -> Result<(), NoSlot> {
        let end = clock.monotonic().saturating_add(limit);
        let _turn = self.turn.lock().await;
        let is_late = is_late(clock, end);
        loop {
            let wait = self.log().wait(time(clock));
            if is_late || wait > end.saturating_sub(clock.monotonic()) {
                return Err(NoSlot(wait));
            }
            if wait.is_zero() {
                break;
            }
            clock.sleep(wait).await;
        }
        self.record(clock);
        Ok(())
    }

    /// Counts a request that is sent without a slot.
    pub(crate) fn record(&self, clock: &dyn Clock) {
        self.log().record(time(clock));
    }

    /// Adopts the limit in a response. Other processes may use the same token.
    pub(crate) fn observe(&self, clock: &dyn Clock, limit: RateLimit) {
        self.log().observe(time(clock), limit);
    }

    /// Pauses after the service rejected a request by its limit.
    pub(crate) fn refused(&self, clock: &dyn Clock, error: &Inner) {
        self.block(clock, server_wait(error, clock.now()));
    }

    /// Hands out no slot for this long; `None` ends the pause.
    pub(crate) fn block(&self, clock: &dyn Clock, wait: Option<Duration>) {
        self.log().block(time(clock), wait);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the queue has taken too long for a wait that was to end by now.
pub(super) fn is_late(clock: &dyn Clock, end: Duration) -> bool {
    clock.monotonic() > end.saturating_add(QUEUED)
}

/// The time in the log, offset by an hour: subtracting a window never goes below zero.
fn time(clock: &dyn Clock) -> Duration {
    clock.monotonic().saturating_add(HOUR)
}

/// The known requests of the last hour.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) own: VecDeque<Duration>,
    /// Requests of other processes: when they were noticed, and how many.
    pub(super) foreign: VecDeque<(Duration, u64)>,
    per_minute: u64,
    pub(super) per_hour: u64,
    pub(super) most_per_hour: u64,
    pub(super) observed: bool,
    pub(super) blocked_until: Option<Duration>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            most_per_hour: MOST_PER_HOUR,
            ..Self::limited_to(RateLimits::default())
        }
    }

    pub(super) fn limited_to(limits: RateLimits) -> Self {
        let per_hour = limits.per_hour().into();
        Self {
            own: VecDeque::new(),
            foreign: VecDeque::new(),
            per_minute: limits.per_minute().into(),
            per_hour,
            most_per_hour: per_hour,
            observed: false,
            blocked_until: None,
        }
    }

    pub(super) fn record(&mut self, now: Duration) {
        // No more than an hour's limit is needed.
        if self.own.len() as u64 >= self.per_hour {
            self.own.pop_front();
        }
        self.own.push_back(now);
    }

    /// The wait until one more request is below both limits, by what is known now.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        self.forget(now);
        let mut free = self.blocked_until.unwrap_or_default();
        for (window, most) in [(MINUTE, self.per_minute), (HOUR, self.per_hour)] {
            let since = now.saturating_sub(window);
            if self.count_after(since) >= most {
                let oldest = self.first_after(since).unwrap_or(now);
                free = free.max(oldest.saturating_add(window));
            }
        }
        free.saturating_sub(now)
    }

    /// How many requests there were after an instant.
    fn count_after(&self, since: Duration) -> u64 {
        let before = self.own.partition_point(|sent| *sent <= since);
        let own = self.own.len().saturating_sub(before) as u64;
        let foreign = self.foreign.iter().filter(|(when, _)| *when > since);
        foreign.fold(own, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The first request after an instant.
    fn first_after(&self, since: Duration) -> Option<Duration> {
        let before = self.own.partition_point(|sent| *sent <= since);
        let foreign = self.foreign.iter().map(|(when, _)| *when);
        let foreign = foreign.into_iter().find(|when| *when > since);
        let firsts = [self.own.get(before).copied(), foreign];
        firsts.into_iter().flatten().min()
    }

    pub(super) fn block(&mut self, now: Duration, wait: Option<Duration>) {
        // The limit is per hour: afterwards another request is worth trying, whatever the service said.
        self.blocked_until = wait.map(|wait| now.saturating_add(wait.min(HOUR)));
    }

    fn forget(&mut self, now: Duration) {
        let before = now.saturating_sub(HOUR);
        while self.own.front().is_some_and(|sent| *sent <= before) {
            self.own.pop_front();
        }
        while self
            .foreign
            .front()
            .is_some_and(|(when, _)| *when <= before)
        {
            self.foreign.pop_front();
        }
    }

    pub(super) fn observe(&mut self, now: Duration, limit: RateLimit) {
        self.per_hour = limit.limit.clamp(1, self.most_per_hour);
        self.forget(now);
        let used = self.per_hour.saturating_sub(limit.remaining);
        let known = self.count_after(now.saturating_sub(HOUR));
        let unexplained = used.saturating_sub(known);
        if unexplained > 0 {
            // What was used before the first response may be up to an hour old, and doesn't count for this minute.
            let when = if self.observed {
                now
            } else {
                now.saturating_sub(MINUTE)
            };
            self.foreign.push_back((when, unexplained));
        }
        self.observed = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta, Utc};
    use futures_core::future::BoxFuture;

    use super::*;
    use crate::error::RetryAfter;

    /// Tokio's paused time as a clock: it moves when every task waits.
    #[derive(Debug)]
    struct PausedClock {
        begin: tokio::time::Instant,
    }

    impl Clock for PausedClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + self.begin.elapsed()
        }

        fn monotonic(&self) -> Duration {
            self.begin.elapsed()
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
                        pacer.acquire(&*clock, 3 * HOUR).await.unwrap();
                        clock.sleep(Duration::from_millis(80)).await;
                        let response = service.lock().unwrap().request(clock.now());
                        match response {
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
    async fn requests_of_another_process_with_the_same_token_are_allowed_for() {
        let (done, refused, time) = simulate(100, 80, 40).await;
        assert_eq!(done, 8_000);
        assert!(refused * 50 < done, "{refused} of {done} refused");
        // The other process takes 2,400 of each 5,000.
        let own = Duration::from_secs(3_600 * 2);
        assert!(time < own.mul_f64(1.6), "{time:?}");
    }

    fn limit(limit: u64, remaining: u64) -> RateLimit {
        RateLimit {
            limit,
            remaining,
            reset: DateTime::UNIX_EPOCH,
        }
    }

    const NOW: Duration = Duration::from_secs(100_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn usage_before_the_first_response_counts_for_the_hour_but_not_the_minute() {
        let mut log = Log::new();
        log.record(NOW);
        log.observe(NOW, limit(5_000, 1_999));
        assert_eq!(log.count_after(NOW - HOUR), 3_001);
        assert_eq!(log.wait(NOW), Duration::ZERO);
        for _ in 0..1_999 {
            log.record(NOW - 300 * SECOND);
        }
        assert!(log.wait(NOW) > 1_800 * SECOND);
    }

    #[test]
    fn requests_of_others_after_the_first_response_count_until_their_minute_ends() {
        let mut log = Log::new();
        log.observe(NOW, limit(5_000, 5_000));
        log.observe(NOW + SECOND, limit(5_000, 4_750));
        assert_eq!(log.wait(NOW + SECOND), MINUTE);
        assert_eq!(log.wait(NOW + 2 * SECOND), MINUTE - SECOND);
        assert_eq!(log.wait(NOW + SECOND + MINUTE), Duration::ZERO);
        // An hour later they are forgotten, and only what is used then is unexplained.
        let later = NOW + 2 * SECOND + HOUR;
        log.observe(later, limit(5_000, 4_999));
        assert_eq!(log.count_after(later - HOUR), 1);
        assert_eq!(log.foreign.len(), 1);
    }

    #[test]
    fn requests_older_than_an_hour_do_not_count() {
        let mut log = Log::new();
        log.record(NOW);
        log.record(NOW + SECOND);
        log.wait(NOW + HOUR);
        assert_eq!(log.own.len(), 1);
        log.wait(NOW + HOUR + SECOND);
        assert_eq!(log.own.len(), 0);
    }

    #[tokio::test]
    async fn a_turn_that_is_free_exactly_at_the_deadline_is_waited_for() {
        let clock = crate::ManualClock::at(DateTime::UNIX_EPOCH);
        let limits = RateLimits::new(1, 100);
        let pacer = Pacer::limited_to(limits);
        pacer.record(&clock);
        let just_too_short = MINUTE - Duration::from_millis(1);
        let later = pacer.acquire(&clock, just_too_short).await;
        assert_eq!(later, Err(NoSlot(MINUTE)));
        assert_eq!(clock.monotonic(), Duration::ZERO);
        assert_eq!(pacer.acquire(&clock, MINUTE).await, Ok(()));
        assert_eq!(clock.monotonic(), MINUTE);
    }

    #[test]
    fn a_window_that_is_partly_used_waits_for_its_own_first_request() {
        let mut log = Log::new();
        for second in 0..260 {
            log.record(NOW + second * SECOND / 10);
        }
        // The tenth is the oldest that has to be forgotten before one more is below 250.
        let now = NOW + 26 * SECOND;
        assert_eq!(log.wait(now), MINUTE - 26 * SECOND);
        assert_eq!(log.wait(NOW + MINUTE + SECOND), Duration::ZERO);
    }

    #[test]
    fn a_response_that_counts_only_our_requests_adds_none_of_others() {
        let mut log = Log::new();
        log.record(NOW);
        log.observe(NOW, limit(5_000, 4_999));
        assert!(log.foreign.is_empty());
    }

    #[test]
    fn requests_of_others_a_minute_ago_are_not_waited_for() {
        let mut log = Log::limited_to(RateLimits::new(2, 100));
        log.observe(NOW, limit(100, 100));
        log.observe(NOW, limit(100, 99));
        for _ in 0..2 {
            log.record(NOW + 30 * SECOND);
        }
        assert_eq!(log.wait(NOW + MINUTE), 30 * SECOND);
    }

    #[tokio::test]
    async fn numbers_from_responses_neither_overflow_nor_block_forever() {
        let clock = crate::ManualClock::at(DateTime::UNIX_EPOCH);
        for (most, remaining) in [
            (u64::MAX, 0),
            (u64::MAX, u64::MAX),
            (0, u64::MAX),
            (0, 0),
            (1, 0),
        ] {
            let pacer = Pacer::new();
            for _ in 0..3 {
                pacer.observe(&clock, limit(most, remaining));
                pacer.record(&clock);
            }
            let waits = pacer.acquire(&clock, Duration::ZERO).await;
            let wait = waits.map_or_else(|NoSlot(wait)| wait, |()| Duration::ZERO);
            assert!(wait <= HOUR, "{wait:?} for {most} and {remaining}");
        }
        let pacer = Pacer::new();
        pacer.log().blocked_until = Some(Duration::MAX);
        let waits = pacer.acquire(&clock, Duration::from_secs(5)).await;
        assert!(waits.is_err());
        assert_eq!(clock.monotonic(), Duration::ZERO, "nothing was waited for");
    }

    #[test]
    fn a_refusal_blocks_for_as_long_as_it_says_up_to_an_hour() {
        let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        let clock = crate::ManualClock::at(noon);
        let refusal = |retry_after, rate_limit| Inner {
            response: Some(crate::error::ResponseFacts {
                retry_after,
                rate_limit,
                ..Default::default()
            }),
            ..Inner::new(crate::error::ErrorKind::RateLimited, "429")
        };
        let in_seconds = |seconds| refusal(Some(RetryAfter::Seconds(seconds)), None);
        let at = |date| refusal(Some(RetryAfter::At(date)), None);
        let limited = |remaining| {
            let reset = noon + 40 * SECOND;
            refusal(
                None,
                Some(RateLimit {
                    reset,
                    ..limit(5_000, remaining)
                }),
            )
        };
        for (error, wait) in [
            (in_seconds(30), 30 * SECOND),
            (in_seconds(u64::MAX), HOUR),
            (at(noon + 20 * SECOND), 20 * SECOND),
            (at(noon - 20 * SECOND), Duration::ZERO),
            (at(DateTime::<Utc>::MAX_UTC), HOUR),
            (limited(0), 40 * SECOND),
            (limited(1), Duration::ZERO),
            (refusal(None, None), Duration::ZERO),
        ] {
            let pacer = Pacer::new();
            pacer.refused(&clock, &error);
            assert_eq!(pacer.log().wait(time(&clock)), wait, "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_slot_is_taken_after_a_longer_wait_in_the_queue() {
        let clock = PausedClock {
            begin: tokio::time::Instant::now(),
        };
        let pacer = Pacer::new();
        for (queued, is_taken) in [(10, true), (11, true), (12, false), (600, false)] {
            let first_in_the_queue = async {
                let _turn = pacer.turn.lock().await;
                clock.sleep(Duration::from_secs(queued)).await;
            };
            let acquiring = pacer.acquire(&clock, Duration::from_secs(10));
            let ((), acquired) = tokio::join!(first_in_the_queue, acquiring);
            assert_eq!(acquired.is_ok(), is_taken, "{queued}: {acquired:?}");
            if !is_taken {
                assert_eq!(acquired, Err(NoSlot(Duration::ZERO)));
            }
        }
        assert_eq!(pacer.log().own.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_taken_in_the_order_in_which_they_were_asked_for() {
        let clock = Arc::new(PausedClock {
            begin: tokio::time::Instant::now(),
        });
        let pacer = Arc::new(Pacer::new());
        for _ in 0..RateLimits::default().per_minute() {
            pacer.record(&*clock);
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let (pacer, clock) = (Arc::clone(&pacer), Arc::clone(&clock));
                let order = Arc::clone(&order);
                tokio::spawn(async move {
                    pacer.acquire(&*clock, HOUR).await.unwrap();
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
        assert!(clock.monotonic() >= MINUTE);
    }
}
