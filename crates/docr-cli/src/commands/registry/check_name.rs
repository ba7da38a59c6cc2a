//! `docr registry check-name`

use anyhow::Result;
use clap::Args;
use docr::RegistryName;
use serde_json::json;

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    names::registry_name,
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "Before a registry is created",
        "docr registry check-name acme-images",
    ),
    (
        "For a program, whose test is the exit code",
        "docr registry check-name acme-images --output json",
    ),
];

/// Check whether a name is free for a new registry; if it is taken, the exit code is 3.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct CheckName {
    /// The name.
    #[arg(value_parser = registry_name)]
    name: RegistryName,
}

impl CheckName {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let account = account.open(output).await?;
        let is_available = match account.is_legacy() {
            true => {
                account
                    .docr
                    .legacy_registry()
                    .is_name_available(&self.name)
                    .await?
            }
            false => {
                account
                    .docr
                    .registries()
                    .is_name_available(&self.name)
                    .await?
            }
        };
        let name = &self.name;
        let (text, outcome) = match is_available {
            true => (format!("The name {name} is free."), Outcome::Done),
            false => (format!("The name {name} is taken."), Outcome::InPart),
        };
        output.show(text, &json!({ "name": name, "available": is_available }))?;
        Ok(outcome)
    }
}
