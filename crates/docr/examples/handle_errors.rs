//! What calls fail with, and what to do then: `cargo run -p docr --example handle_errors`.
//!
//! Invalid input, a missing registry, a proxy's error page, a rate limit that is waited for and one that isn't, and a
//! response that was lost.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, sync::Arc, time::Duration};

use docr::{Client, CreateRegistry, CredentialsRequest, ErrorKind, ManualClock, TierSlug};
use docr_sandbox::{Clock, Fault, Sandbox, ScriptedResponse};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let noon = "2026-01-01T12:00:00Z".parse()?;
    let sandbox = Sandbox::builder()
        .clock(Clock::manual(noon))
        .start()
        .await?;
    // Waits take no time by this clock.
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .clock(Arc::new(ManualClock::at(noon)))
        .build()?;
    let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
    docr.registries().create(wanted).await?;
    let registry = docr.registry("acme-images".parse()?);

    let too_long = CredentialsRequest::read_only().expires_in(Duration::MAX);
    let error = failed(registry.docker_credentials(too_long).await)?;
    expect(&error, ErrorKind::InvalidInput)?; // nothing was sent

    let error = failed(docr.registry("acme-imagse".parse()?).get().await)?;
    expect(&error, ErrorKind::NotFound)?; // `get_opt` has `None` for that

    // A status that passes is repeated; this one lasts longer than the attempts.
    for _ in 0..5 {
        sandbox.respond_next(
            "registries_list",
            ScriptedResponse::html(502, "<h1>Bad gateway</h1>"),
        )?;
    }
    let error = failed(docr.registries().list().all().await)?;
    expect(&error, ErrorKind::Server)?;

    // The service asks for a wait: within the deadline, the call waits.
    let busy = |seconds| ScriptedResponse::status(429).header("retry-after", seconds);
    sandbox.respond_next("registries_list", busy("30"))?;
    docr.registries().list().all().await?;
    // Beyond the deadline it fails at once, and the error reports when to call again.
    sandbox.respond_next("registries_list", busy("3600"))?;
    let error = failed(docr.registries().list().all().await)?;
    expect(&error, ErrorKind::RateLimited)?;
    println!("   call again at {}", error.retry_at().ok_or("no time")?);

    // A credential may have been minted, and its response is lost: never repeated blindly.
    sandbox.add_fault(
        Fault::lost()
            .operation("registries_get_dockerCredentials")
            .times(1),
    )?;
    let an_hour = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
    let error = failed(registry.docker_credentials(an_hour).await)?;
    expect(&error, ErrorKind::Interrupted)?;
    match (error.is_ambiguous(), sandbox.minted_credentials()) {
        (true, 1) => Ok(()),
        other => Err(format!("expected one ambiguous mint: {other:?}").into()),
    }
}

fn failed<T>(result: docr::Result<T>) -> Result<docr::Error, Box<dyn Error>> {
    result
        .err()
        .ok_or_else(|| "the call should have failed".into())
}

fn expect(error: &docr::Error, kind: ErrorKind) -> Result<(), Box<dyn Error>> {
    println!("{}: {error}", error.kind().as_str());
    match error.kind() == kind {
        true => Ok(()),
        false => Err(format!("expected {}: {error:?}", kind.as_str()).into()),
    }
}
