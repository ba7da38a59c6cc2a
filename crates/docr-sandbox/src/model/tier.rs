//! Subscription tiers and who may move to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much an account stores.
///
/// ```
/// let usage = docr_sandbox::Usage { storage_bytes: 600 << 20, repositories: 3 };
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Bytes of storage.
    pub storage_bytes: u64,
    /// Number of repositories.
    pub repositories: u64,
}

/// A tier, what it includes and what it costs.
pub(crate) struct Tier {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    /// 0 means no limit.
    pub(crate) repositories: u64,
    pub(crate) storage_bytes: u64,
    bandwidth_bytes: u64,
    overage: bool,
    price_in_cents: u64,
    pub(crate) registries: usize,
}

pub(crate) static TIERS: [Tier; 3] = [
    Tier {
        slug: "starter",
        name: "Starter",
        repositories: 1,
        storage_bytes: 524_288_000,
        bandwidth_bytes: 524_288_000,
        overage: false,
        price_in_cents: 0,
        registries: 1,
    },
    Tier {
        slug: "basic",
        name: "Basic",
        repositories: 5,
        storage_bytes: 5_368_709_120,
        bandwidth_bytes: 5_368_709_120,
        overage: true,
        price_in_cents: 500,
        registries: 1,
    },
    Tier {
        slug: "professional",
        name: "Professional",
        repositories: 0,
        storage_bytes: 107_374_182_400,
        bandwidth_bytes: 107_374_182_400,
        overage: true,
        price_in_cents: 2000,
        registries: 10,
    },
];

impl Tier {
    pub(crate) fn by_slug(slug: &str) -> Option<&'static Self> {
        TIERS.iter().find(|tier| tier.slug == slug)
    }

    /// The number of repositories that it includes, if an account with this many can't have another one.
    pub(crate) fn limit_reached(&self, repositories: u64) -> Option<u64> {
        (self.repositories > 0 && repositories >= self.repositories).then_some(self.repositories)
    }

    /// Whether an account may store this much.
    pub(crate) fn takes_storage(&self, bytes: u64) -> bool {
        self.overage || bytes <= self.storage_bytes
    }

    /// Why an account with this usage and number of registries is not eligible for the tier.
    pub(crate) fn obstacles(&self, usage: Usage, registries: usize) -> Vec<&'static str> {
        let checks = [
            (
                self.repositories > 0 && usage.repositories > self.repositories,
                "OverRepositoryLimit",
            ),
            (!self.takes_storage(usage.storage_bytes), "OverStorageLimit"),
            (registries > self.registries, "OverRegistryLimit"),
        ];
        checks
            .into_iter()
            .filter_map(|(over, reason)| over.then_some(reason))
            .collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "slug": self.slug,
            "included_repositories": self.repositories,
            "included_storage_bytes": self.storage_bytes,
            "allow_storage_overage": self.overage,
            "included_bandwidth_bytes": self.bandwidth_bytes,
            "monthly_price_in_cents": self.price_in_cents,
            "storage_overage_price_in_cents": if self.overage { 2 } else { 0 },
        })
    }
}

/// Serialises a tier as its slug.
pub(super) mod by_slug {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Tier;

    pub(crate) fn serialize<S: Serializer>(tier: &&Tier, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(tier.slug)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<&'static Tier, D::Error> {
        let slug = String::deserialize(from)?;
        Tier::by_slug(&slug).ok_or_else(|| de::Error::custom("unknown subscription tier"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_an_obstacle_only_without_overage() {
        let usage = Usage {
            storage_bytes: 1 << 50,
            repositories: 5,
        };
        let obstacles = |slug| Tier::by_slug(slug).unwrap().obstacles(usage, 2);
        assert_eq!(
            obstacles("starter"),
            [
                "OverRepositoryLimit",
                "OverStorageLimit",
                "OverRegistryLimit"
            ]
        );
        assert_eq!(obstacles("basic"), ["OverRegistryLimit"]);
        assert!(obstacles("professional").is_empty());
    }
}
