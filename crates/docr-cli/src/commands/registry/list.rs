//! `docr registry list`

use anyhow::Result;
use clap::Args;

use super::columns;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Format, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("All registries of the account", "docr registry list"),
    (
        "Names only, the largest registry first",
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
        let registries = account.docr.registries();
        let mut all = output.read("registries", registries.list()).await?;
        // The service's list leaves it out. One subscription covers all registries.
        let has_all = all.iter().all(|registry| registry.subscription.is_some());
        if !has_all && output.format != Format::Ids {
            let subscription = registries.subscription_opt().await?;
            for registry in &mut all {
                registry.subscription = registry.subscription.take().or(subscription.clone());
            }
        }
        output.list(all, &columns)?;
        Ok(Outcome::Done)
    }
}
