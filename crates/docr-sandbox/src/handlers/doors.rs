//! Operations that other clients need beside registries and certificates. They are described in `spec/doors.json`.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::page::Page;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::ids::derived_uuid;
use crate::refusal::Reason;

/// The owner of the token.
pub(super) fn account(call: &mut Call<'_>) -> Result<Response, Problem> {
    let number = call.caller + 1;
    let account = json!({
        "uuid": derived_uuid(&format!("account {number}")),
        "email": format!("sandbox-{number}@example.com"),
        "email_verified": true,
        "name": format!("Sandbox {number}"),
        "status": "active",
        "status_message": "",
        "droplet_limit": 10,
        "floating_ip_limit": 3,
        "reserved_ip_limit": 3,
        "volume_limit": 10,
        "team": { "uuid": derived_uuid(&format!("team {number}")), "name": "My Team" },
    });
    Ok(Response::json(
        StatusCode::OK,
        json!({ "account": account }),
    ))
}

/// The scopes of the token.
pub(super) fn token_info(call: &mut Call<'_>) -> Result<Response, Problem> {
    let scopes = match &call.scopes {
        Some(scopes) => json!(scopes),
        None => json!(["read", "write"]),
    };
    let info = json!({ "resource_owner_id": call.caller + 1, "scopes": scopes });
    Ok(Response::json(StatusCode::OK, info))
}

pub(super) fn clusters(call: &mut Call<'_>) -> Result<Response, Problem> {
    let page = Page::numbered(call);
    let clusters = &call.world.account_ref(call.caller).clusters;
    let shown = clusters.iter().skip(page.offset).take(page.size);
    let items = shown.map(|(uuid, cluster)| cluster.to_json(uuid)).collect();
    let body = page.wrap(call, "kubernetes_clusters", items, clusters.len());
    Ok(Response::json(StatusCode::OK, body))
}

pub(super) fn cluster(call: &mut Call<'_>) -> Result<Response, Problem> {
    let uuid = call.input.path("cluster_id");
    let clusters = &call.world.account_ref(call.caller).clusters;
    let cluster = clusters.get(uuid).ok_or(Reason::NoCluster)?.to_json(uuid);
    Ok(Response::json(
        StatusCode::OK,
        json!({ "kubernetes_cluster": cluster }),
    ))
}
