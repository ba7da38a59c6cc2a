//! Make sure that an account has a registry: `cargo run -p docr --example create_registry`.
//!
//! `ensure` creates the registry if it is missing, and reports a difference instead of changing anything.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::error::Error;

use docr::{Client, CreateRegistry, Ensured, Region, RegistryName, TierSlug};
use docr_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .build()?;
    let registries = docr.registries();

    // An invalid name is refused before a request is sent.
    let Err(error) = "acmeImages".parse::<RegistryName>() else {
        return Err("an invalid name was accepted".into());
    };
    println!("{error}");

    let name: RegistryName = "acme-images".parse()?;
    let is_available = registries.is_name_available(&name).await?;
    println!("{name} is available: {is_available}");
    for option in registries.options().await?.subscription_tiers {
        let cents = option.monthly_price_in_cents.unwrap_or(0);
        println!("{}: {cents} cents a month", option.slug);
    }

    let wanted = CreateRegistry::new(name.clone(), TierSlug::Basic).region(Region::Fra1);
    for _ in 0..2 {
        match registries.ensure(wanted.clone()).await? {
            Ensured::Changed(registry) => println!("created {}", registry.name),
            Ensured::Unchanged(registry) => println!("{} already exists", registry.name),
        }
    }

    // The account has this registry, but in another region: nothing is changed.
    let elsewhere = CreateRegistry::new(name, TierSlug::Basic).region(Region::Nyc3);
    match registries.ensure(elsewhere).await {
        Err(error) if error.is_mismatch() => println!("{error}"),
        other => return Err(format!("expected a mismatch: {other:?}").into()),
    }
    Ok(())
}
