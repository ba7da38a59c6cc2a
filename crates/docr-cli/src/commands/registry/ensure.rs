//! `docr registry ensure`

use anyhow::Result;
use clap::Args;

use super::{columns, create::Wanted};
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output, Subject},
};

const EXAMPLES: Examples = [
    (
        "In a script that may run repeatedly",
        "docr registry ensure sample --tier basic",
    ),
    (
        "Check whether it exists",
        "docr registry ensure sample --dry-run",
    ),
];

/// Create a registry, unless it already exists with these settings.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Ensure {
    #[command(flatten)]
    wanted: Wanted,
    /// Check whether it exists or could be created, and create nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Ensure {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open_to_change(output).await?;
        let subject = Subject::Registry(self.wanted.name.to_string());
        if self.dry_run {
            let registry = account.docr.registry(self.wanted.name.clone());
            return match registry.get_opt().await? {
                Some(found) => {
                    output.note(format_args!("The {subject} already exists."));
                    output.record(&found, &columns)?;
                    Ok(Outcome::Done)
                }
                None => self.wanted.try_out(&account, output).await,
            };
        }
        let ensured = account
            .docr
            .registries()
            .ensure(self.wanted.request())
            .await?;
        output.note(match ensured.is_changed() {
            true => format!("The {subject} was created."),
            false => format!("The {subject} already exists."),
        });
        output.record(ensured.get(), &columns)?;
        Ok(Outcome::Done)
    }
}
