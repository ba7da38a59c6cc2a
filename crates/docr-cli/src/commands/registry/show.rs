//! `docr registry show`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::RegistryName;

use super::columns;
use crate::{
    account::AccountArguments,
    complete,
    help::{Examples, examples},
    names::registry_name,
    output::{About as _, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("The account's only registry", "docr registry show"),
    (
        "One of several, as JSON",
        "docr registry show sample --output json",
    ),
];

/// Show a registry.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Show {
    /// Name of the registry [default: the account's only one].
    #[arg(value_parser = registry_name, add = ArgValueCompleter::new(complete::registries))]
    name: Option<RegistryName>,
}

impl Show {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let registry = account.registry_for(self.name).await?;
        let found = registry.get().await.about(|| registry.subject())?;
        output.record(&found, &columns)?;
        Ok(Outcome::Done)
    }
}
