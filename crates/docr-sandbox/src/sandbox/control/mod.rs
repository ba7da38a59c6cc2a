//! Control of the sandbox over HTTP, under `/_docr/v1`, for test suites in any language: what
//! [`Sandbox`](crate::Sandbox) is for Rust.

mod body;
mod door;
mod events;
mod openapi;
mod requests;
mod scripts;
mod snapshots;
mod steering;
mod world;

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{Method, StatusCode, header, request};
use axum::response::{IntoResponse, Response};

use self::door::{Door, Given, Refusal};
use super::service::Service;
use crate::http::stream::read_whole;

/// The largest body that is accepted: a seed can be long.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The former name of `/v1/responses`, whose field `response` was called `answer`.
const FORMER_RESPONSES: &str = "/v1/answers";

static DOORS: LazyLock<Vec<Door>> = LazyLock::new(|| {
    [
        steering::doors(),
        world::doors(),
        scripts::doors(),
        snapshots::doors(),
        requests::doors(),
    ]
    .into_iter()
    .flatten()
    .collect()
});

/// Responds to a request to a path below `/_docr`, such as `/v1/reset`.
pub(super) async fn serve(
    service: &Arc<Service>,
    request: &request::Parts,
    path: &str,
    body: Body,
) -> Response {
    match respond(service, request, path, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn respond(
    service: &Arc<Service>,
    request: &request::Parts,
    path: &str,
    mut body: Body,
) -> Result<Response, Refusal> {
    refuse_other_sites(request)?;
    if path == "/openapi.json" {
        only_get(request)?;
        return Ok(axum::Json(openapi::description(&DOORS)).into_response());
    }
    if path == "/v1/events" {
        only_get(request)?;
        return Ok(events::stream(service));
    }
    let path = match path {
        FORMER_RESPONSES => "/v1/responses",
        other => other,
    };
    let matching: Vec<_> = DOORS
        .iter()
        .filter_map(|door| Some((door, door.parameters(path)?)))
        .collect();
    if matching.is_empty() {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("/_docr{path} not found; see /_docr/openapi.json for all paths"),
        ));
    }
    let methods: Vec<_> = matching.iter().map(|(door, _)| &door.method).collect();
    let refusal = other_method(request, &methods);
    let mut matching = matching.into_iter();
    let chosen = matching.find(|(door, _)| door.method == request.method);
    let (door, parameters) = chosen.ok_or(refusal)?;
    let body = read_whole(&mut body, BODY_LIMIT).await.map_err(|_| {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 64 MiB or incomplete",
        )
    })?;
    let given = Given {
        parameters,
        uri: &request.uri,
        headers: &request.headers,
        body: &body,
    };
    let response = (door.run)(service, &given)?;
    // A change is saved before it is confirmed.
    service.save().map_err(|error| {
        let message = format!("the sandbox can't save its data: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    })?;
    Ok(response)
}

fn only_get(request: &request::Parts) -> Result<(), Refusal> {
    match request.method {
        Method::GET => Ok(()),
        _ => Err(other_method(request, &[&Method::GET])),
    }
}

fn other_method(request: &request::Parts, methods: &[&Method]) -> Refusal {
    let allowed: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    let allowed = allowed.join(", ");
    let message = format!("{} supports only {allowed}", request.uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).allowing(allowed)
}

/// Refuses requests from pages of other sites that are open in a browser.
fn refuse_other_sites(request: &request::Parts) -> Result<(), Refusal> {
    let header = |name| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let Some(origin) = header(header::ORIGIN) else {
        return Ok(());
    };
    let site = origin.split_once("://").map(|(_, site)| site);
    if site.is_some() && site == header(header::HOST) {
        return Ok(());
    }
    let message = format!("pages of {origin:?} may not control this sandbox");
    Err(Refusal::new(StatusCode::FORBIDDEN, message))
}
