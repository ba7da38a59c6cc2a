//! `docr gc`

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use docr::{
    GarbageCollection, GarbageCollectionType, RegistryHandle, for_terminal,
    retention::{RegistryInventory, UntaggedManifests},
};
use indicatif::HumanBytes;
use serde_json::json;

use crate::{
    account::{Account, AccountArguments},
    interrupt::Interrupt,
    output::{
        Format, Outcome, WrongInput, agrees, is_interactive, note, row, show, spinner, table,
        trimmed,
    },
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
    ///
    /// One that takes untagged manifests takes those of all repositories, images that are deployed by digest included:
    /// they are shown first, and you are asked.
    Run {
        /// What to remove.
        #[arg(long = "type", value_enum)]
        what: What,
        /// Wait for its end.
        #[arg(long)]
        wait: bool,
        /// Don't ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Wait until the active garbage collection has ended.
    Wait,
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
        let account = account.open(format).await?;
        let registry = account.registry().await?;
        match self.command {
            Command::Run { what, wait, yes } => {
                let interrupt = Interrupt::listen()?;
                if what.takes_manifests()
                    && !may_take_untagged(&account, &registry, format, yes, &interrupt).await?
                {
                    show(format, "Nothing was started.", &json!(null))?;
                    return Ok(match interrupt.is_asked() {
                        true => Outcome::Interrupted,
                        false => Outcome::InPart,
                    });
                }
                let collecting = collect(&registry, format, what.into(), wait);
                let Some(run) = interrupt.unless(collecting).await else {
                    note(
                        format,
                        "A garbage collection that was started goes on: see docr gc list.",
                    );
                    return Ok(Outcome::Interrupted);
                };
                let run = run?;
                show(format, summary(&run), &run)?;
            }
            Command::Wait => {
                let Some(active) = registry.garbage_collections().active().await? else {
                    show(format, "No garbage collection is active.", &json!(null))?;
                    return Ok(Outcome::Done);
                };
                let run = follow(&registry, format, active).await?;
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
                let run = runs.cancel(&active).await?;
                show(format, summary(&run), &run)?;
            }
        }
        Ok(Outcome::Done)
    }
}

impl What {
    fn takes_manifests(self) -> bool {
        match self {
            Self::UntaggedManifests | Self::Both => true,
            Self::UnreferencedBlobs => false,
        }
    }
}

/// Shows which manifests would be taken from all repositories, and asks.
async fn may_take_untagged(
    account: &Account,
    registry: &RegistryHandle,
    format: Format,
    yes: bool,
    interrupt: &Interrupt,
) -> Result<bool> {
    let is_asked = !yes && !account.is_sandbox();
    if is_asked && !is_interactive(format) {
        let message = "cannot prompt: pass --yes to take the untagged manifests of all repositories; \
                       docr prune --plan --untagged shows which ones nothing needs";
        return Err(WrongInput(message.to_owned()).into());
    }
    let spinner = spinner(format);
    spinner.set_message("reading which manifests are untagged");
    let mut inventory = RegistryInventory::read(registry).await?;
    if !UntaggedManifests::of(&inventory)?.repositories.is_empty() {
        let Some(manifests) = account.manifests(registry, interrupt).await? else {
            return Ok(false);
        };
        let reading = inventory.read_all_manifests(&manifests.reader);
        let read = interrupt.unless(reading).await;
        manifests.close(format).await;
        if read.is_none() {
            return Ok(false);
        }
    }
    spinner.finish_and_clear();
    let untagged = UntaggedManifests::of(&inventory)?;
    note(format, &untagged);
    Ok(!is_asked
        || untagged.repositories.is_empty()
        || agrees("Take these manifests?", interrupt).await?)
}

/// Starts a garbage collection, and waits for it if asked to.
pub(super) async fn collect(
    registry: &RegistryHandle,
    format: Format,
    what: GarbageCollectionType,
    wait: bool,
) -> Result<GarbageCollection> {
    let run = registry.garbage_collections().start(what).await?;
    match wait {
        true => follow(registry, format, run).await,
        false => Ok(run),
    }
}

/// Waits for the end of a garbage collection.
async fn follow(
    registry: &RegistryHandle,
    format: Format,
    mut run: GarbageCollection,
) -> Result<GarbageCollection> {
    let spinner = spinner(format);
    let mut watch = registry.garbage_collections().watch(&run);
    while let Some(change) = watch.next().await {
        run = change?;
        spinner.set_message(summary(&run));
    }
    spinner.finish_and_clear();
    if !matches!(status(&run), "succeeded" | "success") {
        bail!(
            "the garbage collection {} has ended as {:?}",
            for_terminal(&run.uuid, 100),
            status(&run)
        );
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
        for_terminal(&run.uuid, 100),
        for_terminal(status(run), 100)
    )
}

fn listing(runs: &[GarbageCollection]) -> String {
    if runs.is_empty() {
        return "There was no garbage collection.".to_owned();
    }
    let mut table = table(["ID", "STARTED", "REMOVES", "STATUS", "BLOBS", "FREED"]);
    for run in runs {
        row(
            &mut table,
            [
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
            ],
        );
    }
    trimmed(&table)
}
