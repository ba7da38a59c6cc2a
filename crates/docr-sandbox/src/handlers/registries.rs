//! All registries of an account.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::registry::{add, asked_tier, new_name};
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::refusal::Reason;

pub(super) fn list(call: &mut Call<'_>) -> Result<Response, Problem> {
    let account = call.account();
    let registries: Vec<_> = account
        .registries
        .iter()
        .map(|registry| account.bare_registry_json(registry))
        .collect();
    Ok(Response::json(
        StatusCode::OK,
        json!({
            "registries": registries,
            "total_storage_usage_bytes": account.usage().storage_bytes,
        }),
    ))
}

/// Needs a tier for the first registry only.
pub(super) fn create(call: &mut Call<'_>) -> Result<Response, Problem> {
    const TIER: &str = "subscription_tier_slug";
    let name = new_name(call)?;
    let current = call.account().subscription.as_ref();
    let tier = match (current.map(|current| current.tier), call.input.text(TIER)) {
        (Some(tier), None) => tier,
        (None, None) => return Err(Reason::NoTier.into()),
        (_, Some(_)) => asked_tier(call, TIER)?,
    };
    add(call, name, tier)
}
