//! The part of a description that is compared: our paths. Related operations are reported.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{difference::Difference, facts::entries};
use crate::spec;

/// The report about an operation on the same subject.
pub(super) const NEARBY: &str = "a related operation that ours lacks";

/// The paths of a description.
pub(super) fn paths(document: &Value) -> BTreeSet<&str> {
    entries(&document["paths"])
        .map(|(path, _)| path.as_str())
        .collect()
}

/// The operations of theirs on other paths.
#[derive(Default)]
pub(super) struct Rest {
    /// Operations on the same subject.
    pub(super) nearby: Vec<Difference>,
    /// The number of all others.
    pub(super) elsewhere: usize,
}

/// Sorts the operations on other paths.
pub(super) fn rest(theirs: &Value, ours: &BTreeSet<&str>) -> Rest {
    let mut rest = Rest::default();
    for (path, item) in entries(&theirs["paths"]) {
        if ours.contains(path.as_str()) {
            continue;
        }
        let operations = operations_of(path, item);
        if is_nearby(path) {
            rest.nearby.extend(operations.map(|at| Difference {
                at,
                what: NEARBY.into(),
            }));
        } else {
            rest.elsewhere += operations.count();
        }
    }
    rest
}

/// The operations of a path, such as `GET /v2/registry`; only the path if they are in another file.
fn operations_of(path: &str, item: &Value) -> impl Iterator<Item = String> {
    let present = spec::METHODS
        .into_iter()
        .filter(|method| item.get(method).is_some());
    let operations = present.map(move |method| format!("{} {path}", method.to_uppercase()));
    let unread = item.get("$ref").map(|_| path.to_owned());
    operations.chain(unread)
}

/// Whether a path is about registries or certificates.
fn is_nearby(path: &str) -> bool {
    let mut segments = path
        .split('/')
        .skip_while(|part| matches!(*part, "" | "v2"));
    match segments.next() {
        Some("registry" | "registries" | "certificates") => true,
        Some("kubernetes") => segments.any(|segment| segment.contains("registr")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_and_certificates_are_in_scope_and_the_rest_of_clusters_is_not() {
        for path in [
            "/v2/registry",
            "/v2/registries/{registry_name}/scans",
            "/v2/certificates/{id}/renewals",
            "/v2/kubernetes/clusters/{id}/registry",
            "/registry",
        ] {
            assert!(is_nearby(path), "{path}");
        }
        for path in ["/v2/registrars", "/v2/kubernetes/clusters", "/v2/droplets"] {
            assert!(!is_nearby(path), "{path}");
        }
    }
}
