//! `docr certificates`

use anyhow::Result;
use clap::Args;
use docr::{Certificate, retention::Age};

use crate::{
    account::AccountArguments,
    output::{Format, Outcome, row, show, table, trimmed},
};

/// List the TLS certificates.
#[derive(Args)]
pub(crate) struct Certificates {
    /// List only those that expire within this time; if there are any, the exit code is 3.
    #[arg(long, value_name = "AGE")]
    expiring_within: Option<Age>,
}

impl Certificates {
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        let account = account.open(format).await?;
        let mut all = account.docr.certificates().list().all().await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let now = account.now();
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
        show(format, listing(&all, now), &all)?;
        Ok(found)
    }
}

fn listing(certificates: &[Certificate], now: chrono::DateTime<chrono::Utc>) -> String {
    if certificates.is_empty() {
        return "There are no such certificates.".to_owned();
    }
    let mut table = table(["NAME", "TYPE", "STATE", "EXPIRES", "NAMES"]);
    for certificate in certificates {
        let expires = certificate.not_after.map(|end| {
            let days = (end - now).num_days();
            format!("{} ({days} days)", end.format("%Y-%m-%d"))
        });
        row(
            &mut table,
            [
                certificate.name.clone(),
                certificate
                    .type_
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                certificate
                    .state
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                expires.unwrap_or_default(),
                certificate.dns_names.join(", "),
            ],
        );
    }
    trimmed(&table)
}
