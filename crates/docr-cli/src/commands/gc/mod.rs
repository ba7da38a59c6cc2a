//! `docr gc`: garbage collections, which free the storage of deleted images.

mod cancel;
mod list;
mod run;
mod show;
mod wait;

use anyhow::{Result, bail};
use clap::ValueEnum;
use docr::{
    GarbageCollection, GarbageCollectionStatus as Status, GarbageCollectionType,
    GarbageCollections, for_terminal,
};
use indicatif::HumanBytes;
use serde_json::json;

use crate::{
    account::RegistryCalls,
    output::{About as _, Cell, Columns, Outcome, Output, Tone, counted},
};

noun! {
    /// Run garbage collections, which free the storage of deleted images.
    Gc: Run(run::Run), Wait(wait::Wait), List(list::List), Show(show::Show), Cancel(cancel::Cancel)
}

/// What a garbage collection removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Manifests without a tag; another run then frees their storage.
    #[value(alias = "untagged manifests only")]
    UntaggedManifests,
    /// Blobs that no manifest refers to.
    #[value(alias = "unreferenced blobs only")]
    UnreferencedBlobs,
    /// Manifests without a tag, and blobs that no manifest refers to.
    #[value(alias = "untagged manifests and unreferenced blobs")]
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

/// The active garbage collection, if any.
///
/// # Errors
///
/// Also if the registry does not exist, for which the service only reports that none is active.
async fn active(registry: &RegistryCalls) -> Result<Option<GarbageCollection>> {
    let active = registry.garbage_collections().active().await;
    let active = active.about(|| registry.subject())?;
    if active.is_none() {
        registry.get().await.about(|| registry.subject())?;
    }
    Ok(active)
}

/// Starts a garbage collection, and waits for it if asked to.
pub(super) async fn collect(
    runs: &GarbageCollections,
    output: &Output,
    what: GarbageCollectionType,
    wait: bool,
) -> Result<GarbageCollection> {
    let run = runs.start(what).await?;
    match wait {
        true => follow(runs, output, run).await,
        false => Ok(run),
    }
}

/// Waits until a garbage collection has finished.
async fn follow(
    runs: &GarbageCollections,
    output: &Output,
    mut run: GarbageCollection,
) -> Result<GarbageCollection> {
    let progress = output.progress(summary(&run));
    let mut watch = runs.watch(&run);
    while let Some(change) = watch.next().await {
        run = change?;
        progress.say(summary(&run));
    }
    drop(progress);
    if !has_succeeded(&run) {
        bail!(
            "garbage collection {} finished with status {:?}",
            for_terminal(&run.uuid, 100),
            status(&run)
        );
    }
    Ok(run)
}

/// Shows a run as a sentence, or as a record where sentences have no place.
fn show_run(output: &Output, run: &GarbageCollection) -> Result<()> {
    match output.has_lines() {
        true => output.record(run, &columns()),
        false => output.show(summary(run), run),
    }
}

fn show_none(output: &Output) -> Result<Outcome> {
    match output.has_lines() {
        true => output.note("No garbage collection is active."),
        false => output.show("No garbage collection is active.", &json!(null))?,
    }
    Ok(Outcome::Done)
}

fn has_succeeded(run: &GarbageCollection) -> bool {
    matches!(status(run), "succeeded" | "success")
}

fn status(run: &GarbageCollection) -> &str {
    run.status.as_ref().map_or("unknown", Status::as_str)
}

fn summary(run: &GarbageCollection) -> String {
    let freed = HumanBytes(run.freed_bytes.unwrap_or(0));
    let blobs = counted(run.blobs_deleted.unwrap_or(0), "blob", "blobs");
    format!(
        "Garbage collection {}: {}, {blobs} deleted, {freed} freed.",
        for_terminal(&run.uuid, 100),
        for_terminal(status(run), 100)
    )
}

fn columns() -> Columns<GarbageCollection> {
    Columns::new(
        |run: &GarbageCollection| run.uuid.clone(),
        "No garbage collections found.",
    )
    .column("id", 1, |run| Cell::text(&run.uuid))
    .column("started", 2, |run| Cell::some(run.created_at, Cell::Time))
    .column("removes", 4, |run| {
        Cell::some(run.type_.as_ref(), |type_| Cell::text(removes(type_)))
    })
    .column("status", 1, |run| {
        let tone = match status(run) {
            _ if has_succeeded(run) => Tone::Good,
            "failed" | "cancelled" => Tone::Bad,
            _ => Tone::Pending,
        };
        Cell::State(status(run).to_owned(), tone)
    })
    .column("blobs", 5, |run| {
        Cell::Number(run.blobs_deleted.unwrap_or(0))
    })
    .column("freed", 3, |run| Cell::Bytes(run.freed_bytes.unwrap_or(0)))
}

/// What a run removes, as a value of --type.
fn removes(type_: &GarbageCollectionType) -> String {
    let known = What::value_variants()
        .iter()
        .find(|what| GarbageCollectionType::from(**what) == *type_);
    let value = known.and_then(What::to_possible_value);
    value.map_or_else(|| type_.to_string(), |value| value.get_name().to_owned())
}
