//! Routes requests to the API, the registry's own protocol and the sandbox's doors, and applies faults.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Response};

use super::fault::{Effect, Strike, cut_off};
use super::request_log::{Arrival, Entry, RequestBody};
use super::script::Prepared;
use super::service::Service;
use super::{as_registry, doors};
use crate::handlers::oci;
use crate::http::body::read_body;
use crate::http::connection::Abort;
use crate::http::response::Response as Reply;
use crate::spec::Routed;

/// Responds to all requests.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(serve).with_state(service)
}

async fn serve(State(service): State<Arc<Service>>, request: Request) -> Response {
    let arrival = Arrival::now();
    let (parts, body) = request.into_parts();
    if doors::are_at(parts.uri.path()) {
        return doors::serve(&service, &parts, body).await;
    }
    let routed = service.spec.route(parts.method.as_str(), parts.uri.path());
    match service.strike(&parts, &routed) {
        None => respond(service, arrival, parts, routed, body).await,
        Some(strike) => apply(service, arrival, strike, parts, routed, body).await,
    }
}

async fn respond(
    service: Arc<Service>,
    arrival: Arrival,
    parts: request::Parts,
    routed: Routed<'static>,
    body: Body,
) -> Response {
    let is_protocol = matches!(routed, Routed::Unknown) && oci::is_protocol(parts.uri.path());
    let response = if is_protocol {
        service.run_hook(&parts);
        as_registry::serve(service, arrival, parts, body).await
    } else {
        let body = read_body(&parts, body).await;
        service.run_hook(&parts);
        let response = service.respond(&arrival, &parts, routed, body);
        service.after(response).await
    };
    response.into_response()
}

/// Applies a fault to a request.
async fn apply(
    service: Arc<Service>,
    mut arrival: Arrival,
    strike: Strike,
    parts: request::Parts,
    routed: Routed<'static>,
    body: Body,
) -> Response {
    arrival.fault = Some(strike.fault);
    wait(strike.latency).await;
    match strike.effect {
        Effect::Nothing => respond(service, arrival, parts, routed, body).await,
        Effect::CutOff(bytes) => {
            let response = respond(service, arrival, parts, routed, body).await;
            cut_off(response, bytes)
        }
        Effect::Lost => {
            let response = respond(service, arrival, parts, routed, body).await;
            Abort::in_place_of(response)
        }
        Effect::Response(scripted) => {
            dictated(&service, &arrival, &parts, &routed, body, Some(scripted)).await
        }
        Effect::Reset => {
            let response = dictated(&service, &arrival, &parts, &routed, body, None).await;
            Abort::in_place_of(response)
        }
    }
}

/// Sends the response of a fault and logs the request.
async fn dictated(
    service: &Service,
    arrival: &Arrival,
    parts: &request::Parts,
    routed: &Routed<'static>,
    body: Body,
    scripted: Option<Prepared>,
) -> Response {
    let body = match scripted {
        // The connection ends before it is read.
        None => RequestBody::Left,
        Some(_) => match read_body(parts, body).await {
            Ok(body) => RequestBody::Kept(body),
            Err(_) => RequestBody::Left,
        },
    };
    let mut state = service.state();
    let request_id = state.request_ids.uuid();
    let mut response = match scripted {
        Some(scripted) => scripted.into_response(&request_id),
        None => Reply::empty(StatusCode::OK),
    };
    response.default_header("x-request-id", &request_id);
    let (operation, now) = (routed.operation(), service.clock.now());
    state.keep(|| Entry::new(arrival, parts, body, operation, &response, now));
    response.into_response()
}

#[allow(
    clippy::disallowed_methods,
    reason = "latency is real time, whatever the sandbox's clock says"
)]
async fn wait(latency: Duration) {
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
}
