//! What comes through the socket: calls of the API, and requests of the registry's own protocol.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};

use super::as_registry;
use super::service::Service;
use crate::handlers::oci;
use crate::http::body::read_body;
use crate::http::response::Response;
use crate::spec::Routed;

/// Answers what comes through the socket.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(serve).with_state(service)
}

async fn serve(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_protocol = oci::is_protocol(parts.uri.path())
        && matches!(
            service.spec.route(parts.method.as_str(), parts.uri.path()),
            Routed::Unknown
        );
    if !is_protocol {
        let body = read_body(&parts, body).await;
        service.run_hook(&parts);
        let response = service.respond(&parts, body);
        return service.after(response).await;
    }
    service.run_hook(&parts);
    as_registry::serve(service, parts, body).await
}
