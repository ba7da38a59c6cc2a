//! Retention: deleting old images by rules (feature `retention`).
//!
//! 1. A [`RetentionPolicy`] says what to keep, in code or in TOML.
//! 2. A [`RegistryInventory`] lists the tags and manifests of a registry. It is read from the service by
//!    [`InventoryReading`], which can resume after a failure, or built by hand.
//! 3. [`RetentionPlan::compute`] decides what to delete, and records why everything else is kept. It does no I/O, and the
//!    order of its input doesn't matter. A plan is data: print it, save it as JSON, compare it with an earlier one.
//! 4. [`RetentionPlan::execution`] checks again that nothing has changed, and deletes.
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
//!     registry.garbage_collections().start(what).await?; // only this frees the storage
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is never deleted
//!
//! - anything that the plan doesn't name: the garbage collection that follows it deletes no manifest, and a repository is
//!   deleted as a whole only if a last check finds nothing else in it;
//! - `latest`, tags that a pattern protects, and every other tag of such an image; images that are
//!   [in use](RetentionPolicy::in_use);
//! - what belongs to a kept image: the images of its platforms, and its signatures, attestations and other referrers, by
//!   their subject or by tags such as `sha256-<hex>.sig`. They are kept and deleted with it, and never count as images.
//!   Referrers of an image in another repository are kept, too, and so is a part with a tag of its own that the rules
//!   keep;
//! - an untagged image, unless a rule deletes those, and anything pushed within [`RetentionPolicy::min_age`];
//! - what no rule applies to, what is of unknown age or media type or can't be read, and whatever the lists of the service
//!   disagree on. While one manifest of a repository can't be read, none is deleted there, since each may be part of it.

mod age;
mod choice;
mod decision;
mod execution;
mod homes;
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
mod shared_string;
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
pub use shared_string::SharedString;
pub use untagged::{UntaggedInRepository, UntaggedManifests};
pub use version::KeepVersions;

/// The default number of concurrent calls.
const CONCURRENCY: usize = 8;
