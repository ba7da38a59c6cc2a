//! `docr usage`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use docr::{
    for_terminal,
    retention::{RegistryInventory, RepositoryInventory},
};
use indicatif::HumanBytes;
use serde::Serialize;

use crate::{
    account::AccountArguments,
    output::{Cell, Columns, Outcome, Output},
};

/// How long the longest bar is.
const WIDTH: usize = 30;

/// Show what is stored, by repository, and how much of the tier it takes.
#[derive(Args)]
pub(crate) struct Usage;

impl Usage {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        let registry = account.registry().await?;
        let progress = output.progress(format!("reading what {} stores", registry.name()));
        let all = account.docr.registries().usage().await?;
        let inventory = RegistryInventory::read(&registry).await?;
        drop(progress);

        let mut by_repository: Vec<_> =
            inventory.repositories.iter().map(Repository::new).collect();
        by_repository.sort_by(|a, b| (b.bytes, &a.name).cmp(&(a.bytes, &b.name)));
        let report = Report {
            registry: registry.name().to_string(),
            tier: all.tier.slug.to_string(),
            storage: Share {
                used: all.storage_bytes,
                included: all.tier.included_storage_bytes,
            },
            repositories: Share {
                used: all.repositories(),
                included: all
                    .tier
                    .included_repositories
                    .filter(|included| *included > 0),
            },
            by_repository,
        };
        output.show(summary(output, &report)?, &report)?;
        Ok(Outcome::Done)
    }
}

#[derive(Serialize)]
struct Report {
    registry: String,
    tier: String,
    storage: Share,
    repositories: Share,
    by_repository: Vec<Repository>,
}

/// What is used of what the tier includes; `None` for any number.
#[derive(Serialize)]
struct Share {
    used: u64,
    included: Option<u64>,
}

#[derive(Serialize)]
struct Repository {
    name: String,
    bytes: u64,
    tags: usize,
    manifests: usize,
}

impl Repository {
    fn new(inventory: &RepositoryInventory) -> Self {
        let blobs = inventory
            .manifests
            .iter()
            .flat_map(|manifest| &manifest.blobs);
        // A blob that several images share is stored once.
        let blobs: BTreeMap<_, _> = blobs.collect();
        Self {
            name: inventory.name.clone(),
            bytes: blobs
                .values()
                .fold(0, |sum, bytes| sum.saturating_add(**bytes)),
            tags: inventory.tags.len(),
            manifests: inventory.manifests.len(),
        }
    }
}

fn summary(output: &Output, report: &Report) -> Result<String> {
    let most = report.by_repository.iter().map(|one| one.bytes).max();
    let columns = Columns::new(|one: &Repository| one.name.clone(), "")
        .column("repository", 1, |one| Cell::text(&one.name))
        .column("", 5, move |one| {
            Cell::text(bar(one.bytes, most.unwrap_or(0)))
        })
        .column("stored", 2, |one| Cell::Bytes(one.bytes))
        .column("tags", 3, |one| Cell::Number(one.tags as u64))
        .column("manifests", 4, |one| Cell::Number(one.manifests as u64));
    let table = output.table(&report.by_repository, &columns)?;
    let Share { used, included } = report.storage;
    let storage = match included {
        Some(included) => format!("{} of {}", HumanBytes(used), HumanBytes(included)),
        None => HumanBytes(used).to_string(),
    };
    let repositories = match report.repositories.included {
        Some(included) => format!("{} of {included}", report.repositories.used),
        None => report.repositories.used.to_string(),
    };
    Ok(format!(
        "{table}\n\nThe account's {} tier: {storage} stored, {repositories} repositories.",
        for_terminal(&report.tier, 100)
    ))
}

/// A bar as long as its part of the longest; what is there at all is seen.
fn bar(bytes: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if bytes == 0 || most == 0 {
        return String::new();
    }
    let eighths = (bytes as f64 / most as f64 * (WIDTH * 8) as f64)
        .round()
        .max(1.0) as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}
