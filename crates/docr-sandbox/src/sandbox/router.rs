//! What comes through the socket: calls of the API, and requests of the registry's own protocol.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::IntoResponse;

use super::request_log::Arrival;
use super::service::Service;
use super::{as_registry, doors};
use crate::handlers::oci;
use crate::http::body::read_body;
use crate::spec::Routed;

/// Answers what comes through the socket.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(serve).with_state(service)
}

async fn serve(State(service): State<Arc<Service>>, request: Request) -> axum::response::Response {
    let arrival = Arrival::now();
    let (parts, body) = request.into_parts();
    if doors::are_at(parts.uri.path()) {
        return doors::serve(&service, &parts, body).await;
    }
    let is_protocol = oci::is_protocol(parts.uri.path())
        && matches!(
            service.spec.route(parts.method.as_str(), parts.uri.path()),
            Routed::Unknown
        );
    if !is_protocol {
        let body = read_body(&parts, body).await;
        service.run_hook(&parts);
        let response = service.respond(&arrival, &parts, body);
        return service.after(response).await.into_response();
    }
    service.run_hook(&parts);
    as_registry::serve(service, arrival, parts, body)
        .await
        .into_response()
}
