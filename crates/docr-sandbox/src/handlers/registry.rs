//! The registry of an account that owns one.

use axum::http::StatusCode;
use serde_json::json;

use super::Call;
use crate::account::{Registry, Subscription, Usage};
use crate::answer::{Answer, Problem};
use crate::tier::{TIERS, Tier};

const DEFAULT_REGION: &str = "nyc3";

pub(super) fn get(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let account = call.account();
    let registry = account.only_registry()?;
    Ok(Answer::json(
        StatusCode::OK,
        json!({ "registry": account.registry_json(registry) }),
    ))
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let now = call.now;
    let name = new_name(call)?;
    let tier = asked_tier(call, "subscription_tier_slug")?;
    let region = call
        .input
        .text("region")
        .unwrap_or(DEFAULT_REGION)
        .to_owned();

    if !call.account().registries.is_empty() {
        return Err(Problem::unprocessable(
            "The account already has a registry.",
        ));
    }
    if call.world.has_registry(&name) {
        return Err(Problem::conflict("The registry name is taken."));
    }
    let account = call.account();
    account.check_tier(tier, 1)?;
    account.registries.push(Registry {
        name,
        region,
        created_at: now,
    });
    account.subscription = Some(Subscription {
        tier,
        created_at: now,
        updated_at: now,
    });
    account.measure(account.usage, now);

    get(call).map(|answer| Answer {
        status: StatusCode::CREATED,
        ..answer
    })
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let now = call.now;
    let account = call.account();
    account.only_registry()?;
    account.registries.clear();
    account.subscription = None;
    account.measure(Usage::default(), now);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn validate_name(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let name = new_name(call)?;
    if call.world.has_registry(&name) {
        return Err(Problem::conflict("The registry name is taken."));
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn options(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let account = call.account();
    let (usage, registries) = (account.usage, account.registries.len());
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
    Ok(Answer::json(StatusCode::OK, json!({ "options": options })))
}

/// The body's name, held against the rules that only a new registry's name must keep.
fn new_name(call: &Call<'_>) -> Result<String, Problem> {
    let name = call.input.text("name").unwrap_or_default();
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(Problem::unprocessable("name: must begin with a letter"));
    }
    if name.ends_with('-') {
        return Err(Problem::unprocessable(
            "name: must end with a letter or a digit",
        ));
    }
    Ok(name.to_owned())
}

pub(super) fn asked_tier(call: &Call<'_>, field: &str) -> Result<&'static Tier, Problem> {
    call.input
        .text(field)
        .and_then(Tier::by_slug)
        .ok_or_else(|| {
            Problem::unprocessable(format!("{field}: names no tier that the sandbox knows"))
        })
}
