//! `docr cluster`

mod link;
mod unlink;

use docr::{ClusterId, RegistryName};
use serde_json::json;

use crate::{
    clusters::FoundCluster,
    output::{Output, Subject},
};

noun! {
    /// Link Kubernetes clusters to registries that they pull from.
    Cluster: Link(link::Link), Unlink(unlink::Unlink)
}

fn subject(clusters: &[FoundCluster]) -> Subject {
    Subject::Clusters(clusters.iter().map(ToString::to_string).collect())
}

fn ids(clusters: &[FoundCluster]) -> Vec<ClusterId> {
    clusters.iter().map(|cluster| cluster.id.clone()).collect()
}

fn show(
    output: &Output,
    clusters: &[FoundCluster],
    registry: &RegistryName,
    what: &str,
) -> anyhow::Result<()> {
    let lines: Vec<_> = clusters
        .iter()
        .map(|cluster| format!("Cluster {cluster} {what} registry {registry}."))
        .collect();
    let json = json!({ "clusters": ids(clusters), "registry": registry });
    output.show(lines.join("\n"), &json)
}
