//! `docr gc`

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use docr::{GarbageCollection, GarbageCollectionType, RegistryHandle};
use indicatif::HumanBytes;
use serde_json::json;

use crate::{
    account::AccountArguments,
    output::{Format, Outcome, show, spinner, table, trimmed},
};

/// Garbage collections, which free the storage of what was deleted.
#[derive(Args)]
pub(crate) struct Gc {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a garbage collection. The registry is read-only until it ends.
    Run {
        /// What to remove.
        #[arg(long = "type", value_enum)]
        what: What,
        /// Wait for its end.
        #[arg(long)]
        wait: bool,
    },
    /// Show the last garbage collections.
    List,
    /// Cancel the active garbage collection.
    Cancel,
}

/// What a garbage collection removes.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Manifests without a tag; their storage is freed by another run only.
    UntaggedManifests,
    /// Blobs that no manifest needs.
    UnreferencedBlobs,
    /// Both: all that no tag leads to.
    Both,
}

impl From<What> for GarbageCollectionType {
    fn from(what: What) -> Self {
        match what {
            What::UntaggedManifests => Self::UntaggedManifestsOnly,
            What::UnreferencedBlobs => Self::UnreferencedBlobsOnly,
            What::Both => Self::UntaggedManifestsAndUnreferencedBlobs,
        }
    }
}

impl Gc {
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        let account = account.open().await?;
        let registry = account.registry().await?;
        match self.command {
            Command::Run { what, wait } => {
                let run = collect(&registry, format, what.into(), wait).await?;
                show(format, summary(&run), &run)?;
            }
            Command::List => {
                let runs = registry.garbage_collections().list().page(1).await?.items;
                show(format, listing(&runs), &runs)?;
            }
            Command::Cancel => {
                let runs = registry.garbage_collections();
                let Some(active) = runs.active().await? else {
                    show(format, "No garbage collection is active.", &json!(null))?;
                    return Ok(Outcome::Done);
                };
                let run = runs.cancel(&active.uuid.parse()?).await?;
                show(format, summary(&run), &run)?;
            }
        }
        Ok(Outcome::Done)
    }
}

/// Starts a garbage collection, and waits for it if asked to.
pub(super) async fn collect(
    registry: &RegistryHandle,
    format: Format,
    what: GarbageCollectionType,
    wait: bool,
) -> Result<GarbageCollection> {
    let runs = registry.garbage_collections();
    let mut run = runs.start(what).await?;
    if wait {
        let spinner = spinner(format);
        let mut watch = runs.watch(run.uuid.parse()?);
        while let Some(change) = watch.next().await {
            run = change?;
            spinner.set_message(summary(&run));
        }
        spinner.finish_and_clear();
        if !matches!(status(&run), "succeeded" | "success") {
            bail!(
                "the garbage collection {} has ended as {:?}",
                run.uuid,
                status(&run)
            );
        }
    }
    Ok(run)
}

fn status(run: &GarbageCollection) -> &str {
    run.status
        .as_ref()
        .map_or("unknown", |status| status.as_str())
}

fn summary(run: &GarbageCollection) -> String {
    let freed = HumanBytes(run.freed_bytes.unwrap_or(0));
    let blobs = run.blobs_deleted.unwrap_or(0);
    format!(
        "Garbage collection {}: {}, {blobs} blobs deleted, {freed} freed.",
        run.uuid,
        status(run)
    )
}

fn listing(runs: &[GarbageCollection]) -> String {
    if runs.is_empty() {
        return "There was no garbage collection.".to_owned();
    }
    let mut table = table(["ID", "STARTED", "REMOVES", "STATUS", "BLOBS", "FREED"]);
    for run in runs {
        table.add_row([
            run.uuid.clone(),
            run.created_at.map_or_else(String::new, |time| {
                time.format("%Y-%m-%d %H:%M").to_string()
            }),
            run.type_
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            status(run).to_owned(),
            run.blobs_deleted.unwrap_or(0).to_string(),
            HumanBytes(run.freed_bytes.unwrap_or(0)).to_string(),
        ]);
    }
    trimmed(&table)
}
