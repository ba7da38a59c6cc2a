//! `docr registry tier`

use anyhow::Result;
use clap::Args;
use docr::{Subscription, TierSlug};

use super::create::tier;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Cell, Columns, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("The account's tier", "docr registry tier"),
    (
        "Show what a change would do",
        "docr registry tier professional --dry-run",
    ),
];

/// Show the account's subscription tier, or change it.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Tier {
    /// Tier to change to.
    #[arg(value_parser = tier)]
    tier: Option<TierSlug>,
    /// Show what would change, and change nothing.
    #[arg(long, requires = "tier")]
    dry_run: bool,
}

impl Tier {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = match self.tier {
            Some(_) => account.open_to_change(output).await?,
            None => account.open(output).await?,
        };
        let registries = account.docr.registries();
        let legacy = account.is_legacy().then(|| account.docr.legacy_registry());
        let present = match &legacy {
            Some(legacy) => legacy.subscription().await?,
            None => registries.subscription().await?,
        };
        let subscription = match self.tier {
            None => present,
            Some(tier) if present.tier.slug == tier => {
                output.note(format_args!("The tier is already {tier}."));
                present
            }
            Some(tier) if self.dry_run => {
                let now = &present.tier.slug;
                output.note(format_args!("The tier would change from {now} to {tier}."));
                present
            }
            Some(tier) => match &legacy {
                Some(legacy) => legacy.change_tier(tier).await?,
                None => registries.change_tier(tier).await?,
            },
        };
        output.record(&subscription, &columns)?;
        Ok(Outcome::Done)
    }
}

fn columns() -> Columns<Subscription> {
    Columns::new(
        |one: &Subscription| one.tier.slug.to_string(),
        "The account has no subscription.",
    )
    .column("tier", 1, |one| Cell::text(one.tier.slug.as_str()))
    .column("price", 1, |one| {
        Cell::some(one.tier.monthly_price_in_cents, Cell::Cents)
    })
    .column("repositories", 2, |one| {
        Cell::some(
            one.tier.included_repositories,
            super::options::unlimited_if_zero,
        )
    })
    .column("storage", 2, |one| {
        Cell::some(one.tier.included_storage_bytes, Cell::Bytes)
    })
    .column("transfer", 2, |one| {
        Cell::some(one.tier.included_bandwidth_bytes, Cell::Bytes)
    })
    .column("since", 3, |one| Cell::some(one.created_at, Cell::Time))
}
