//! The report of what is stored.

use std::{cmp::Reverse, collections::BTreeMap};

use chrono::{DateTime, Utc};
use docr::{Registry, RegistryName, RepositoryUsage, StorageBytes, SubscriptionTier};
use serde::Serialize;

pub(super) struct Report {
    pub(super) registry: String,
    /// The bytes in this registry as last measured by the service, and the time of that.
    pub(super) measured: Option<u64>,
    pub(super) measured_at: Option<DateTime<Utc>>,
    pub(super) tier: String,
    pub(super) storage: Share,
    pub(super) repositories: Share,
    by_repository: BTreeMap<String, RepositoryUsage>,
}

/// The share of the tier that all registries of the account use; `included` is `None` if unlimited.
#[derive(Serialize)]
pub(super) struct Share {
    pub(super) used: u64,
    pub(super) included: Option<u64>,
}

/// The report as JSON.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    registry: &'a str,
    registry_bytes: Option<u64>,
    registry_bytes_measured_at: Option<DateTime<Utc>>,
    tier: &'a str,
    storage: &'a Share,
    repositories: &'a Share,
    by_repository: Vec<Row>,
}

/// A repository of the report.
#[derive(Clone, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// `None` if unknown.
    pub(super) bytes: Option<u64>,
    pub(super) at_least_bytes: u64,
    pub(super) tags: Option<u64>,
    pub(super) manifests: Option<u64>,
}

impl Report {
    pub(super) fn new(
        name: &RegistryName,
        tier: &SubscriptionTier,
        registries: &[Registry],
        elsewhere: u64,
        repositories: Vec<RepositoryUsage>,
    ) -> Self {
        let repositories = repositories.into_iter();
        let by_repository: BTreeMap<_, _> =
            repositories.map(|one| (one.name.clone(), one)).collect();
        let this = registries
            .iter()
            .find(|registry| registry.name == name.as_str());
        let bytes = registries
            .iter()
            .filter_map(|registry| registry.storage_usage_bytes);
        Self {
            registry: name.to_string(),
            measured: this.and_then(|registry| registry.storage_usage_bytes),
            measured_at: this.and_then(|registry| registry.storage_usage_bytes_updated_at),
            tier: tier.slug.to_string(),
            storage: Share {
                used: bytes.fold(0, u64::saturating_add),
                included: tier.included_storage_bytes,
            },
            repositories: Share {
                used: elsewhere.saturating_add(by_repository.len() as u64),
                // The service reports 0 for an unlimited number.
                included: tier.included_repositories.filter(|included| *included > 0),
            },
            by_repository,
        }
    }

    /// The repositories whose exact size is not known yet.
    pub(super) fn open(&self) -> impl Iterator<Item = &RepositoryUsage> {
        self.by_repository
            .values()
            .filter(|repository| repository.storage.exact().is_none())
    }

    /// Updates a repository.
    pub(super) fn take_in(&mut self, read: RepositoryUsage) {
        self.by_repository.insert(read.name.clone(), read);
    }

    /// The size of the largest repository, as far as known.
    pub(super) fn most(&self) -> u64 {
        let bytes = self
            .by_repository
            .values()
            .map(|one| one.storage.at_least());
        bytes.max().unwrap_or(0)
    }

    /// The repositories, the largest first.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.by_repository.values().map(Row::new).collect();
        rows.sort_by(|a, b| {
            let order = |row: &Row| Reverse(row.at_least_bytes);
            (order(a), &a.name).cmp(&(order(b), &b.name))
        });
        rows
    }

    pub(super) fn json(&self) -> Json<'_> {
        Json {
            registry: &self.registry,
            registry_bytes: self.measured,
            registry_bytes_measured_at: self.measured_at,
            tier: &self.tier,
            storage: &self.storage,
            repositories: &self.repositories,
            by_repository: self.rows(),
        }
    }
}

impl Row {
    fn new(usage: &RepositoryUsage) -> Self {
        Self {
            name: usage.name.clone(),
            bytes: usage.storage.exact(),
            at_least_bytes: usage.storage.at_least(),
            tags: usage.tags,
            manifests: usage.manifests,
        }
    }

    pub(super) fn storage(&self) -> StorageBytes {
        self.bytes.map_or(
            StorageBytes::AtLeast(self.at_least_bytes),
            StorageBytes::Exactly,
        )
    }
}
