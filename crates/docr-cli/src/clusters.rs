//! Finding Kubernetes clusters by name. The SDK has no call that lists them, since they are not about registries.

use std::{fmt, str::FromStr};

use anyhow::{Result, anyhow};
use docr::{Client, ClusterId, Method};
use serde::Deserialize;

use crate::{
    names::listed,
    output::{About as _, Subject, WrongInput},
};

const PATH: &str = "/v2/kubernetes/clusters";
/// The service's maximum.
const PAGE: usize = 200;

/// A cluster as given on the command line: a UUID is its id, anything else its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClusterArgument {
    Id(ClusterId),
    Name(String),
}

impl FromStr for ClusterArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse(), text.trim()) {
            (Ok(id), _) => Ok(Self::Id(id)),
            (_, "") => Err("empty; give the name or id of a cluster".to_owned()),
            (_, name) => Ok(Self::Name(name.to_owned())),
        }
    }
}

/// A cluster whose id is known.
pub(crate) struct FoundCluster {
    pub(crate) id: ClusterId,
    /// `None` if it was named by its id.
    name: Option<String>,
}

impl fmt::Display for FoundCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => self.id.fmt(f),
        }
    }
}

/// Finds clusters, without duplicates. Lists them only if some are given by name.
///
/// # Errors
///
/// A name that no cluster or several have; a token that may not list clusters.
pub(crate) async fn find(docr: &Client, wanted: Vec<ClusterArgument>) -> Result<Vec<FoundCluster>> {
    let has_names = wanted
        .iter()
        .any(|cluster| matches!(cluster, ClusterArgument::Name(_)));
    let all = match has_names {
        true => list(docr).await.about(|| Subject::ClusterList)?,
        false => Vec::new(),
    };
    let mut found: Vec<FoundCluster> = Vec::new();
    for cluster in wanted {
        let cluster = match cluster {
            ClusterArgument::Id(id) => FoundCluster { id, name: None },
            ClusterArgument::Name(name) => FoundCluster {
                id: id_of(&name, &all)?,
                name: Some(name),
            },
        };
        if !found.iter().any(|other| other.id == cluster.id) {
            found.push(cluster);
        }
    }
    Ok(found)
}

fn id_of(name: &str, all: &[Listed]) -> Result<ClusterId> {
    let named: Vec<_> = all.iter().filter(|cluster| cluster.name == name).collect();
    match named.as_slice() {
        [only] => Ok(only.id.parse()?),
        [] => Err(anyhow!(
            "cluster {name:?} does not exist in this account; available: {}",
            listed(all.iter().map(|cluster| &cluster.name))
        )),
        several => Err(WrongInput(format!(
            "several clusters are named {name:?}: choose one by its id: {}",
            listed(several.iter().map(|cluster| &cluster.id))
        ))
        .into()),
    }
}

/// The names of all clusters.
pub(crate) async fn names(docr: &Client) -> docr::Result<Vec<String>> {
    let all = list(docr).await?;
    Ok(all.into_iter().map(|cluster| cluster.name).collect())
}

async fn list(docr: &Client) -> docr::Result<Vec<Listed>> {
    let mut all = Vec::new();
    for number in 1.. {
        let request = docr.request(Method::GET, PATH);
        let request = request.query("page", number).query("per_page", PAGE);
        let page: Page = request.send().await?;
        let clusters = page.kubernetes_clusters.unwrap_or_default();
        let is_known = |cluster: &Listed| all.iter().any(|known: &Listed| known.id == cluster.id);
        // A server that repeats a page would do so for ever.
        let is_last = clusters.len() < PAGE || clusters.iter().all(is_known);
        all.extend(clusters);
        if is_last {
            break;
        }
    }
    Ok(all)
}

#[derive(Deserialize)]
struct Page {
    kubernetes_clusters: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "d81a8d2b-5a44-45ac-9b01-602b100b9ed7";

    #[test]
    fn a_uuid_is_an_id_and_anything_else_a_name() {
        let read = |text: &str| text.parse::<ClusterArgument>();
        assert_eq!(read(ID), Ok(ClusterArgument::Id(ID.parse().unwrap())));
        assert_eq!(
            read(" staging "),
            Ok(ClusterArgument::Name("staging".to_owned()))
        );
        assert!(read(" ").is_err());
    }

    #[test]
    fn a_name_that_is_not_unique_or_unknown_is_refused_with_the_choices() {
        let cluster = |id: &str, name: &str| Listed {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        let other = ID.replace('d', "e");
        let all = [
            cluster(ID, "staging"),
            cluster(&other, "live"),
            cluster(ID, "live"),
        ];
        assert_eq!(id_of("staging", &all).unwrap(), *ID);
        let error = id_of("none", &all).unwrap_err().to_string();
        assert_eq!(
            error,
            "cluster \"none\" does not exist in this account; available: staging, live, live"
        );
        let error = id_of("live", &all).unwrap_err().to_string();
        assert!(
            error.contains(&format!("choose one by its id: {other}, {ID}")),
            "{error}"
        );
        let error = id_of("none", &[]).unwrap_err().to_string();
        assert!(error.ends_with("available: none"), "{error}");
    }
}
