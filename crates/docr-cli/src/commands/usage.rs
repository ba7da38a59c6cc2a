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
    output::{Format, Outcome, row, show, spinner, table, trimmed},
};

/// How long the longest bar is.
const WIDTH: usize = 30;

/// Show what is stored, by repository, and how much of the tier it takes.
#[derive(Args)]
pub(crate) struct Usage;

impl Usage {
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        let account = account.open(format).await?;
        let registry = account.registry().await?;
        let spinner = spinner(format);
        spinner.set_message(format!("reading what {} stores", registry.name()));
        let all = account.docr.registries().usage().await?;
        let inventory = RegistryInventory::read(&registry).await?;
        spinner.finish_and_clear();

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
        show(format, summary(&report), &report)?;
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

fn summary(report: &Report) -> String {
    let mut table = table(["REPOSITORY", "", "STORED", "TAGS", "MANIFESTS"]);
    let most = report
        .by_repository
        .iter()
        .map(|repository| repository.bytes)
        .max();
    for repository in &report.by_repository {
        row(
            &mut table,
            [
                repository.name.clone(),
                bar(repository.bytes, most.unwrap_or(0)),
                HumanBytes(repository.bytes).to_string(),
                repository.tags.to_string(),
                repository.manifests.to_string(),
            ],
        );
    }
    let Share { used, included } = report.storage;
    let storage = match included {
        Some(included) => format!("{} of {}", HumanBytes(used), HumanBytes(included)),
        None => HumanBytes(used).to_string(),
    };
    let repositories = match report.repositories.included {
        Some(included) => format!("{} of {included}", report.repositories.used),
        None => report.repositories.used.to_string(),
    };
    format!(
        "{}\n\nThe account's {} tier: {storage} stored, {repositories} repositories.",
        trimmed(&table),
        for_terminal(&report.tier, 100)
    )
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
