//! Whether a push fits the subscription tier.

use std::{collections::BTreeSet, fmt};

use docr_api::types::{
    EligibilityReason, GarbageCollection, SubscriptionTier, SubscriptionTierOption, TierSlug,
};

use super::all::Registries;
use crate::{RegistryName, RepositoryName, error::Result, text::clean};

const GIB: u64 = 1 << 30;

/// What a push adds to a registry.
///
/// ```no_run
/// use docr::PlannedPush;
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let push = PlannedPush::to("acme-images".parse()?).repository("shop/api".parse()?).bytes(3 << 30);
/// let preflight = docr.registries().preflight(&push).await?;
/// for obstacle in &preflight.obstacles {
///     println!("{obstacle}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct PlannedPush {
    registry: RegistryName,
    repositories: BTreeSet<String>,
    bytes: u64,
}

impl PlannedPush {
    /// A push to a registry, still empty.
    pub fn to(registry: RegistryName) -> Self {
        Self {
            registry,
            repositories: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Adds a repository that is pushed to, existing or new.
    pub fn repository(mut self, name: RepositoryName) -> Self {
        self.repositories.insert(name.to_string());
        self
    }

    /// Sets the bytes of compressed layers that the registry doesn't have yet.
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }
}

/// What an account stores, and its subscription tier. Read by [`Registries::usage`].
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// let usage = docr.registries().usage().await?;
/// let included = usage.tier.included_repositories.unwrap_or(0);
/// println!("{} of {included} repositories, {} bytes", usage.repositories(), usage.storage_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AccountUsage {
    /// The tier of the subscription.
    pub tier: SubscriptionTier,
    /// All tiers.
    pub tiers: Vec<SubscriptionTierOption>,
    /// The registries.
    pub registries: Vec<RegistryUsage>,
    /// Bytes stored in all registries together.
    pub storage_bytes: u64,
}

/// What a registry stores.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// for registry in docr.registries().usage().await?.registries {
///     let state = if registry.garbage_collection.is_some() { "read-only" } else { "writable" };
///     println!("{}: {} repositories, {state}", registry.name, registry.repositories.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RegistryUsage {
    /// The registry's name.
    pub name: String,
    /// The names of its repositories.
    pub repositories: Vec<String>,
    /// Bytes stored.
    pub storage_bytes: u64,
    /// The active garbage collection, which makes it read-only.
    pub garbage_collection: Option<GarbageCollection>,
}

/// Whether a push fits, and what it costs.
///
/// ```no_run
/// use docr::PlannedPush;
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let push = PlannedPush::to("acme-images".parse()?).bytes(3 << 30);
/// let preflight = docr.registries().preflight(&push).await?;
/// if !preflight.fits()
///     && let Some(tier) = preflight.cheapest_tier
/// {
///     docr.registries().ensure_tier(tier).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Preflight {
    /// The tier of the subscription.
    pub tier: TierSlug,
    /// Why the push doesn't fit; empty if it does.
    pub obstacles: Vec<PushObstacle>,
    /// The storage beyond the tier's included storage afterwards, if the tier allows overage.
    pub overage: Option<Overage>,
    /// The tier that fits everything at the lowest monthly price, overage included; `None` if there is none.
    pub cheapest_tier: Option<TierSlug>,
}

/// Storage beyond what a tier includes.
///
/// ```no_run
/// # fn example(preflight: docr::Preflight) {
/// if let Some(overage) = preflight.overage {
///     println!("{} bytes for {} cents a month", overage.bytes, overage.cents_a_month);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overage {
    /// The bytes beyond the included storage.
    pub bytes: u64,
    /// Their monthly price in cents, for each GiB or part of one.
    pub cents_a_month: u64,
}

/// Why a push doesn't fit.
///
/// ```no_run
/// use docr::PushObstacle;
///
/// # fn example(preflight: docr::Preflight) {
/// for obstacle in preflight.obstacles {
///     match obstacle {
///         PushObstacle::ReadOnly(run) => println!("wait for garbage collection {}", run.uuid),
///         other => println!("{other}"),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PushObstacle {
    /// The account has no such registry.
    NoSuchRegistry(RegistryName),
    /// The tier includes fewer repositories.
    Repositories {
        /// How many there are.
        used: u64,
        /// How many the push adds.
        new: u64,
        /// How many the tier includes.
        included: u64,
    },
    /// The tier includes less storage, and allows no more.
    Storage {
        /// The bytes stored.
        used: u64,
        /// The bytes that the push adds.
        new: u64,
        /// The bytes that the tier includes.
        included: u64,
    },
    /// The registry is read-only during this garbage collection.
    ReadOnly(GarbageCollection),
}

impl fmt::Display for PushObstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRegistry(name) => write!(f, "the account has no registry {name}"),
            Self::Repositories {
                used,
                new,
                included,
            } => write!(
                f,
                "repositories: {used} and {new} more exceed the {included} that the tier includes"
            ),
            Self::Storage {
                used,
                new,
                included,
            } => write!(
                f,
                "bytes: {used} and {new} more exceed the {included} that the tier includes"
            ),
            Self::ReadOnly(run) => write!(
                f,
                "the registry is read-only while garbage collection {} is active",
                clean(&run.uuid)
            ),
        }
    }
}

impl Preflight {
    /// Whether there are no obstacles.
    pub fn fits(&self) -> bool {
        self.obstacles.is_empty()
    }
}

/// What a tier allows.
#[derive(Clone, Copy)]
struct Share {
    /// `None` is unlimited.
    repositories: Option<u64>,
    bytes: Option<u64>,
    allows_overage: bool,
    cents_for_gib: u64,
}

impl Share {
    fn new(
        repositories: Option<u64>,
        bytes: Option<u64>,
        overage: Option<bool>,
        cents: Option<u64>,
    ) -> Self {
        Self {
            // The service reports 0 for an unlimited number of repositories.
            repositories: repositories.filter(|included| *included > 0),
            bytes,
            allows_overage: overage.unwrap_or(false),
            cents_for_gib: cents.unwrap_or(0),
        }
    }

    fn overage(self, bytes: u64) -> Option<Overage> {
        let beyond = bytes
            .checked_sub(self.bytes?)
            .filter(|beyond| *beyond > 0)?;
        Some(Overage {
            bytes: beyond,
            cents_a_month: beyond.div_ceil(GIB).saturating_mul(self.cents_for_gib),
        })
    }
}

impl From<&SubscriptionTier> for Share {
    fn from(tier: &SubscriptionTier) -> Self {
        Self::new(
            tier.included_repositories,
            tier.included_storage_bytes,
            tier.allow_storage_overage,
            tier.storage_overage_price_in_cents,
        )
    }
}

impl From<&SubscriptionTierOption> for Share {
    fn from(tier: &SubscriptionTierOption) -> Self {
        Self::new(
            tier.included_repositories,
            tier.included_storage_bytes,
            tier.allow_storage_overage,
            tier.storage_overage_price_in_cents,
        )
    }
}

impl AccountUsage {
    /// The number of repositories in all registries together.
    pub fn repositories(&self) -> u64 {
        let counts = self
            .registries
            .iter()
            .map(|registry| registry.repositories.len() as u64);
        counts.sum()
    }

    /// Checks whether a push fits. Does no I/O.
    ///
    /// ```no_run
    /// use docr::PlannedPush;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let usage = docr.registries().usage().await?; // read once for several pushes
    /// for image in ["shop/api", "shop/web"] {
    ///     let push = PlannedPush::to("acme-images".parse()?).repository(image.parse()?).bytes(80 << 20);
    ///     println!("{image}: {}", usage.preflight(&push).fits());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn preflight(&self, push: &PlannedPush) -> Preflight {
        let share = Share::from(&self.tier);
        let registry = self
            .registries
            .iter()
            .find(|registry| registry.name == push.registry.as_str());
        let there = registry.map_or(&[][..], |registry| &registry.repositories);
        let new = push
            .repositories
            .iter()
            .filter(|name| !there.contains(name))
            .count() as u64;
        let (repositories, bytes) = (
            self.repositories().saturating_add(new),
            self.storage_bytes.saturating_add(push.bytes),
        );

        let mut obstacles = Vec::new();
        if registry.is_none() {
            obstacles.push(PushObstacle::NoSuchRegistry(push.registry.clone()));
        }
        if let Some(run) = registry.and_then(|registry| registry.garbage_collection.clone()) {
            obstacles.push(PushObstacle::ReadOnly(run));
        }
        // An existing repository doesn't count again, even beyond the limit.
        if let Some(included) = share.repositories
            && new > 0
            && repositories > included
        {
            let used = self.repositories();
            obstacles.push(PushObstacle::Repositories {
                used,
                new,
                included,
            });
        }
        let overage = share.overage(bytes);
        if let Some(included) = share.bytes
            && overage.is_some()
            && !share.allows_overage
        {
            let (used, new) = (self.storage_bytes, push.bytes);
            obstacles.push(PushObstacle::Storage {
                used,
                new,
                included,
            });
        }
        Preflight {
            tier: self.tier.slug.clone(),
            obstacles,
            overage: overage.filter(|_| share.allows_overage),
            cheapest_tier: self.cheapest_tier(repositories, bytes),
        }
    }

    fn cheapest_tier(&self, repositories: u64, bytes: u64) -> Option<TierSlug> {
        let prices = self.tiers.iter().filter_map(|tier| {
            let share = Share::from(tier);
            let overage = share.overage(bytes);
            let holds_registries = !tier
                .eligibility_reasons
                .contains(&EligibilityReason::OverRegistryLimit);
            let fits = holds_registries
                && share
                    .repositories
                    .is_none_or(|included| repositories <= included)
                && (overage.is_none() || share.allows_overage);
            let extra = overage.map_or(0, |overage| overage.cents_a_month);
            let price = tier.monthly_price_in_cents?.saturating_add(extra);
            fits.then_some((price, &tier.slug))
        });
        prices
            .min_by_key(|(price, _)| *price)
            .map(|(_, slug)| slug.clone())
    }
}

impl Registries {
    /// Reads what the account stores: its subscription, its options, and for each registry the repositories and the active
    /// garbage collection. `GET /v2/registries`, `/v2/registries/subscription`, `/v2/registries/options`,
    /// `/v2/registries/{registry_name}/repositoriesV2` and `/v2/registries/{registry_name}/garbage-collection`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let usage = docr.registries().usage().await?;
    /// println!("{} bytes on tier {}", usage.storage_bytes, usage.tier.slug);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of any call; [`is_not_found`](crate::Error::is_not_found), if the account has no subscription.
    pub async fn usage(&self) -> Result<AccountUsage> {
        let subscription = self.subscription().await?;
        let options = self.options().await?;
        let mut registries = Vec::new();
        for registry in self.list().all().await? {
            let handle = self.registry(registry.name.parse()?);
            let mut repositories = Vec::new();
            let mut all = handle.repositories().items();
            while let Some(repository) = all.next().await {
                repositories.push(repository?.name);
            }
            registries.push(RegistryUsage {
                name: registry.name,
                repositories,
                storage_bytes: registry.storage_usage_bytes.unwrap_or(0),
                garbage_collection: handle.garbage_collections().active().await?,
            });
        }
        let bytes = registries.iter().map(|registry| registry.storage_bytes);
        Ok(AccountUsage {
            tier: subscription.tier,
            tiers: options.subscription_tiers,
            storage_bytes: bytes.fold(0, u64::saturating_add),
            registries,
        })
    }

    /// Checks whether a push fits, before it fails halfway: reads the account's [usage](Self::usage) and compares.
    ///
    /// ```no_run
    /// use docr::PlannedPush;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let push = PlannedPush::to("acme-images".parse()?).repository("shop/api".parse()?).bytes(80 << 20);
    /// let preflight = docr.registries().preflight(&push).await?;
    /// println!("fits: {}, cheapest tier: {:?}", preflight.fits(), preflight.cheapest_tier);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`usage`](Self::usage).
    pub async fn preflight(&self, push: &PlannedPush) -> Result<Preflight> {
        Ok(self.usage().await?.preflight(push))
    }
}
