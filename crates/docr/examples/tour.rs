//! A walk through the life of a registry: `cargo run --example tour`.
//!
//! Without a token it calls a sandbox inside itself. With `DIGITALOCEAN_TOKEN` set it calls the real API, and asks
//! before each step that changes something there.

// Examples print what they do.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{
    error::Error,
    io::{self, Write as _},
    time::{Duration, SystemTime},
};

use docr::{Client, CreateRegistry, CredentialsRequest, Region, RegistryName, TierSlug};
use docr_sandbox::Sandbox;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<()> {
    let has_token = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|token| !token.trim().is_empty()));
    if has_token {
        println!(
            "A token is set: this tour calls the real API, and asks before it changes anything.\n"
        );
        let name = format!("docr-tour-{:x}", seconds_since_1970()?);
        return tour(&Client::from_env()?, name.parse()?, Mode::Ask).await;
    }
    let sandbox = Sandbox::start().await?;
    println!(
        "No token is set: this tour calls a sandbox at {}.\n",
        sandbox.url()
    );
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .build()?;
    tour(&docr, "docr-tour".parse()?, Mode::GoAhead).await?;
    println!("\nAll of that was the sandbox. Set DIGITALOCEAN_TOKEN for a tour of the real API.");
    sandbox.stop().await;
    Ok(())
}

/// Whether to ask before a step that changes something.
#[derive(Clone, Copy)]
enum Mode {
    Ask,
    GoAhead,
}

async fn tour(docr: &Client, name: RegistryName, mode: Mode) -> Result<()> {
    let registries = docr.registries();

    step("validate-name", "is the name available?");
    let free = registries.is_name_available(&name).await?;
    println!("   {name} is {}", if free { "available" } else { "taken" });
    if let Some(existing) = registries.list().all().await?.first() {
        println!(
            "   This account already has the registry {}. The tour leaves it alone.",
            existing.name
        );
        return Ok(());
    }

    step(
        "create",
        "a registry in Frankfurt, on the starter tier (free of charge)",
    );
    if !free || !agreed(mode, &format!("Create the registry {name}?"))? {
        println!("   Nothing was created, so the tour ends here.");
        return Ok(());
    }
    let wanted = CreateRegistry::new(name.clone(), TierSlug::Starter).region(Region::Fra1);
    let created = registries.create(wanted).await?;
    println!(
        "   created {} at {}",
        created.name,
        shown(created.created_at)
    );

    // Whatever happens next, the registry must not be left behind unnoticed.
    let walked = walk(docr, &name, mode).await;
    let removed = remove(docr, &name, mode).await;
    walked.and(removed)
}

async fn walk(docr: &Client, name: &RegistryName, mode: Mode) -> Result<()> {
    let (registries, registry) = (docr.registries(), docr.registry(name.clone()));
    step("get", "what the service knows about it");
    let found = registry.get().await?;
    let subscription = registries.subscription_opt().await?;
    let tier = subscription.map(|subscription| subscription.tier.slug);
    println!(
        "   {} in {}, tier {}, {} bytes stored",
        found.name,
        shown(found.region),
        shown(tier),
        found.storage_usage_bytes.unwrap_or(0),
    );

    step("change tier", "from starter to basic");
    if agreed(
        mode,
        "Change the tier to basic? It costs 5 US dollars a month.",
    )? {
        let tier = registries.change_tier(TierSlug::Basic).await?.tier;
        println!(
            "   {} includes {} repositories and {} GiB",
            tier.slug,
            tier.included_repositories.unwrap_or(0),
            tier.included_storage_bytes.unwrap_or(0) >> 30,
        );
    }

    step("docker credentials", "read-only, valid for an hour");
    if agreed(mode, "Mint credentials? They expire in an hour.")? {
        let wanted = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
        let credentials = registry.docker_credentials(wanted).await?;
        let config = credentials.docker_config_json();
        println!(
            "   a config.json of {} bytes; printed it is {config}",
            config.expose().len()
        );
    }
    Ok(())
}

async fn remove(docr: &Client, name: &RegistryName, mode: Mode) -> Result<()> {
    let registry = docr.registry(name.clone());
    step("delete", "the registry, with everything in it");
    if !agreed(mode, &format!("Delete the registry {name}?"))? {
        println!("   {name} is kept, and so is its subscription.");
        return Ok(());
    }
    registry.delete().await?;
    match registry.get_opt().await? {
        None => println!("   {name} was deleted"),
        Some(left) => println!("   {} still exists", left.name),
    }
    Ok(())
}

fn step(name: &str, what: &str) {
    println!("-> {name}: {what}");
}

fn shown(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "(unknown)".into(), |value| value.to_string())
}

fn agreed(mode: Mode, question: &str) -> io::Result<bool> {
    if let Mode::GoAhead = mode {
        return Ok(true);
    }
    print!("   {question} [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[allow(clippy::disallowed_methods, reason = "a name of its own for each tour")]
fn seconds_since_1970() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs())
}
