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
        "In a script that may run again",
        "docr registry ensure sample --tier basic",
    ),
    (
        "Whether it is there",
        "docr registry ensure sample --dry-run",
    ),
];

/// Create a registry, unless it is there as it is wanted.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Ensure {
    #[command(flatten)]
    wanted: Wanted,
    /// Show whether it is there or could be created, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Ensure {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let subject = Subject::Registry(self.wanted.name.to_string());
        if self.dry_run {
            let registry = account.docr.registry(self.wanted.name.clone());
            return match registry.get_opt().await? {
                Some(found) => {
                    output.note(format_args!("The {subject} is there."));
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
            false => format!("The {subject} was there already."),
        });
        output.record(ensured.get(), &columns)?;
        Ok(Outcome::Done)
    }
}
