//! `docr cluster`

mod link;
mod unlink;

use docr::{ClusterId, RegistryName};
use serde_json::json;

use crate::output::{Output, Subject};

noun! {
    /// Kubernetes clusters that may pull from registries.
    Cluster: Link(link::Link), Unlink(unlink::Unlink)
}

fn subject(clusters: &[ClusterId]) -> Subject {
    Subject::Clusters(clusters.iter().map(ToString::to_string).collect())
}

fn show(
    output: &Output,
    clusters: &[ClusterId],
    registry: &RegistryName,
    what: &str,
) -> anyhow::Result<()> {
    let lines: Vec<_> = clusters
        .iter()
        .map(|cluster| format!("Cluster {cluster} {what} registry {registry}."))
        .collect();
    let json = json!({ "clusters": clusters, "registry": registry });
    output.show(lines.join("\n"), &json)
}
