//! `docr gc wait`

use anyhow::Result;
use clap::Args;

use super::{active, follow, show_none, show_run};
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "Before a push, which is refused during a garbage collection",
        "docr gc wait",
    ),
    ("In a script, without progress", "docr gc wait --quiet"),
];

/// Wait until the active garbage collection has finished.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Wait {}

impl Wait {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let runs = registry.garbage_collections();
        let Some(run) = active(&registry).await? else {
            return show_none(output);
        };
        show_run(output, &follow(&runs, output, run).await?)?;
        Ok(Outcome::Done)
    }
}
