//! Measures a fleet of 50 processes with one token: `cargo run --release -p docr-tests --bin fleet`. It needs Redis or
//! Valkey, and an otherwise idle machine.
//!
//! The same program is the worker: it waits for the end of its input, and then makes requests until it is killed.

// The output is the interface of a command.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{env, error::Error, io, num::NonZeroU32, process::ExitCode, sync::Arc};

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use docr::{Client, Secret};
use docr_redis::RedisBudget;
use docr_tests::{fast_clock::FastClock, fleet::Plan, redis_server::RedisServer};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Work(Work),
}

#[derive(Args)]
struct Work {
    #[arg(long)]
    url: String,
    #[arg(long)]
    token: String,
    #[arg(long)]
    redis: String,
    /// The number of processes.
    #[arg(long)]
    fleet: NonZeroU32,
    /// When the clock was sped up.
    #[arg(long)]
    start: DateTime<Utc>,
    #[arg(long)]
    rate: NonZeroU32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    match Arguments::parse().command {
        Some(Command::Work(arguments)) => work(arguments).await,
        None => measure().await,
    }
}

async fn work(arguments: Work) -> Result<ExitCode, Box<dyn Error>> {
    let token = Secret::from(arguments.token);
    let budget = RedisBudget::new(arguments.redis.as_str(), &token)?
        .fleet(arguments.fleet)
        .time_scale(arguments.rate);
    let clock = FastClock::since(arguments.start, arguments.rate.get());
    let docr = Client::builder()
        .base_url(arguments.url)
        .token(token)
        .clock(Arc::new(clock))
        .rate_budget(Arc::new(budget))
        .build()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    loop {
        if let Err(error) = docr.registries().options().await {
            eprintln!("{error}");
        }
    }
}

/// Fails if 1% of the requests are refused, or if it takes 5% longer than the limit requires.
async fn measure() -> Result<ExitCode, Box<dyn Error>> {
    let mut status = ExitCode::SUCCESS;
    for (what, killed, restarts_redis) in [
        ("undisturbed", 0, false),
        ("10 killed, Redis killed and restarted", 10, true),
    ] {
        let Some(mut redis) = RedisServer::start().await else {
            return Ok(status);
        };
        let plan = Plan {
            processes: 50,
            requests: 5_000,
            killed,
            restarts_redis,
        };
        let outcome = plan.carry_out(&env::current_exe()?, &mut redis).await;
        let least = plan.least_time();
        println!(
            "{what}: {} requests in {} s, {} s at the limit; {} refused",
            plan.requests,
            outcome.took.num_seconds(),
            least.num_seconds(),
            outcome.refused
        );
        if outcome.refused * 100 >= plan.requests || outcome.took * 20 > least * 21 {
            status = ExitCode::FAILURE;
        }
    }
    Ok(status)
}
