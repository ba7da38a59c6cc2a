//! Kubernetes clusters that can pull from registries.

use docr_api::types;

use crate::{
    ClusterId, RegistryName,
    call::{Core, call, with_options},
    error::{InvalidInput, Result},
};

/// The registry integration of the account's Kubernetes clusters: which clusters have the pull secret of which registry.
/// Made by [`Client::clusters`](crate::Client::clusters); does no I/O by itself.
///
/// All calls are idempotent.
///
/// ```no_run
/// use std::time::Duration;
/// use docr::{ClusterId, RegistryName};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let clusters = docr.clusters().with(|calls| calls.deadline(Duration::from_secs(20)));
/// let shop: ClusterId = "bd5f5959-5e1e-4205-a714-a914373942af".parse()?;
/// let registry: RegistryName = "acme-images".parse()?;
/// clusters.add_registries(&[shop], &[registry]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Clusters {
    core: Core,
}

with_options!(Clusters, core);

impl Clusters {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Allows clusters to pull from registries. `POST /v2/kubernetes/registries`
    ///
    /// # Errors
    ///
    /// Before a request is sent: an empty list of clusters or registries.
    /// [`is_not_found`](crate::Error::is_not_found), if the account lacks one of them.
    pub async fn add_registries(
        &self,
        clusters: &[ClusterId],
        registries: &[RegistryName],
    ) -> Result<()> {
        let body = &clusters_and_registries(clusters, registries)?;
        call!(self.core, kubernetes_add_registries.body(body))
    }

    /// Removes registries from clusters. `DELETE /v2/kubernetes/registries`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let old = "bd5f5959-5e1e-4205-a714-a914373942af".parse()?;
    /// docr.clusters().remove_registries(&[old], &["acme-images".parse()?]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_registries`](Self::add_registries).
    pub async fn remove_registries(
        &self,
        clusters: &[ClusterId],
        registries: &[RegistryName],
    ) -> Result<()> {
        let body = &clusters_and_registries(clusters, registries)?;
        call!(self.core, kubernetes_remove_registries.body(body))
    }

    /// Allows clusters to pull from the account's only registry. `POST /v2/kubernetes/registry`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let shop = "bd5f5959-5e1e-4205-a714-a914373942af".parse()?;
    /// docr.clusters().add_legacy_registry(&[shop]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an empty list of clusters.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry or lacks a cluster.
    pub async fn add_legacy_registry(&self, clusters: &[ClusterId]) -> Result<()> {
        let body = &only_clusters(clusters)?;
        call!(self.core, kubernetes_add_registry.body(body))
    }

    /// Removes the account's only registry from clusters. `DELETE /v2/kubernetes/registry`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let old = "bd5f5959-5e1e-4205-a714-a914373942af".parse()?;
    /// docr.clusters().remove_legacy_registry(&[old]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_legacy_registry`](Self::add_legacy_registry).
    pub async fn remove_legacy_registry(&self, clusters: &[ClusterId]) -> Result<()> {
        let body = &only_clusters(clusters)?;
        call!(self.core, kubernetes_remove_registry.body(body))
    }
}

fn only_clusters(clusters: &[ClusterId]) -> Result<types::ClusterRegistry, InvalidInput> {
    let cluster_uuids = texts("clusters", clusters)?;
    Ok(types::ClusterRegistry { cluster_uuids })
}

fn clusters_and_registries(
    clusters: &[ClusterId],
    registries: &[RegistryName],
) -> Result<types::ClusterRegistries, InvalidInput> {
    Ok(types::ClusterRegistries {
        cluster_uuids: texts("clusters", clusters)?,
        registries: texts("registries", registries)?,
    })
}

/// The names for the request. With an empty list the call would do nothing and report success.
fn texts(field: &'static str, names: &[impl AsRef<str>]) -> Result<Vec<String>, InvalidInput> {
    if names.is_empty() {
        return Err(InvalidInput::new(
            field,
            "",
            "is empty; at least one is required",
        ));
    }
    Ok(names.iter().map(|name| name.as_ref().to_owned()).collect())
}
