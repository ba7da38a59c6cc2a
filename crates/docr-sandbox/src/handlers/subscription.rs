//! The account's subscription.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::registry::asked_tier;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::account::Subscription;
use crate::refusal::Refusal;

pub(super) fn get(call: &mut Call<'_>) -> Result<Response, Problem> {
    let subscription = subscription(call)?;
    Ok(Response::json(
        StatusCode::OK,
        json!({ "subscription": subscription.to_json() }),
    ))
}

/// Calls that name no registry are refused if there are several.
fn subscription<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Subscription, Refusal> {
    let several = call.legacy && call.account().registries.len() > 1;
    if several {
        call.account().only_registry()?;
    }
    call.account().subscription()
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Response, Problem> {
    let now = call.now;
    let tier = asked_tier(call, "tier_slug")?;
    if subscription(call)?.tier.slug != tier.slug {
        let account = call.account();
        account.check_tier(tier, account.registries.len())?;
        account.subscribe(tier, now);
    }
    get(call)
}
