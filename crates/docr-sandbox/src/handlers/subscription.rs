//! The account's subscription.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::registry::asked_tier;
use crate::http::problem::Problem;
use crate::http::response::Response;

pub(super) fn get(call: &mut Call<'_>) -> Result<Response, Problem> {
    let subscription = call.account().subscription()?;
    Ok(Response::json(
        StatusCode::OK,
        json!({ "subscription": subscription.to_json() }),
    ))
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Response, Problem> {
    let now = call.now;
    let tier = asked_tier(call, "tier_slug")?;
    let account = call.account();
    if account.subscription()?.tier.slug != tier.slug {
        account.check_tier(tier, account.registries.len())?;
        account.subscribe(tier, now);
    }
    get(call)
}
