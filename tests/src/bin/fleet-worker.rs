//! One of many processes with the same token and the same Redis: it makes one request after the other until it is killed.

// A command talks to whoever started it through its output.
#![allow(clippy::print_stderr)]

use std::{error::Error, num::NonZeroU32, sync::Arc};

use chrono::{DateTime, Utc};
use clap::Parser;
use docr::{Client, Secret};
use docr_redis::RedisBudget;
use docr_tests::fast_clock::FastClock;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    url: String,
    #[arg(long)]
    token: String,
    #[arg(long)]
    redis: String,
    /// How many processes there are.
    #[arg(long)]
    fleet: NonZeroU32,
    /// When the clock began to go so fast.
    #[arg(long)]
    start: DateTime<Utc>,
    #[arg(long)]
    rate: NonZeroU32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let token = Secret::from(arguments.token);
    let budget = RedisBudget::new(arguments.redis.as_str(), &token)?
        .fleet(arguments.fleet)
        .time_scale(arguments.rate);
    let docr = Client::builder()
        .base_url(arguments.url)
        .token(token)
        .clock(Arc::new(FastClock::since(
            arguments.start,
            arguments.rate.get(),
        )))
        .rate_budget(Arc::new(budget))
        .build()?;
    loop {
        if let Err(error) = docr.registries().options().await {
            eprintln!("{error}");
        }
    }
}
