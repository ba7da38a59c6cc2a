//! The report of an executed plan.

use std::{collections::BTreeMap, fmt};

use docr_api::types::GarbageCollectionType;
use serde::{Deserialize, Serialize};

use super::{plan::Deletion, table::clean};

/// The outcome of each deletion of a plan. `Display` counts them, and lists what was not deleted.
///
/// ```
/// # let json = r#"{"registry":"acme-images","steps":[]}"#;
/// let report: docr::retention::RetentionReport = serde_json::from_str(json)?;
/// assert_eq!(report.to_string(), "nothing to delete");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionReport {
    /// The registry's name.
    pub registry: String,
    /// Every deletion of the plan, in the plan's order.
    pub steps: Vec<RetentionStep>,
}

/// A deletion and its outcome.
///
/// ```
/// # fn example(report: docr::retention::RetentionReport) {
/// for step in report.steps.iter().filter(|step| !step.outcome.is_gone()) {
///     println!("{}: {}", step.deletion, step.outcome);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionStep {
    /// What was to be deleted.
    pub deletion: Deletion,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of a deletion.
///
/// ```
/// use docr::retention::Outcome;
///
/// let outcome = Outcome::Changed("it was pushed again".to_owned());
/// assert_eq!(outcome.to_string(), "changed: it was pushed again");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was deleted.
    Deleted,
    /// It no longer existed.
    GoneAlready,
    /// It was kept, because it has changed since the plan was made: how.
    Changed(String),
    /// The service refused it: why. Later deletions were not tried, since they would be refused, too.
    Refused(String),
    /// The call failed: why.
    Failed(String),
    /// It was not tried, because an earlier one was refused or the run was stopped.
    NotTried,
}

impl Outcome {
    /// Whether it is deleted now, by this run or before.
    ///
    /// ```
    /// use docr::retention::Outcome;
    ///
    /// assert!(Outcome::GoneAlready.is_gone());
    /// assert!(!Outcome::NotTried.is_gone());
    /// ```
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted | Self::GoneAlready)
    }

    /// Outcomes with the same label are counted together.
    fn label(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::GoneAlready => "deleted earlier",
            Self::Changed(_) => "changed",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::NotTried => "not tried",
        }
    }
}

impl RetentionReport {
    /// Whether everything is deleted but what has changed since the plan was made.
    ///
    /// ```
    /// # let json = r#"{"registry":"acme-images","steps":[]}"#;
    /// # let report: docr::retention::RetentionReport = serde_json::from_str(json)?;
    /// assert!(report.is_complete());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn is_complete(&self) -> bool {
        let mut outcomes = self.steps.iter().map(|step| &step.outcome);
        outcomes.all(|outcome| outcome.is_gone() || matches!(outcome, Outcome::Changed(_)))
    }

    /// The garbage collection that frees the storage: of unreferenced blobs, never of manifests, since that would delete the
    /// untagged ones of all repositories. `None` if no manifest was deleted, which frees nothing.
    ///
    /// ```no_run
    /// # async fn example(report: docr::retention::RetentionReport, registry: docr::RegistryHandle) -> docr::Result<()> {
    /// if let Some(what) = report.garbage_collection() {
    ///     registry.garbage_collections().start(what).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn garbage_collection(&self) -> Option<GarbageCollectionType> {
        let mut steps = self.steps.iter();
        let frees =
            steps.any(|step| step.outcome == Outcome::Deleted && step.deletion.is_manifest());
        frees.then_some(GarbageCollectionType::UnreferencedBlobsOnly)
    }
}

impl fmt::Display for RetentionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.deletion, self.outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        match self {
            Self::Changed(why) | Self::Refused(why) | Self::Failed(why) => {
                write!(f, ": {}", clean(why))
            }
            Self::Deleted | Self::GoneAlready | Self::NotTried => Ok(()),
        }
    }
}

impl fmt::Display for RetentionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.outcome.label()).or_insert(0_usize) += 1;
            if !step.outcome.is_gone() {
                writeln!(f, "{step}")?;
            }
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(label, count)| format!("{count} {label}"))
            .collect();
        match counts.as_slice() {
            [] => f.write_str("nothing to delete"),
            counts => f.write_str(&counts.join(", ")),
        }
    }
}
