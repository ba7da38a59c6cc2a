//! Read all repositories, tags and manifests of a registry: `cargo run -p docr --example list_everything`.
//!
//! Lists are streams: a page is fetched when the one before it is used up.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::error::Error;

use docr::{Client, CreateRegistry, TierSlug};
use docr_sandbox::{Image, Sandbox};
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .build()?;
    let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
    docr.registries().create(wanted).await?;
    for (repository, images) in [("shop/api", 25), ("shop/web", 3)] {
        for number in 1..=images {
            let image = Image::new(repository).sized_layer(number, 1_000_000);
            sandbox.push("acme-images", image.tag(format!("build-{number}")))?;
        }
    }

    let registry = docr.registry("acme-images".parse()?);
    let mut repositories = registry.repositories().items();
    while let Some(listed) = repositories.next().await {
        let repository = registry.repository(listed?.name.parse()?);
        // Ten at a time, so that there is more than one page to see.
        let mut pages = repository.tags().per_page(10).pages();
        while let Some(page) = pages.next().await {
            let page = page?;
            let (number, count) = (page.number, page.items.len());
            println!("{}: page {number}, {count} tags", repository.name());
        }
        // `Items` is a `Stream`, with all adapters of `futures`.
        let bytes = repository
            .manifests()
            .items()
            .try_fold(0, |sum, manifest| async move {
                Ok(sum + manifest.compressed_size_bytes.unwrap_or(0))
            })
            .await?;
        println!("{}: {bytes} bytes", repository.name());
    }

    // All at once, with up to 8 pages fetched at a time.
    let repository = registry.repository("shop/api".parse()?);
    let tags = repository.tags().per_page(5).read_ahead(8).all().await?;
    match tags.len() {
        25 => Ok(()),
        count => Err(format!("{count} tags were read of 25").into()),
    }
}
