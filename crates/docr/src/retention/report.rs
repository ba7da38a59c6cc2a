//! What became of a plan.

use std::{collections::BTreeMap, fmt};

use docr_api::types::GarbageCollectionType;
use serde::{Deserialize, Serialize};

use super::{plan::Deletion, table::clean};

/// What became of each deletion of a plan. `Display` counts, and names what did not go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionReport {
    /// The registry's name.
    pub registry: String,
    /// Every deletion of the plan, in the plan's order.
    pub steps: Vec<RetentionStep>,
}

/// A deletion, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetentionStep {
    /// What was to go.
    pub deletion: Deletion,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was deleted.
    Deleted,
    /// It was not there any more.
    GoneAlready,
    /// It has changed since the plan was made, so it was left alone: how.
    Changed(String),
    /// The service refused: why. What comes after it was not tried, since it would be refused, too.
    Refused(String),
    /// The call failed: how.
    Failed(String),
    /// It was not tried, since something before it was refused, or the run was stopped.
    NotTried,
}

impl Outcome {
    /// Whether it is gone now.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted | Self::GoneAlready)
    }

    /// What is counted together.
    fn label(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::GoneAlready => "gone already",
            Self::Changed(_) => "changed",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::NotTried => "not tried",
        }
    }
}

impl RetentionReport {
    /// Whether all that was to go is gone, but for what has changed since.
    pub fn is_complete(&self) -> bool {
        let mut outcomes = self.steps.iter().map(|step| &step.outcome);
        outcomes.all(|outcome| outcome.is_gone() || matches!(outcome, Outcome::Changed(_)))
    }

    /// The garbage collection that frees what was deleted: of unreferenced blobs, and never one that takes manifests,
    /// since that takes the untagged ones of all repositories. `None` if no manifest was deleted: nothing is free then.
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
            [] => f.write_str("nothing was to be deleted"),
            counts => f.write_str(&counts.join(", ")),
        }
    }
}
