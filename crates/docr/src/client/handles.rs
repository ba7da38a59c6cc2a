//! The handles that a client makes. They know nothing of the client: this is the one place that knows both.

use super::Client;
use crate::{Certificates, Clusters, LegacyRegistry, Registries, RegistryHandle, RegistryName};

impl Client {
    /// All registries of the account, its subscription and its options.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let subscription = docr.registries().subscription().await?;
    /// println!("tier {}", subscription.tier.slug);
    /// # Ok(())
    /// # }
    /// ```
    pub fn registries(&self) -> Registries {
        Registries::new(self.core.clone())
    }

    /// One registry, by its name.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = docr.registry("acme-images".parse()?).get().await?;
    /// println!("{:?} bytes in {:?}", registry.storage_usage_bytes, registry.region);
    /// # Ok(())
    /// # }
    /// ```
    pub fn registry(&self, name: RegistryName) -> RegistryHandle {
        RegistryHandle::new(self.core.clone(), name)
    }

    /// The registry of an account that has exactly one, by the service's older calls under `/v2/registry`.
    /// [`registries`](Self::registries) and [`registry`](Self::registry) do all of this for any account.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// if let Some(registry) = docr.legacy_registry().get_opt().await? {
    ///     println!("the account's registry is {}", registry.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn legacy_registry(&self) -> LegacyRegistry {
        LegacyRegistry::new(self.core.clone())
    }

    /// The account's TLS certificates.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let certificate = docr.certificates().get_by_name("shop-front").await?;
    /// println!("valid until {:?}", certificate.not_after);
    /// # Ok(())
    /// # }
    /// ```
    pub fn certificates(&self) -> Certificates {
        Certificates::new(self.core.clone())
    }

    /// The registry integration of the account's Kubernetes clusters.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let shop = "bd5f5959-5e1e-4205-a714-a914373942af".parse()?;
    /// docr.clusters().add_registries(&[shop], &["acme-images".parse()?]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clusters(&self) -> Clusters {
        Clusters::new(self.core.clone())
    }
}
