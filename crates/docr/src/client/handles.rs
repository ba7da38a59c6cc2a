//! The handles that a client gives out. They hold what calls are made with, and know nothing of the client: this is the
//! one place that knows both.

use super::Client;
use crate::{Certificates, Clusters, LegacyRegistry, Registries, RegistryHandle, RegistryName};

impl Client {
    /// All registries of the account, its subscription and its options.
    pub fn registries(&self) -> Registries {
        Registries::new(self.core.clone())
    }

    /// One registry, by its name.
    pub fn registry(&self, name: RegistryName) -> RegistryHandle {
        RegistryHandle::new(self.core.clone(), name)
    }

    /// The registry of an account that has exactly one, by the service's older calls under `/v2/registry`.
    /// [`registries`](Self::registries) and [`registry`](Self::registry) do all of this for any account.
    pub fn legacy_registry(&self) -> LegacyRegistry {
        LegacyRegistry::new(self.core.clone())
    }

    /// The account's TLS certificates.
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.core.clone())
    }

    /// The account's Kubernetes clusters, as far as registries concern them.
    pub fn clusters(&self) -> Clusters {
        Clusters::new(self.core.clone())
    }
}
