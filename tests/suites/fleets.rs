//! Many processes on one token. Needs a Redis or Valkey: without one it is left out, and with `DOCR_REQUIRE_REDIS=1` that
//! is a failure.

use std::path::Path;

use docr_tests::{fleet::Plan, redis_server::RedisServer};

const WORKER: &str = env!("CARGO_BIN_EXE_fleet-worker");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_redis_stay_below_the_limit_together() {
    let Some(mut redis) = RedisServer::start().await else {
        return;
    };
    let plan = Plan {
        processes: 6,
        requests: 300,
        killed: 0,
        restarts_redis: false,
    };
    let outcome = plan.carry_out(Path::new(WORKER), &mut redis).await;
    assert!(outcome.refused <= 3, "{outcome:?}");
}

/// Half a minute each, on a machine that does nothing else: CI has a step for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and the whole machine: cargo test -p docr-tests --test suites fleets:: -- --ignored --nocapture"]
async fn fifty_processes_make_five_thousand_requests_in_the_limit_s_own_time() {
    for (killed, restarts_redis) in [(0, false), (10, true)] {
        let Some(mut redis) = RedisServer::start().await else {
            return;
        };
        let plan = Plan {
            processes: 50,
            requests: 5_000,
            killed,
            restarts_redis,
        };
        let outcome = plan.carry_out(Path::new(WORKER), &mut redis).await;
        report(plan, outcome);
        assert!(outcome.refused * 100 < plan.requests, "{outcome:?}");
        assert!(outcome.took * 20 <= plan.least_time() * 21, "{outcome:?}");
    }
}

#[allow(clippy::print_stdout, reason = "the figures are what it is run for")]
fn report(plan: Plan, outcome: docr_tests::fleet::Outcome) {
    println!(
        "{plan:?}: {} s of {} s, {} refused",
        outcome.took.num_seconds(),
        plan.least_time().num_seconds(),
        outcome.refused
    );
}
