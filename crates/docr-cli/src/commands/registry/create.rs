//! `docr registry create`

use anyhow::Result;
use clap::Args;
use docr::{CreateRegistry, Region, RegistryName, SubscriptionTierOption, TierSlug};
use serde_json::json;

use super::columns;
use crate::{
    account::{Account, AccountArguments},
    help::{Examples, examples},
    names::registry_name,
    output::{Outcome, Output, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "In a region, with a subscription tier",
        "docr registry create acme-images --tier professional --region fra1",
    ),
    (
        "Check whether that would work",
        "docr registry create acme-images --tier basic --dry-run",
    ),
];

/// The registry to create.
#[derive(Args)]
pub(super) struct Wanted {
    /// Name of the registry, unique among all customers of DigitalOcean.
    #[arg(value_parser = registry_name)]
    pub(super) name: RegistryName,
    /// Subscription tier [default: the account's current tier].
    #[arg(long, value_parser = tier)]
    tier: Option<TierSlug>,
    /// Region in which images are stored [default: chosen by the service].
    #[arg(long)]
    region: Option<String>,
}

impl Wanted {
    pub(super) fn request(&self) -> CreateRegistry {
        let name = self.name.clone();
        let request = match &self.tier {
            Some(tier) => CreateRegistry::new(name, tier.clone()),
            None => CreateRegistry::in_subscription(name),
        };
        match &self.region {
            Some(region) => request.region(region_of(region)),
            None => request,
        }
    }

    /// The tier, if it does not allow another registry.
    async fn tier_of_one(&self, account: &Account) -> Result<Option<TierSlug>> {
        let registries = account.docr.registries();
        if registries.list().all().await?.is_empty() {
            return Ok(None);
        }
        let tier = match &self.tier {
            Some(tier) => Some(tier.clone()),
            None => registries
                .subscription_opt()
                .await?
                .map(|one| one.tier.slug),
        };
        Ok(tier.filter(|tier| FOR_ONE_REGISTRY.contains(tier)))
    }

    /// Checks whether it could be created, and shows what prevents it.
    pub(super) async fn try_out(&self, account: &Account, output: &Output) -> Result<Outcome> {
        let (is_available, options) = if account.is_legacy() {
            let legacy = account.docr.legacy_registry();
            (
                legacy.is_name_available(&self.name).await?,
                legacy.options().await?,
            )
        } else {
            let registries = account.docr.registries();
            (
                registries.is_name_available(&self.name).await?,
                registries.options().await?,
            )
        };
        let mut obstacles = Vec::new();
        if !is_available {
            obstacles.push(format!("the name {} is taken", self.name));
        }
        if let Some(tier) = self.tier_of_one(account).await? {
            obstacles.push(format!(
                "the account already has a registry, and tier {tier} allows only one"
            ));
        }
        let tier = options
            .subscription_tiers
            .iter()
            .find(|option| Some(&option.slug) == self.tier.as_ref());
        obstacles.extend(tier.and_then(not_eligible));
        if let Some(region) = &self.region
            && !options.available_regions.contains(&region_of(region))
        {
            obstacles.push(format!("region {region} is not available"));
        }
        let text = match obstacles.as_slice() {
            [] => format!("Registry {} would be created.", self.name),
            obstacles => format!(
                "Registry {} cannot be created: {}.",
                self.name,
                obstacles.join("; ")
            ),
        };
        let json = json!({ "name": self.name, "would_be_created": obstacles.is_empty(), "obstacles": obstacles });
        output.show_unless_lines(text, &json)?;
        Ok(match obstacles.is_empty() {
            true => Outcome::Done,
            false => Outcome::InPart,
        })
    }
}

/// The tiers that allow one registry only, which the API doesn't report.
const FOR_ONE_REGISTRY: [TierSlug; 2] = [TierSlug::Starter, TierSlug::Basic];

/// Why the account is not eligible for a tier.
fn not_eligible(option: &SubscriptionTierOption) -> Option<String> {
    (option.eligible == Some(false)).then(|| {
        let reasons = option.eligibility_reasons.iter();
        let reasons: Vec<_> = reasons.map(|reason| reason.as_str()).collect();
        format!(
            "the account is not eligible for the tier ({})",
            reasons.join(", ")
        )
    })
}

/// Parses a tier.
pub(super) fn tier(text: &str) -> Result<TierSlug, String> {
    text.parse::<TierSlug>().map_err(|error| {
        format!(
            "not a subscription tier; the tiers are {}",
            error.listed().join(", ")
        )
    })
}

/// Regions are added over time, so unlisted ones are sent as they are.
fn region_of(text: &str) -> Region {
    text.parse()
        .unwrap_or_else(|_| Region::Other(text.to_owned()))
}

/// Create a registry.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Create {
    #[command(flatten)]
    wanted: Wanted,
    /// Check whether it could be created, and create nothing; exits with 3 if not.
    #[arg(long)]
    dry_run: bool,
}

impl Create {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open_to_change(output).await?;
        if account.is_legacy() && self.wanted.tier.is_none() {
            let message =
                "--tier is required with --legacy: the older call also starts the subscription";
            return Err(WrongInput(message.to_owned()).into());
        }
        if self.dry_run {
            return self.wanted.try_out(&account, output).await;
        }
        let request = self.wanted.request();
        let created = match account.is_legacy() {
            true => account.docr.legacy_registry().create(request).await,
            false => account.docr.registries().create(request).await,
        };
        output.record(&created?, &columns)?;
        Ok(Outcome::Done)
    }
}
