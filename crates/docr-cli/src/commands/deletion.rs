//! Deleting items one by one: after confirmation, and with a report of each even after a failure.

use anyhow::{Error, Result};
use serde::Serialize;
use serde_json::json;

use crate::{
    interrupt::{Interrupt, is_output_closed},
    output::{About as _, Consent, Outcome, Output, Question, Subject},
};

/// An item to delete.
pub(super) struct Gone<T> {
    subject: Subject,
    item: T,
}

impl<T> Gone<T> {
    pub(super) fn new(subject: Subject, item: T) -> Self {
        Self { subject, item }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    WouldBeDeleted,
    Deleted,
    GoneAlready,
    Failed,
    NotTried,
}

impl Fate {
    fn words(self) -> &'static str {
        match self {
            Self::WouldBeDeleted => "would be deleted",
            Self::Deleted => "was deleted",
            Self::GoneAlready => "was already deleted",
            Self::Failed => "was not deleted",
            Self::NotTried => "was not attempted",
        }
    }
}

#[derive(Serialize)]
struct Step {
    name: String,
    outcome: Fate,
}

/// Asks for confirmation, deletes, and reports. Stops at the first failure.
pub(super) async fn delete_each<T>(
    output: &Output,
    consent: Consent,
    question: Question<'_>,
    interrupt: &Interrupt,
    all: Vec<Gone<T>>,
    delete: impl AsyncFn(&T) -> docr::Result<()>,
) -> Result<Outcome> {
    let steps = |fate: Fate| -> Vec<_> {
        let all = all.iter();
        all.map(|gone| Step {
            name: gone.subject.to_string(),
            outcome: fate,
        })
        .collect()
    };
    if consent.dry_run {
        return report(output, &steps(Fate::WouldBeDeleted), Outcome::Done);
    }
    if let Some(outcome) = output.consent(consent, question, interrupt).await? {
        output.show(
            "Nothing was deleted.",
            &json!({ "deletions": steps(Fate::NotTried) }),
        )?;
        return Ok(outcome);
    }
    let mut steps = steps(Fate::NotTried);
    let mut failure: Option<Error> = None;
    let progress = output.counted("deleting", all.len());
    for (gone, step) in all.iter().zip(&mut steps) {
        if interrupt.is_asked() || is_output_closed() {
            break;
        }
        match delete(&gone.item).await {
            Ok(()) => step.outcome = Fate::Deleted,
            Err(error) if error.is_not_found() => step.outcome = Fate::GoneAlready,
            Err(error) if error.is_stopped() && !error.is_ambiguous() => {
                if error.attempts() > 0 {
                    step.outcome = Fate::Failed;
                }
                break;
            }
            Err(error) => {
                step.outcome = Fate::Failed;
                failure = Err::<(), _>(error).about(|| gone.subject.clone()).err();
                break;
            }
        }
        progress.advance(format!("{} {}", gone.subject, step.outcome.words()));
    }
    drop(progress);
    let is_gone = |step: &Step| matches!(step.outcome, Fate::Deleted | Fate::GoneAlready);
    let is_whole = steps.iter().all(is_gone);
    match failure {
        // For a single item, the error is report enough.
        Some(error) if steps.len() == 1 => Err(error),
        Some(error) => {
            report(output, &steps, Outcome::InPart)?;
            Err(error)
        }
        None if is_whole => report(output, &steps, Outcome::Done),
        None => report(output, &steps, Outcome::Interrupted),
    }
}

fn report(output: &Output, steps: &[Step], outcome: Outcome) -> Result<Outcome> {
    let lines = steps.iter().map(|step| {
        let (name, words) = (&step.name, step.outcome.words());
        format!("The {name} {words}.")
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    output.report(text, &json!({ "deletions": steps }), outcome)
}
