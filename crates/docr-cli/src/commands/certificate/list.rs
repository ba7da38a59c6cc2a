//! `docr certificate list`

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use docr::{Certificate, CertificateState, retention::Age};

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Cell, Columns, Outcome, Output, Tone},
};

const EXAMPLES: Examples = [
    (
        "All, the next to expire first",
        "docr certificate list --sort expires",
    ),
    (
        "Those to renew, for a job that sends mail if the exit code is 3",
        "docr certificate list --expiring-within 30d --output json",
    ),
];

/// List the account's TLS certificates.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// List only those that expire within this time, such as 30d; exit with 3 if there are any.
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
        "No certificates found.",
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
        Cell::some(one.not_after, |end| Cell::Day(end, time_left(end - now)))
    })
    .column("names", 3, |one| Cell::List(one.dns_names.clone()))
}

fn time_left(left: TimeDelta) -> String {
    match left.num_days() {
        _ if left < TimeDelta::zero() => "expired".to_owned(),
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_in_days_until_it_has_expired() {
        for (hours, text) in [
            (-1, "expired"),
            (-5000, "expired"),
            (0, "less than a day"),
            (23, "less than a day"),
            (24, "1 day"),
            (47, "1 day"),
            (48, "2 days"),
        ] {
            assert_eq!(time_left(TimeDelta::hours(hours)), text, "{hours}");
        }
    }
}
