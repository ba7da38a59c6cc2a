//! Free the storage of deleted images: `cargo run -p docr --example garbage_collection`.
//!
//! The collection is followed to its end, and a deletion meanwhile shows that the registry is read-only.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, sync::Arc, time::Duration};

use docr::{Client, CreateRegistry, GarbageCollectionType, ManualClock, TierSlug};
use docr_sandbox::{Clock, Image, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A sandbox whose time is moved below, and a client that waits without waiting.
    let noon = "2026-01-01T12:00:00Z".parse()?;
    let time = Clock::manual(noon);
    let sandbox = Sandbox::builder().clock(time.clone()).start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .clock(Arc::new(ManualClock::at(noon)))
        .build()?;
    let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
    docr.registries().create(wanted).await?;
    let registry = docr.registry("acme-images".parse()?);
    let repository = registry.repository("shop/api".parse()?);
    let image = |number, tag: &str| {
        Image::new("shop/api")
            .sized_layer(number, 40 << 20)
            .tag(tag)
    };
    let old = sandbox.push("acme-images", image(1, "old"))?;
    sandbox.push("acme-images", image(2, "new"))?;

    // Deleting a manifest frees nothing by itself.
    repository.delete_manifest(&old.digest).await?;
    let runs = registry.garbage_collections();
    let run = runs
        .start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await?;
    match repository.delete_tag("new").await {
        Err(error) if error.is_conflict() => println!("read-only: {error}"),
        other => return Err(format!("expected a conflict: {other:?}").into()),
    }

    let mut changes = runs.watch(&run);
    let mut freed = 0;
    while let Some(run) = changes.next().await {
        let run = run?;
        let status = run
            .status
            .as_ref()
            .map_or("unknown", |status| status.as_str());
        freed = run.freed_bytes.unwrap_or(0);
        println!("{status}: {freed} bytes freed");
        time.advance(Duration::from_secs(60));
    }
    if freed < 40 << 20 {
        return Err("the blobs of the deleted image were not freed".into());
    }
    let left = repository.manifests().all().await?;
    println!("{} image is left", left.len());
    Ok(())
}
