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
        "Before creating a registry",
        "docr registry check-name acme-images",
    ),
    (
        "For a script, which tests the exit code",
        "docr registry check-name acme-images --output json",
    ),
];

/// Check whether a registry name is available; exits with 3 if it is taken.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct CheckName {
    /// Name to check.
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
            true => (format!("The name {name} is available."), Outcome::Done),
            false => (format!("The name {name} is taken."), Outcome::InPart),
        };
        output.show(text, &json!({ "name": name, "available": is_available }))?;
        Ok(outcome)
    }
}
