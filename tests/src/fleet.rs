//! Many processes with one token, against a sandbox that has the service's limits and a fast clock.

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

/// How many times faster than real time the clock runs.
const RATE: u16 = 60;

/// What a fleet does, and what goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many processes are started.
    pub processes: usize,
    /// How many requests must succeed.
    pub requests: usize,
    /// How many of the processes are killed halfway.
    pub killed: usize,
    /// Whether Redis is killed then as well, and restarted a while later without its data.
    pub restarts_redis: bool,
}

/// The result of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How many requests the rate limit refused.
    pub refused: usize,
    /// From the first successful request to the last, by the sandbox's clock.
    pub took: TimeDelta,
}

impl Plan {
    /// How long the requests take at the limit of 250 a minute.
    pub fn least_time(self) -> TimeDelta {
        let requests = i32::try_from(self.requests).expect("a number of requests");
        TimeDelta::minutes(1) * requests / 250
    }

    /// Runs the fleet, processes of the program `fleet`.
    pub async fn carry_out(self, worker: &Path, redis: &mut RedisServer) -> Outcome {
        let clock = Clock::at_rate(RATE);
        let sandbox = Sandbox::builder()
            .token(TOKEN)
            .clock(clock.clone())
            .keep_requests(2 * self.requests)
            .start()
            .await
            .expect("a free port on the loopback");
        // What the sandbox initializes at its first request is not measured.
        let stranger = client_at(sandbox.url(), &sandbox.add_account());
        stranger
            .registries()
            .options()
            .await
            .expect("a valid token");
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
        // Starting the processes is not measured.
        for _ in 0..self.processes {
            pause().await;
        }
        for worker in &mut workers {
            drop(worker.stdin.take());
        }
        reached(&count, self.requests / 2).await;
        for mut killed in workers.drain(..self.killed) {
            killed.kill().await.expect("a child process");
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
            .expect("an executable program")
    }

    /// The outcome; `None` before the last request.
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
            took: last.responded_at - first.responded_at,
        })
    }
}

async fn reached(count: &AtomicUsize, requests: usize) {
    while count.load(Ordering::Relaxed) < requests {
        pause().await;
    }
}

#[allow(clippy::disallowed_methods, reason = "waits for other processes")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
