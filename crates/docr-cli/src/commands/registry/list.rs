//! `docr registry list`

use anyhow::Result;
use clap::Args;

use super::columns;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    ("What the account has", "docr registry list"),
    (
        "Names alone, the one that stores most first",
        "docr registry list --sort storage:desc --output ids",
    ),
];

/// List the account's registries.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let all = account.docr.registries().list();
        output.list(output.read("registries", all).await?, &columns)?;
        Ok(Outcome::Done)
    }
}
