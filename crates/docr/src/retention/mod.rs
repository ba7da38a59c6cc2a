//! Retention: which images may go, and letting them go (feature `retention`).
//!
//! 1. A [`RetentionPolicy`] says what to keep, in code or in TOML.
//! 2. A [`RegistryInventory`] says what is there; it is read from the service, which [`InventoryReading`] can go on with
//!    after a failure, or made by hand.
//! 3. [`RetentionPlan::compute`] says what goes, and why all the rest stays. It does no I/O, and the same input in any
//!    order makes the same plan. A plan is data: print it, keep it as JSON, compare it with an earlier one.
//! 4. [`RetentionPlan::execution`] deletes, and looks again before it does.
//!
//! ```no_run
//! use docr::retention::{RegistryInventory, RetentionPlan, RetentionPolicy};
//!
//! # async fn example(docr: docr::Client, reader: impl docr::retention::ManifestReader + Sync) -> Result<(), Box<dyn std::error::Error>> {
//! let policy = RetentionPolicy::from_toml(
//!     r#"
//!     [[rule]]
//!     repositories = ["shop/*"]
//!     keep_newest = 10
//!     older_than = "30d"
//!     protect_tags = ["v[0-9]*"]
//!     "#,
//! )?;
//! let registry = docr.registry("acme-images".parse()?);
//! let mut inventory = RegistryInventory::read_for(&registry, &policy).await?;
//! inventory.read_manifests(&policy, &reader).await; // from the registry itself: `OciManifests`
//! let plan = RetentionPlan::compute(&policy, &inventory)?;
//! println!("{plan}\n{}", plan.kept_table());
//!
//! let report = plan.execution(&registry)?.reader(&reader).run(|done| println!("{done}")).await;
//! if let Some(what) = report.garbage_collection() {
//!     registry.garbage_collections().start(what).await?; // storage is free only after this
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is never deleted
//!
//! - what a plan doesn't name: the garbage collection that goes with it takes no manifest, and a repository of which
//!   nothing stays is deleted as a whole only if a last look finds nothing else in it;
//! - `latest`, tags that a pattern protects, and every tag of the same image as one of them; images that are
//!   [in use](RetentionPolicy::in_use);
//! - what belongs to an image that stays: its parts, and its signatures, attestations and other referrers, by their
//!   subject or by tags such as `sha256-<hex>.sig`. They live and die with it, and are never counted as images.
//!   Those of an image in another repository stay, too, and so does a part with a tag of its own that the rules keep;
//! - an image without a tag, unless a rule asks for those, and anything that was pushed within [`RetentionPolicy::min_age`];
//! - what no rule is for, what has an unknown age, can't be read, or is of an unknown kind, and what the lists of the
//!   service contradict each other about. While a manifest of a repository can't be read, no manifest goes from there,
//!   since each may be part of it.

mod age;
mod choice;
mod decision;
mod execution;
#[cfg(feature = "oci")]
mod image_details;
mod images;
mod in_use;
mod inventory;
mod look;
mod manifest;
mod observe;
#[cfg(feature = "oci")]
mod oci_manifests;
#[cfg(feature = "oci")]
mod oci_tokens;
mod pattern;
mod plan;
mod plan_check;
mod plan_table;
mod planner;
mod policy;
mod reading;
mod reason;
mod report;
mod scene;
#[cfg(feature = "schemars")]
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod untagged;
mod version;
mod visit;
mod warnings;
mod whole;

pub use age::Age;
pub use execution::RetentionExecution;
#[cfg(feature = "oci")]
pub use image_details::{ImageDetails, ImageLayer, ImagePlatform, ImageReferrer};
pub use in_use::in_use;
pub use inventory::{
    ManifestContent, ManifestProgress, ManifestRecord, RegistryInventory, RepositoryInventory,
    TagRecord,
};
pub use manifest::{ManifestDocument, ManifestReader, NoReader};
pub use observe::ObserveRetention;
#[cfg(feature = "oci")]
pub use oci_manifests::OciManifests;
pub use pattern::NamePattern;
pub use plan::{Deletion, Kept, PlanDifference, PlanWarning, RetentionPlan, Subject};
pub use plan_check::PlanError;
pub use plan_table::{KeptLine, PlanLine};
pub use policy::{MaxDelete, PolicyError, RetentionPolicy, RetentionRule};
pub use reading::{InventoryProgress, InventoryReading};
pub use reason::{GoReason, KeepReason};
pub use report::{Outcome, RetentionReport, RetentionStep};
pub use untagged::{UntaggedInRepository, UntaggedManifests};
pub use version::KeepVersions;

/// How many calls are under way at once, unless told otherwise.
const CONCURRENCY: usize = 8;
