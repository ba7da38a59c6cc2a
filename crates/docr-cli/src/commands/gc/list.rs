//! `docr gc list`

use anyhow::Result;
use clap::Args;

use super::columns;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{About as _, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("The latest, newest first", "docr gc list"),
    (
        "The one that freed the most",
        "docr gc list --all --sort freed:desc --limit 1",
    ),
];

/// List the latest garbage collections.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// List all of them.
    #[arg(long)]
    all: bool,
}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let list = registry.garbage_collections().list();
        let runs = match self.all {
            true => output.read("garbage collections", list).await,
            false => list.page(1).await.map(|page| page.items),
        };
        output.list(runs.about(|| registry.subject())?, &columns)?;
        Ok(Outcome::Done)
    }
}
