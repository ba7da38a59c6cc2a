//! `docr certificate delete`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::Certificate;

use super::{find, list::columns};
use crate::{
    account::AccountArguments,
    commands::deletion::{Gone, delete_each},
    complete,
    help::{Examples, examples},
    output::{Consent, Outcome, Output, Question, Subject},
};

const EXAMPLES: Examples = [
    (
        "Show what would be deleted",
        "docr certificate delete shop-front --dry-run",
    ),
    (
        "Once nothing uses it any more, without a prompt",
        "docr certificate delete shop-front --when-unused --yes",
    ),
];

/// Delete certificates, after confirmation.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Delete {
    /// Names or ids of the certificates.
    #[arg(required = true, value_name = "CERTIFICATE", add = ArgValueCompleter::new(complete::certificates))]
    certificates: Vec<String>,
    /// Wait, up to ten minutes, until nothing uses the certificate any more.
    #[arg(long)]
    when_unused: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let (account, interrupt) = account
            .open_to_ask(self.consent, "to delete the certificates", output)
            .await?;
        let certificates = account.docr.certificates();
        let mut found: Vec<Certificate> = Vec::new();
        for which in &self.certificates {
            let one = find(&certificates, which).await?;
            if found.iter().all(|other| other.id != one.id) {
                found.push(one);
            }
        }
        output.note_table(&found, &columns(account.now()))?;
        let gone = found.into_iter().map(|one| {
            let subject = Subject::Certificate(one.name.clone());
            Gone::new(subject, one)
        });
        let question = Question::YesOrNo(match gone.len() {
            1 => "Delete this certificate?",
            _ => "Delete these certificates?",
        });
        delete_each(
            output,
            self.consent,
            question,
            &interrupt,
            gone.collect(),
            async |one| match self.when_unused {
                true => certificates.delete_when_unused(one).await,
                false => certificates.delete(one).await,
            },
        )
        .await
    }
}
