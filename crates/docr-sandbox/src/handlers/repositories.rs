//! Repositories, their tags and their manifests.

use axum::http::StatusCode;
use serde::Serialize;

use super::call::Call;
use super::page::Page;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::model::registry::Registry;
use crate::model::repository::Repository;
use crate::refusal::Reason;

pub(super) fn list(call: &mut Call<'_>) -> Result<Response, Problem> {
    let page = Page::numbered(call);
    list_as(call, &page, Repository::to_json)
}

pub(super) fn list_v2(call: &mut Call<'_>) -> Result<Response, Problem> {
    // An unknown registry is reported before an invalid page token.
    call.registry()?;
    let page = Page::with_token(call)?;
    list_as(call, &page, Repository::to_json_v2)
}

fn list_as(
    call: &mut Call<'_>,
    page: &Page,
    to_json: fn(&Repository, &str) -> serde_json::Value,
) -> Result<Response, Problem> {
    let registry = call.registry()?;
    let all = registry.store.repositories();
    let shown = all.iter().skip(page.offset).take(page.size);
    let (items, total) = (
        shown.map(|one| to_json(one, &registry.name)).collect(),
        all.len(),
    );
    let body = page.wrap(call, "repositories", items, total);
    Ok(Response::json_later(StatusCode::OK, body))
}

pub(super) fn tags(call: &mut Call<'_>) -> Result<Response, Problem> {
    list_of(call, "tags", Repository::tag_count, Repository::tag_rows)
}

pub(super) fn manifests(call: &mut Call<'_>) -> Result<Response, Problem> {
    list_of(
        call,
        "manifests",
        Repository::manifest_count,
        Repository::manifest_rows,
    )
}

/// A page of a repository's list, serialised again only if the repository has changed.
fn list_of<T: Serialize + Send + 'static>(
    call: &Call<'_>,
    key: &'static str,
    count: fn(&Repository) -> usize,
    rows: fn(&Repository, &str, usize, usize) -> Vec<T>,
) -> Result<Response, Problem> {
    let page = Page::numbered(call);
    let (registry, repository) = repository(call)?;
    let slot = call.pages.slot(page.key(call, repository.revision()));
    if let Some(written) = slot.get() {
        return Ok(Response::written_json(StatusCode::OK, written));
    }
    let items = rows(repository, &registry.name, page.offset, page.size);
    let body = page.wrap(call, key, items, count(repository));
    Ok(Response::json_kept(StatusCode::OK, body, slot))
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Response, Problem> {
    let name = call.input.path("repository_name").to_owned();
    let registry = writable(call)?;
    if registry.remove_repository(&name) {
        Ok(Response::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Reason::NoRepository.into())
    }
}

/// Succeeds even if there is no such tag or repository.
pub(super) fn delete_tag(call: &mut Call<'_>) -> Result<Response, Problem> {
    let name = call.input.path("repository_name").to_owned();
    let tag = call.input.path("repository_tag").to_owned();
    let registry = writable(call)?;
    if let Some(repository) = registry.store.repository_mut(&name) {
        repository.untag(&tag);
    }
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete_manifest(call: &mut Call<'_>) -> Result<Response, Problem> {
    let name = call.input.path("repository_name").to_owned();
    let digest = call.input.path("manifest_digest").to_owned();
    let takes_tags = !call.world.manifests_leave_tags;
    let registry = writable(call)?;
    registry
        .store
        .repository(&name)
        .ok_or(Reason::NoRepository)?;
    if registry.store.remove_manifest(&name, &digest, takes_tags) {
        Ok(Response::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Reason::NoManifest.into())
    }
}

fn repository<'a>(call: &'a Call<'_>) -> Result<(&'a Registry, &'a Repository), Problem> {
    let registry = call.registry()?;
    let repository = registry
        .store
        .repository(call.input.path("repository_name"));
    Ok((registry, repository.ok_or(Reason::NoRepository)?))
}

/// The registry, unless a garbage collection makes it read-only.
fn writable<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Registry, Problem> {
    let registry = call.registry_mut()?;
    if registry.active_run().is_some() {
        return Err(Reason::ReadOnly.into());
    }
    Ok(registry)
}
