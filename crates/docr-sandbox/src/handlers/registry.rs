//! One registry: that in the path, or an account's only one.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::registry::Registry;
use crate::model::tier::{TIERS, Tier, Usage};
use crate::refusal::{Reason, Refusal};

const DEFAULT_REGION: &str = "nyc3";

pub(super) fn get(call: &mut Call<'_>) -> Result<Response, Problem> {
    let account = call.world.account_ref(call.caller);
    let registry = account.registry_json(call.registry()?);
    Ok(Response::json(
        StatusCode::OK,
        json!({ "registry": registry }),
    ))
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Response, Problem> {
    let name = new_name(call);
    let tier = asked_tier(call, "subscription_tier_slug")?;
    if call.world.has_registry(&name) {
        return Err(Reason::NameTaken.into());
    }
    if !call.account().registries.is_empty() {
        return Err(Reason::SecondRegistry.into());
    }
    add(call, name, tier)
}

/// Creates a registry and moves the account to a tier.
pub(super) fn add(
    call: &mut Call<'_>,
    name: String,
    tier: &'static Tier,
) -> Result<Response, Problem> {
    let now = call.now;
    let region = call.input.text("region").unwrap_or(DEFAULT_REGION);
    let registry = Registry::new(name, region.to_owned(), now);
    if call.world.has_registry(&registry.name) {
        return Err(Reason::NameTaken.into());
    }
    let account = call.account();
    account.check_tier(tier, account.registries.len() + 1)?;
    account.subscribe(tier, now);
    let body = json!({ "registry": account.registry_json(&registry) });
    account.registries.push(registry);
    Ok(Response::json(StatusCode::CREATED, body))
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Response, Problem> {
    let place = call.registry_place()?;
    let account = call.account();
    let gone = account.registries.remove(place);
    for cluster in account.clusters.values_mut() {
        cluster.registries.remove(&gone.name);
    }
    if account.registries.is_empty() {
        account.subscription = None;
        account.extra = Usage::default();
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

pub(super) fn validate_name(call: &mut Call<'_>) -> Result<Response, Problem> {
    let name = new_name(call);
    if call.world.has_registry(&name) {
        return Err(Reason::NameTaken.into());
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

pub(super) fn options(call: &mut Call<'_>) -> Result<Response, Problem> {
    let account = call.account();
    let (usage, registries) = (account.usage(), account.registries.len());
    let tiers: Vec<_> = TIERS
        .iter()
        .map(|tier| {
            let obstacles = tier.obstacles(usage, registries);
            let mut option = tier.to_json();
            option["eligible"] = json!(obstacles.is_empty());
            if !obstacles.is_empty() {
                option["eligibility_reasons"] = json!(obstacles);
            }
            option
        })
        .collect();
    let options = json!({ "available_regions": call.spec.regions, "subscription_tiers": tiers });
    Ok(Response::json(
        StatusCode::OK,
        json!({ "options": options }),
    ))
}

/// The name in the body, validated by the spec.
pub(super) fn new_name(call: &Call<'_>) -> String {
    call.input.text("name").unwrap_or_default().to_owned()
}

pub(super) fn asked_tier(call: &Call<'_>, field: &str) -> Result<&'static Tier, Refusal> {
    let asked = call.input.text(field).and_then(Tier::by_slug);
    // The spec may know a tier that the sandbox doesn't.
    asked.ok_or_else(|| Reason::Invalid.about(format!("{field}: must be a tier of the sandbox")))
}
