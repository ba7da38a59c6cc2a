//! One rate limit for two clients with the same token: `cargo run -p docr --example shared_rate_limit`.
//!
//! For the processes of a machine there is `FileBudget`, and for a fleet the crate `docr-redis`; both go where
//! `LocalBudget` goes here.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, sync::Arc, time::Duration};

use docr::{Client, Clock as _, LocalBudget, ManualClock, RateLimits};
use docr_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let noon = "2026-01-01T12:00:00Z".parse()?;
    // Waits take no time by this clock, and move it.
    let clock = Arc::new(ManualClock::at(noon));
    // Ten requests a minute of the token's 250: the rest is left to other programs.
    let budget = Arc::new(LocalBudget::limited_to(RateLimits::new(10, 5_000)));
    let client = || {
        Client::builder()
            .base_url(sandbox.url())
            .token(sandbox.token())
            .rate_budget(budget.clone())
            .clock(clock.clone())
            .build()
    };
    let (builds, cleaner) = (client()?, client()?);

    for docr in [&builds, &cleaner].into_iter().cycle().take(25) {
        docr.registries().options().await?;
    }
    let waited = (clock.now() - noon).to_std()?;
    println!("25 requests of two clients took {waited:?}");
    if waited < Duration::from_secs(120) {
        return Err("the clients did not share the limit".into());
    }

    // A call that would wait for longer than it may fails at once, and reports when there is a turn.
    let impatient = builds.with(|calls| calls.turn_limit(Duration::from_secs(1)));
    let mut last = impatient.registries().options().await;
    for _ in 0..10 {
        last = impatient.registries().options().await;
    }
    match last {
        Err(error) if error.is_rate_limited() && error.attempts() == 0 => println!("{error}"),
        other => return Err(format!("expected no turn: {other:?}").into()),
    }
    Ok(())
}
