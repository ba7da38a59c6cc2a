//! The budget against a real Redis or Valkey. Without one these are left out; with `DOCR_REQUIRE_REDIS=1` that is a failure.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use docr::{
    Clock, ManualClock, NoTurn, ObservedResponse, RateBudget, RateLimit, RateLimits, Secret,
    SystemClock,
};
use docr_redis::{RedisBudget, redis};
use docr_tests::{fast_clock::FastClock, redis_server::RedisServer, sandbox::noon};

const NOW: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(61);
const HOUR: Duration = Duration::from_secs(3_605);

fn token() -> Secret {
    Secret::from("dop_v1_of_the_fleet")
}

/// A budget of ten requests a minute and twenty an hour, and so much of it while Redis is away as five processes have.
fn budget(server: &RedisServer) -> RedisBudget {
    let budget = RedisBudget::new(server.url().as_str(), &token()).unwrap();
    let limits = RateLimits::new(10, 20);
    budget.limits(limits).fleet(NonZeroU32::new(5).unwrap())
}

async fn take(budget: &RedisBudget, clock: &dyn Clock, turns: usize) {
    for turn in 0..turns {
        let taken = budget.acquire(clock, NOW).await;
        assert!(taken.is_ok(), "{turn}: {taken:?}");
    }
}

/// When there is a turn; one that is there is taken.
async fn wait(budget: &RedisBudget, clock: &dyn Clock) -> Duration {
    match budget.acquire(clock, NOW).await {
        Ok(()) => NOW,
        Err(NoTurn::Later(wait)) => wait,
        Err(error) => panic!("{error}"),
    }
}

/// A wait by Redis's clock, which has gone on since.
fn is_about(wait: Duration, expected: Duration) -> bool {
    (expected.saturating_sub(10 * SECOND)..=expected).contains(&wait)
}

async fn connection(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn command<T: redis::FromRedisValue>(server: &RedisServer, command: &[&str]) -> T {
    let mut call = redis::cmd(command[0]);
    call.arg(&command[1..]);
    call.query_async(&mut connection(server).await)
        .await
        .unwrap()
}

async fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<String> = command(server, &["KEYS", "*"]).await;
    keys.sort();
    keys
}

async fn turns(server: &RedisServer) -> usize {
    match keys(server).await.first() {
        Some(requests) => command(server, &["ZCARD", requests]).await,
        None => 0,
    }
}

fn refusal(pause: Duration) -> ObservedResponse {
    let mut response = ObservedResponse::new(429);
    response.pause = Some(pause);
    response
}

fn success(used: u64) -> ObservedResponse {
    let mut response = ObservedResponse::new(200);
    response.rate_limit = Some(RateLimit::new(20, 20 - used, noon()));
    response
}

#[tokio::test]
async fn all_clients_of_a_token_share_its_minute_and_another_token_has_its_own() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let (one, other) = (budget(&server), budget(&server));
    take(&one, &clock, 4).await;
    take(&other, &clock, 6).await;
    for budget in [&one, &other] {
        let wait = wait(budget, &clock).await;
        assert!(is_about(wait, MINUTE), "{wait:?}");
    }
    let stranger = Secret::from("dop_v1_of_another_fleet");
    let stranger = RedisBudget::new(server.url().as_str(), &stranger).unwrap();
    take(&stranger, &clock, 1).await;
}

#[tokio::test]
async fn a_request_refused_for_the_hour_takes_no_turn_of_the_minute() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let budget = budget(&server).limits(RateLimits::new(10, 3));
    take(&budget, &clock, 3).await;
    let wait = wait(&budget, &clock).await;
    assert!(is_about(wait, HOUR), "{wait:?}");
    assert_eq!(turns(&server).await, 3);
}

#[tokio::test]
async fn keys_name_the_token_by_its_hash_and_expire() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let budget = budget(&server);
    take(&budget, &clock, 1).await;
    let keys = keys(&server).await;
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in &keys {
        assert!(!key.contains("dop_v1"), "{key}");
        let seconds: i64 = command(&server, &["TTL", key]).await;
        assert!((3_605..=7_210).contains(&seconds), "{key}: {seconds}");
    }
    assert!(!format!("{budget:?}").contains("dop_v1"));
}

#[tokio::test]
async fn a_refusal_pauses_all_clients_even_those_with_a_reserved_turn() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let (clock, rate) = (ManualClock::at(noon()), NonZeroU32::new(6_000).unwrap());
    let (one, other) = (budget(&server), budget(&server));
    one.observe(&clock, refusal(30 * SECOND)).await;
    let wait = wait(&other, &clock).await;
    assert!(is_about(wait, 30 * SECOND), "{wait:?}");
    // A minute of 10 ms: who has waited for a turn that a pause has moved waits again.
    let server = RedisServer::start().await.unwrap();
    let (one, other) = (
        budget(&server).time_scale(rate),
        budget(&server).time_scale(rate),
    );
    let clock = FastClock::since(noon(), rate.get());
    take(&one, &clock, 10).await;
    let begin = clock.monotonic();
    let (waited, ()) = tokio::join!(other.acquire(&clock, HOUR), async {
        one.observe(&clock, refusal(150 * SECOND)).await;
    });
    waited.unwrap();
    assert!(clock.monotonic() - begin >= 150 * SECOND);
}

#[tokio::test]
async fn a_reserved_turn_is_returned_when_its_wait_is_dropped() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = FastClock::since(SystemClock.now(), 1);
    let budget = budget(&server);
    take(&budget, &clock, 10).await;
    let mut waiting = budget.acquire(&clock, HOUR);
    while turns(&server).await < 11 {
        let soon = Duration::from_millis(5);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
    }
    drop(waiting);
    while turns(&server).await > 10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_of_strangers_count_and_unused_turns_are_freed() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let one = budget(&server);
    take(&one, &clock, 1).await;
    // The first response: 9 requests of the last hour are somebody's, and none of them of this minute.
    one.observe(&clock, success(10)).await;
    take(&one, &clock, 5).await;
    assert_eq!(turns(&server).await, 15);
    one.observe(&clock, success(17)).await;
    // Two more of strangers, in this minute.
    take(&one, &clock, 2).await;
    let wait_of_minute = wait(&one, &clock).await;
    assert!(is_about(wait_of_minute, MINUTE), "{wait_of_minute:?}");
    assert_eq!(turns(&server).await, 19);
}

#[tokio::test]
async fn the_hour_is_what_the_service_counts_when_all_has_arrived() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let rate = NonZeroU32::new(600).unwrap();
    let clock = FastClock::since(SystemClock.now(), rate.get());
    let limits = RateLimits::new(10, 10);
    let budget = budget(&server).limits(limits).time_scale(rate);
    let killed = self::budget(&server).limits(limits).time_scale(rate);
    take(&killed, &clock, 4).await;
    take(&budget, &clock, 6).await;
    // Four turns were taken by a process that is gone, and the service has seen nothing of them.
    let begin = clock.monotonic();
    budget.observe(&clock, success(6)).await;
    budget.acquire(&clock, HOUR).await.unwrap();
    assert!(clock.monotonic() - begin < HOUR / 2);
}

#[tokio::test]
async fn while_redis_is_away_each_client_has_its_share_and_reports_it_later() {
    let Some(mut server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let budget = budget(&server);
    take(&budget, &clock, 1).await;
    server.kill().await;
    // Two of ten are a fifth; one was taken before.
    take(&budget, &clock, 1).await;
    assert_eq!(wait(&budget, &clock).await, MINUTE);
    server.start_again().await;
    let mut waits = 0;
    while turns(&server).await < 2 {
        clock.advance(5 * SECOND);
        wait(&budget, &clock).await;
        waits += 1;
        assert!(waits < 20, "Redis is never asked again");
    }
    // All that was sent before and since; and nobody goes on before the others have reported, too.
    assert_eq!(turns(&server).await, 2);
    let settling = wait(&budget, &clock).await;
    assert!(is_about(settling, 3 * SECOND), "{settling:?}");
}

#[tokio::test]
async fn a_strict_budget_fails_with_nothing_sent_while_redis_is_away() {
    let Some(mut server) = RedisServer::start().await else {
        return;
    };
    let clock = Arc::new(ManualClock::at(noon()));
    let budget = Arc::new(budget(&server).strict(true));
    take(&budget, &*clock, 1).await;
    server.kill().await;
    let docr = docr::Client::builder()
        .base_url("http://127.0.0.1:9")
        .token(token())
        .clock(clock)
        .rate_budget(budget)
        .build()
        .unwrap();
    let error = docr.registries().options().await.unwrap_err();
    assert!(error.is_rate_budget_unavailable(), "{error:?}");
    assert_eq!(error.attempts(), 0);
    assert!(!error.is_ambiguous());
}

#[tokio::test]
async fn a_clock_of_redis_that_is_set_back_loses_only_what_redis_knew() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let budget = budget(&server);
    take(&budget, &clock, 1).await;
    let requests = &keys(&server).await[0];
    for member in 0..20 {
        let member = member.to_string();
        let _: usize = command(&server, &["ZADD", requests, "9000000000000000", &member]).await;
    }
    take(&budget, &clock, 9).await;
    assert_eq!(turns(&server).await, 10);
}

#[tokio::test]
async fn a_script_that_redis_has_forgotten_is_loaded_again() {
    let Some(server) = RedisServer::start().await else {
        return;
    };
    let clock = ManualClock::at(noon());
    let budget = budget(&server);
    take(&budget, &clock, 1).await;
    let _: String = command(&server, &["SCRIPT", "FLUSH"]).await;
    take(&budget, &clock, 1).await;
    assert_eq!(turns(&server).await, 2);
}

#[tokio::test]
async fn an_address_that_is_not_of_redis_is_refused() {
    assert!(RedisBudget::new("http://redis.internal", &token()).is_err());
}
