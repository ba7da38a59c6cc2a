//! Garbage collections.

use axum::http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::page::Page;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::collection::{DEFAULT_TYPE, Run};
use crate::refusal::Reason;

pub(super) fn start(call: &mut Call<'_>) -> Result<Response, Problem> {
    if call.registry()?.active_run().is_some() {
        return Err(Reason::CollectionActive.into());
    }
    let kind = call.input.text("type").unwrap_or(DEFAULT_TYPE).to_owned();
    let (uuid, timing, now) = (call.world.ids.uuid(), call.world.gc_timing, call.now);
    let written_until = call.world.tokens.written_until(&call.registry()?.name, now);
    let registry = call.registry_mut()?;
    let run = Run::new(uuid, &kind, timing, written_until, now);
    registry.begin_run(run, now);
    active_or_last(call, StatusCode::CREATED)
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Response, Problem> {
    let registry = call.registry()?;
    let run = registry.active_run().ok_or(Reason::NoActiveCollection)?;
    let body = json!({ "garbage_collection": run.to_json(&registry.name) });
    Ok(Response::json(StatusCode::OK, body))
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Response, Problem> {
    let page = Page::numbered(call);
    let registry = call.registry()?;
    let newest = registry.runs.iter().rev();
    let items = newest
        .skip(page.offset)
        .take(page.size)
        .map(|run| run.to_json(&registry.name))
        .collect();
    let body = page.wrap(call, "garbage_collections", items, registry.runs.len());
    Ok(Response::json(StatusCode::OK, body))
}

/// Cancels the active run if requested, and returns it.
pub(super) fn update(call: &mut Call<'_>) -> Result<Response, Problem> {
    let uuid = call.input.path("garbage_collection_uuid").to_owned();
    let (cancel, now) = (call.input.flag("cancel").unwrap_or(false), call.now);
    let registry = call.registry_mut()?;
    let run = registry
        .runs
        .last_mut()
        .filter(|run| run.uuid == uuid && run.is_active())
        .ok_or(Reason::NoSuchCollection)?;
    if cancel {
        run.cancel(now);
        registry.settle(now);
    }
    active_or_last(call, StatusCode::OK)
}

fn active_or_last(call: &Call<'_>, status: StatusCode) -> Result<Response, Problem> {
    let registry = call.registry()?;
    let run = registry.runs.last().map(|run| run.to_json(&registry.name));
    Ok(Response::json(status, json!({ "garbage_collection": run })))
}
