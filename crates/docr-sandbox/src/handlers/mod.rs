//! What each operation does.

mod call;
mod certificates;
mod clusters;
mod credentials;
mod doors;
mod garbage;
pub(crate) mod oci;
mod page;
mod registries;
mod registry;
mod repositories;
mod subscription;

pub(crate) use call::Call;
pub(crate) use credentials::{REVOKE_PATH, revoke};

use crate::http::problem::Problem;
use crate::http::response::Response;

type Handler = fn(&mut Call<'_>) -> Result<Response, Problem>;

/// The handler of an operation of the spec.
pub(crate) fn handler(operation: &str) -> Option<Handler> {
    Some(match operation {
        "registries_list" => registries::list,
        "registries_create" => registries::create,
        "registry_get" | "registries_get" => registry::get,
        "registry_create" => registry::create,
        "registry_delete" | "registries_delete" => registry::delete,
        "registry_validate_name" | "registries_validate_name" => registry::validate_name,
        "registry_get_options" | "registries_get_options" => registry::options,
        "registry_get_subscription" | "registries_get_subscription" => subscription::get,
        "registry_update_subscription" | "registries_update_subscription" => subscription::update,
        "registry_get_dockerCredentials" | "registries_get_dockerCredentials" => credentials::mint,
        "registry_get_garbageCollection" | "registries_get_garbageCollection" => garbage::get,
        "registry_run_garbageCollection" | "registries_run_garbageCollection" => garbage::start,
        "registry_list_garbageCollections" | "registries_list_garbageCollections" => garbage::list,
        "registry_update_garbageCollection" | "registries_update_garbageCollection" => {
            garbage::update
        }
        "registry_list_repositories" => repositories::list,
        "registry_list_repositoriesV2" | "registries_list_repositoriesV2" => repositories::list_v2,
        "registries_delete_repository" => repositories::delete,
        "registry_list_repositoryTags" | "registries_list_repositoryTags" => repositories::tags,
        "registry_delete_repositoryTag" | "registries_delete_repositoryTag" => {
            repositories::delete_tag
        }
        "registry_list_repositoryManifests" | "registries_list_repositoryManifests" => {
            repositories::manifests
        }
        "registry_delete_repositoryManifest" | "registries_delete_repositoryManifest" => {
            repositories::delete_manifest
        }
        "certificates_list" => certificates::list,
        "certificates_create" => certificates::create,
        "certificates_get" => certificates::get,
        "certificates_delete" => certificates::delete,
        "kubernetes_add_registry" => clusters::add_registry,
        "kubernetes_remove_registry" => clusters::remove_registry,
        "kubernetes_add_registries" => clusters::add_registries,
        "kubernetes_remove_registries" => clusters::remove_registries,
        "account_get" => doors::account,
        "oauth_get_token_info" => doors::token_info,
        "kubernetes_list_clusters" => doors::clusters,
        "kubernetes_get_cluster" => doors::cluster,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    #[test]
    fn every_operation_of_the_spec_has_a_handler() {
        let operations = &Spec::embedded().unwrap().operations;
        let missing: Vec<_> = operations
            .iter()
            .map(|operation| &operation.id)
            .filter(|id| handler(id).is_none())
            .collect();
        assert!(!operations.is_empty());
        assert!(missing.is_empty(), "no handler for {missing:?}");
    }
}
