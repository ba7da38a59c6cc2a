//! Kubernetes clusters that may pull from registries.

use docr_api::types;

use crate::{
    ClusterId, RegistryName,
    call::{Core, call, with_options},
    error::{InvalidInput, Result},
};

/// The account's Kubernetes clusters, as far as registries concern them: which clusters hold the pull secret of
/// which registry. Made by [`Client::clusters`](crate::Client::clusters); does no I/O by itself.
///
/// Every call leaves the same state however often it is made.
#[derive(Clone, Debug)]
pub struct Clusters {
    core: Core,
}

with_options!(Clusters, core);

impl Clusters {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Lets clusters pull from registries. `POST /v2/kubernetes/registries`
    ///
    /// # Errors
    ///
    /// Before a request is sent: no cluster or no registry given.
    /// [`is_not_found`](crate::Error::is_not_found), if the account lacks one of them.
    pub async fn add_registries(
        &self,
        clusters: &[ClusterId],
        registries: &[RegistryName],
    ) -> Result<()> {
        let body = &clusters_and_registries(clusters, registries)?;
        call!(self.core, kubernetes_add_registries.body(body))
    }

    /// Takes registries from clusters. `DELETE /v2/kubernetes/registries`
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

    /// Lets clusters pull from the account's one registry. `POST /v2/kubernetes/registry`
    ///
    /// # Errors
    ///
    /// Before a request is sent: no cluster given.
    /// [`is_not_found`](crate::Error::is_not_found), if the account has no registry or lacks a cluster.
    pub async fn add_legacy_registry(&self, clusters: &[ClusterId]) -> Result<()> {
        let body = &only_clusters(clusters)?;
        call!(self.core, kubernetes_add_registry.body(body))
    }

    /// Takes the account's one registry from clusters. `DELETE /v2/kubernetes/registry`
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

/// The names as they travel. An empty list would be a call that does nothing and says it succeeded.
fn texts(field: &'static str, names: &[impl AsRef<str>]) -> Result<Vec<String>, InvalidInput> {
    if names.is_empty() {
        return Err(InvalidInput::new(
            field,
            "",
            "none is given; at least one is needed",
        ));
    }
    Ok(names.iter().map(|name| name.as_ref().to_owned()).collect())
}
