//! Which Kubernetes clusters may pull from which registries.

use axum::http::StatusCode;

use super::call::Call;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::refusal::Reason;

pub(super) fn add_registry(call: &mut Call<'_>) -> Result<Response, Problem> {
    let registries = vec![call.account().only_registry()?.name.clone()];
    change(call, registries, true)
}

pub(super) fn remove_registry(call: &mut Call<'_>) -> Result<Response, Problem> {
    let registries = vec![call.account().only_registry()?.name.clone()];
    change(call, registries, false)
}

pub(super) fn add_registries(call: &mut Call<'_>) -> Result<Response, Problem> {
    let registries = named_registries(call)?;
    change(call, registries, true)
}

pub(super) fn remove_registries(call: &mut Call<'_>) -> Result<Response, Problem> {
    let registries = named_registries(call)?;
    change(call, registries, false)
}

fn named_registries(call: &mut Call<'_>) -> Result<Vec<String>, Problem> {
    let names = call.input.texts("registries");
    let own = &call.account().registries;
    match names
        .iter()
        .find(|name| !own.iter().any(|registry| registry.name == **name))
    {
        Some(_) => Err(Reason::NoRegistry.into()),
        None => Ok(names),
    }
}

/// Changes all given clusters, or none.
fn change(call: &mut Call<'_>, registries: Vec<String>, add: bool) -> Result<Response, Problem> {
    let uuids = call.input.texts("cluster_uuids");
    let clusters = &mut call.account().clusters;
    if !uuids.iter().all(|uuid| clusters.contains_key(uuid)) {
        return Err(Reason::NoCluster.into());
    }
    let named = clusters.iter_mut().filter(|(uuid, _)| uuids.contains(uuid));
    for (_, cluster) in named {
        for registry in &registries {
            if add {
                cluster.registries.insert(registry.clone());
            } else {
                cluster.registries.remove(registry);
            }
        }
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
