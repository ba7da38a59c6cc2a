//! Kubernetes clusters, as far as registries are concerned.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::seconds;
use super::ids::derived_uuid;

/// A running cluster.
#[derive(Clone, Deserialize, Serialize)]
#[serde(from = "Written")]
pub(crate) struct Cluster {
    /// Its name; by default it is named after its UUID.
    name: Option<String>,
    created_at: DateTime<Utc>,
    /// The names of the registries that it may pull from.
    pub(crate) registries: BTreeSet<String>,
}

/// A cluster as it is saved. Older files have only its registries.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Registries(BTreeSet<String>),
    Whole {
        name: Option<String>,
        created_at: DateTime<Utc>,
        registries: BTreeSet<String>,
    },
}

impl From<Written> for Cluster {
    fn from(written: Written) -> Self {
        match written {
            Written::Registries(registries) => Self {
                registries,
                ..Self::new(None, DateTime::UNIX_EPOCH)
            },
            Written::Whole {
                name,
                created_at,
                registries,
            } => Self {
                name,
                created_at,
                registries,
            },
        }
    }
}

impl Cluster {
    pub(crate) fn new(name: Option<String>, now: DateTime<Utc>) -> Self {
        Self {
            name,
            created_at: now,
            registries: BTreeSet::new(),
        }
    }

    pub(crate) fn name(&self, uuid: &str) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("cluster-{}", uuid.split('-').next().unwrap_or_default()),
        }
    }

    /// A small cluster; only the name, the times and the registries are not constant.
    pub(crate) fn to_json(&self, uuid: &str) -> Value {
        let name = self.name(uuid);
        json!({
            "id": uuid,
            "name": name,
            "region": "fra1",
            "version": "1.34.1-do.0",
            "cluster_subnet": "10.244.0.0/16",
            "service_subnet": "10.245.0.0/16",
            "vpc_uuid": derived_uuid("vpc"),
            "ipv4": "192.0.2.1",
            "endpoint": format!("https://{uuid}.k8s.example.com"),
            "tags": ["k8s", format!("k8s:{uuid}")],
            "node_pools": [{
                "id": derived_uuid(&format!("pool of {uuid}")),
                "name": format!("{name}-pool"),
                "size": "s-2vcpu-4gb",
                "count": 2,
                "tags": ["k8s", format!("k8s:{uuid}"), "k8s:worker"],
                "labels": {},
                "taints": [],
                "auto_scale": false,
                "min_nodes": 0,
                "max_nodes": 0,
                "nodes": [],
            }],
            "maintenance_policy": { "day": "any", "duration": "4h0m0s", "start_time": "00:00" },
            "auto_upgrade": false,
            "surge_upgrade": true,
            "ha": false,
            "registry_enabled": !self.registries.is_empty(),
            "registries": self.registries,
            "status": { "state": "running", "message": "" },
            "created_at": seconds(self.created_at),
            "updated_at": seconds(self.created_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_read_as_it_was_written_at_first_and_as_it_is_written_now() {
        let first: Cluster = serde_json::from_value(json!(["acme"])).unwrap();
        assert!(first.registries.contains("acme"));
        let named = Cluster::new(Some("staging".to_owned()), DateTime::UNIX_EPOCH);
        let written = serde_json::to_value(&named).unwrap();
        let read: Cluster = serde_json::from_value(written).unwrap();
        assert_eq!(read.to_json("a-b")["name"], "staging");
        assert_eq!(first.to_json("a-b")["name"], "cluster-a");
    }
}
