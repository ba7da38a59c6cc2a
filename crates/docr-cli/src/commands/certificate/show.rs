//! `docr certificate show`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{find, list::columns};
use crate::{
    account::AccountArguments,
    complete,
    help::{Examples, examples},
    output::{Cell, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("By name", "docr certificate show shop-front"),
    (
        "The id, for a load balancer",
        "docr certificate show shop-front --columns id --output csv",
    ),
];

/// Show a certificate.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Show {
    /// Name or id of the certificate; the id of one from Let's Encrypt changes with each renewal.
    #[arg(add = ArgValueCompleter::new(complete::certificates))]
    certificate: String,
}

impl Show {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        let columns = columns(account.now())
            .column("id", 1, |one| Cell::text(&one.id))
            .column("fingerprint", 1, |one| {
                Cell::some(one.sha1_fingerprint.as_ref(), Cell::text)
            })
            .column("created", 1, |one| Cell::some(one.created_at, Cell::Time));
        let columns = output.checked(columns)?;
        let found = find(&account.docr.certificates(), &self.certificate).await?;
        output.record(&found, &columns)?;
        Ok(Outcome::Done)
    }
}
