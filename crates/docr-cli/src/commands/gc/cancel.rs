//! `docr gc cancel`

use anyhow::Result;
use clap::Args;

use super::{active, show_none, show_run};
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    ("Make the registry writable again", "docr gc cancel"),
    ("Show what would be cancelled", "docr gc cancel --dry-run"),
];

/// Cancel the active garbage collection.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Cancel {
    /// Show which one would be cancelled, and cancel nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Cancel {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open_to_change(output).await?;
        let registry = account.registry_for(None).await?;
        let runs = registry.garbage_collections();
        let Some(run) = active(&registry).await? else {
            return show_none(output);
        };
        if self.dry_run {
            output.note("This garbage collection would be cancelled:");
            show_run(output, &run)?;
            return Ok(Outcome::Done);
        }
        show_run(output, &runs.cancel(&run).await?)?;
        Ok(Outcome::Done)
    }
}
