//! Many processes on one token. If neither Redis nor Valkey is installed, the test is skipped, or fails with
//! `DOCR_REQUIRE_REDIS=1`.

use std::path::Path;

use docr_tests::{fleet::Plan, redis_server::RedisServer};

/// Run by itself, it starts many more processes: `cargo run --release -p docr-tests --bin fleet`.
const WORKER: &str = env!("CARGO_BIN_EXE_fleet");

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
