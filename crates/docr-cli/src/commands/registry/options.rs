//! `docr registry options`

use anyhow::Result;
use clap::Args;
use docr::SubscriptionTierOption;
use serde::Serialize;

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Cell, Columns, Outcome, Output, Tone},
};

const EXAMPLES: Examples = [
    (
        "The tiers, their prices, and whether the account is eligible",
        "docr registry options",
    ),
    (
        "The regions, one per line",
        "docr registry options --regions --output ids",
    ),
];

/// List the subscription tiers with their prices, and whether the account is eligible, or list the regions.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Options {
    /// List the regions.
    #[arg(long)]
    regions: bool,
}

#[derive(Serialize)]
struct RegionOption {
    region: String,
}

impl Options {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let regions = Columns::new(|one: &RegionOption| one.region.clone(), "No regions found.")
            .column("region", 1, |one| Cell::text(&one.region));
        let (tiers, regions) = match self.regions {
            true => (None, Some(output.checked(regions)?)),
            false => (Some(output.checked(tiers())?), None),
        };
        let account = account.open(output).await?;
        let options = match account.is_legacy() {
            true => account.docr.legacy_registry().options().await?,
            false => account.docr.registries().options().await?,
        };
        if let Some(columns) = regions {
            let all = options.available_regions.iter();
            let all = all.map(|region| RegionOption {
                region: region.to_string(),
            });
            output.list(all.collect(), &columns)?;
        }
        if let Some(columns) = tiers {
            output.list(options.subscription_tiers, &columns)?;
        }
        Ok(Outcome::Done)
    }
}

fn tiers() -> Columns<SubscriptionTierOption> {
    Columns::new(
        |one: &SubscriptionTierOption| one.slug.to_string(),
        "No tiers found.",
    )
    .column("tier", 1, |one| Cell::text(one.slug.as_str()))
    .column("price", 2, |one| {
        Cell::some(one.monthly_price_in_cents, Cell::Cents)
    })
    .column("repositories", 4, |one| {
        Cell::some(one.included_repositories, unlimited_if_zero)
    })
    .column("storage", 3, |one| {
        Cell::some(one.included_storage_bytes, Cell::Bytes)
    })
    .column("transfer", 6, |one| {
        Cell::some(one.included_bandwidth_bytes, Cell::Bytes)
    })
    .column("overage", 7, |one| Cell::flag(one.allow_storage_overage))
    .column("fits", 1, |one| match one.eligible {
        Some(true) => Cell::State("yes".to_owned(), Tone::Good),
        Some(false) => Cell::State("no".to_owned(), Tone::Bad),
        None => Cell::Missing,
    })
    .column("why-not", 5, |one| {
        let reasons = one.eligibility_reasons.iter();
        let reasons: Vec<_> = reasons.map(|reason| reason.to_string()).collect();
        match reasons.is_empty() {
            true => Cell::Missing,
            false => Cell::List(reasons),
        }
    })
}

/// The service reports 0 for an unlimited number.
pub(super) fn unlimited_if_zero(number: u64) -> Cell {
    match number {
        0 => Cell::text("unlimited"),
        number => Cell::Number(number),
    }
}
