//! Many processes on one token, against a sandbox with the service's limits on a clock that goes fast.

use std::{
    num::NonZeroU32,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use docr_sandbox::{Clock, Sandbox};
use tokio::process::{Child, Command};

use crate::{
    redis_server::RedisServer,
    sandbox::{TOKEN, client_at},
};

/// How many times as fast as the system's the clock goes.
const RATE: u16 = 60;

/// What a fleet is to do, and what befalls it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many processes it begins with.
    pub processes: usize,
    /// How many requests must succeed.
    pub requests: usize,
    /// How many of the processes are killed when half of that is done.
    pub killed: usize,
    /// Whether Redis is killed then as well, and comes back a while later with nothing.
    pub restarts_redis: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How many requests were refused for the limit.
    pub refused: usize,
    /// From the first request that succeeded to the last, by the sandbox's clock.
    pub took: TimeDelta,
}

impl Plan {
    /// How long it takes at the limit of 250 a minute.
    pub fn least_time(self) -> TimeDelta {
        let requests = i32::try_from(self.requests).expect("a number of requests");
        TimeDelta::minutes(1) * requests / 250
    }

    /// Lets the fleet work: processes of the program `fleet`.
    pub async fn carry_out(self, worker: &Path, redis: &mut RedisServer) -> Outcome {
        let clock = Clock::at_rate(RATE);
        let sandbox = Sandbox::builder()
            .token(TOKEN)
            .clock(clock.clone())
            .keep_requests(2 * self.requests)
            .start()
            .await
            .expect("a free port on the loopback");
        // What the sandbox makes at its first request is no part of its work.
        let stranger = client_at(sandbox.url(), &sandbox.add_account());
        stranger.registries().options().await.expect("a good token");
        sandbox.clear_requests();
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        sandbox.before_each(Some(move |_: &str, _: &str| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let start = clock.now().to_rfc3339();
        let mut workers: Vec<_> = (0..self.processes)
            .map(|_| self.spawn(worker, sandbox.url(), &redis.url(), &start))
            .collect();
        // Starting fifty programs at once is no part of their work.
        for _ in 0..self.processes {
            pause().await;
        }
        for worker in &mut workers {
            drop(worker.stdin.take());
        }
        reached(&count, self.requests / 2).await;
        for mut killed in workers.drain(..self.killed) {
            killed.kill().await.expect("a process of this one's");
        }
        if self.restarts_redis {
            redis.kill().await;
            reached(&count, self.requests * 11 / 20).await;
            redis.start_again().await;
        }
        reached(&count, self.requests).await;
        loop {
            if let Some(outcome) = self.outcome(&sandbox) {
                return outcome;
            }
            pause().await;
        }
    }

    fn spawn(self, worker: &Path, url: &str, redis: &str, start: &str) -> Child {
        let fleet = u32::try_from(self.processes).ok().and_then(NonZeroU32::new);
        Command::new(worker)
            .args(["work", "--url", url, "--token", TOKEN, "--redis", redis])
            .args(["--fleet", &fleet.expect("some processes").to_string()])
            .args(["--start", start, "--rate", &RATE.to_string()])
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a program that can be run")
    }

    /// What came of it; `None` before it is done.
    fn outcome(self, sandbox: &Sandbox) -> Option<Outcome> {
        let requests = sandbox.requests();
        let mut served = requests
            .iter()
            .enumerate()
            .filter(|(_, request)| request.status == 200);
        let (_, first) = served.next()?;
        let (place, last) = served.nth(self.requests - 2)?;
        let until_then = requests[..place].iter();
        Some(Outcome {
            refused: until_then.filter(|request| request.status == 429).count(),
            took: last.answered_at - first.answered_at,
        })
    }
}

async fn reached(count: &AtomicUsize, requests: usize) {
    while count.load(Ordering::Relaxed) < requests {
        pause().await;
    }
}

#[allow(clippy::disallowed_methods, reason = "other processes are waited for")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
