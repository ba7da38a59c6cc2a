//! Retention: which tags and manifests may go, and letting them go (feature `retention`).
//!
//! 1. A [`RetentionPolicy`] says what to keep, in code or in TOML.
//! 2. A [`RegistryInventory`] says what is there; it is read from the service, or made by hand.
//! 3. [`RetentionPlan::make`] says what goes, and why all the rest stays. It does no I/O, and the same input in any
//!    order makes the same plan. A plan is data: print it, keep it as JSON, compare it with an earlier one.
//! 4. [`RetentionPlan::execution`] deletes, and looks again before it does.
//!
//! ```no_run
//! use docr::retention::{RegistryInventory, RetentionPlan, RetentionPolicy};
//!
//! # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let policy = RetentionPolicy::from_toml(
//!     r#"
//!     [[rule]]
//!     repositories = ["shop/*"]
//!     keep_newest = 10
//!     older_than = "30d"
//!     protect_tags = ["v*"]
//!     "#,
//! )?;
//! let registry = docr.registry("acme-images".parse()?);
//! let inventory = RegistryInventory::read(&registry).await?;
//! let plan = RetentionPlan::make(&policy, &inventory)?;
//! println!("{plan}");
//!
//! let report = plan.execution(&registry)?.run(|done| println!("{done}")).await?;
//! if let Some(what) = report.garbage_collection() {
//!     registry.garbage_collections().start(what).await?; // storage is free only after this
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is never deleted
//!
//! - `latest`, tags that a pattern protects, and every tag of the same image as one of them;
//! - a manifest that a tag leads to which stays, or that is part of a multi-platform image which stays, as far as
//!   the parts are known: see [`RegistryInventory::resolve`] and, with the feature `oci`, `OciParts`;
//! - an untagged manifest, unless the rule asks for it, and then none that was pushed within the last hour: it may be
//!   part of a push that is under way;
//! - what no rule is for, and what has an unknown age where age decides.

mod execution;
mod inventory;
#[cfg(feature = "oci")]
mod oci_parts;
mod plan;
mod planner;
mod policy;
mod report;
mod table;

pub use execution::RetentionExecution;
pub use inventory::{
    ImageParts, ManifestRecord, RegistryInventory, RepositoryInventory, TagRecord,
};
#[cfg(feature = "oci")]
pub use oci_parts::OciParts;
pub use plan::{Deletion, KeepReason, Kept, PlanDifference, PlanWarning, RetentionPlan, Subject};
pub use policy::{Age, PolicyError, RetentionPolicy, RetentionRule, TagPattern};
pub use report::{Outcome, RetentionReport, RetentionStep};
