//! `docr certificate list`

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use docr::{Certificate, CertificateState, retention::Age};

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Cell, Columns, Outcome, Output, Tone},
};

const EXAMPLES: Examples = [
    (
        "All, the first to expire first",
        "docr certificate list --sort expires",
    ),
    (
        "Those to renew, for a job that mails when the exit code is 3",
        "docr certificate list --expiring-within 30d --output json",
    ),
];

/// List the TLS certificates.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// List only those that expire within this time; if there are any, the exit code is 3.
    #[arg(long, value_name = "AGE")]
    expiring_within: Option<Age>,
}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        let now = account.now();
        let columns = output.checked(columns(now))?;
        let mut all = output
            .read_all("certificates", account.docr.certificates().list())
            .await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mut found = Outcome::Done;
        if let Some(within) = self.expiring_within {
            all.retain(|certificate| {
                let left = certificate.not_after.map(|end| end - now);
                left.is_some_and(|left| left.to_std().unwrap_or_default() <= within.as_duration())
            });
            if !all.is_empty() {
                found = Outcome::InPart;
            }
        }
        output.list(all, &columns)?;
        Ok(found)
    }
}

pub(super) fn columns(now: DateTime<Utc>) -> Columns<Certificate> {
    Columns::new(
        |certificate: &Certificate| certificate.name.clone(),
        "There are no such certificates.",
    )
    .column("name", 1, |one| Cell::text(&one.name))
    .column("type", 4, |one| {
        Cell::some(one.type_.as_ref(), |type_| Cell::text(type_.as_str()))
    })
    .column("state", 2, |one| {
        Cell::some(one.state.as_ref(), |state| {
            let tone = match state {
                CertificateState::Verified => Tone::Good,
                CertificateState::Error => Tone::Bad,
                _ => Tone::Pending,
            };
            Cell::State(state.as_str().to_owned(), tone)
        })
    })
    .column("expires", 2, move |one| {
        Cell::some(one.not_after, |end| {
            Cell::Day(end, format!("{} days", (end - now).num_days()))
        })
    })
    .column("names", 3, |one| Cell::List(one.dns_names.clone()))
}
