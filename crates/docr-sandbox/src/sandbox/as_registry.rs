//! Serves requests of the registry's own protocol.

use std::panic::resume_unwind;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, request};
use chrono::{DateTime, Utc};

use super::request_log::{Arrival, Entry, RequestBody};
use super::service::{Service, http_date};
use crate::handlers::oci::{self, Premises};
use crate::http::body::drain;
use crate::http::response::Response;
use crate::model::account::World;
use crate::storage::Directory;

/// Responds to a request of the protocol.
pub(super) async fn serve(
    service: Arc<Service>,
    arrival: Arrival,
    parts: request::Parts,
    mut body: Body,
) -> Response {
    // A task of its own: a client that disconnects must not stop it halfway.
    let task = tokio::spawn(async move {
        let response = service
            .respond_as_registry(&arrival, &parts, &mut body)
            .await;
        let response = service.after(response).await;
        drain(&parts, &mut body).await;
        response
    });
    match task.await {
        Ok(response) => response,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down.
            Err(_) => Response::empty(StatusCode::SERVICE_UNAVAILABLE),
        },
    }
}

impl Service {
    /// Responds to a request of the registry's own protocol and logs it without its body.
    async fn respond_as_registry(
        &self,
        arrival: &Arrival,
        request: &request::Parts,
        body: &mut Body,
    ) -> Response {
        let request_id = self.state().request_ids.uuid();
        let base = self.base(request);
        let mut response = oci::respond(self, request, &base, body).await;
        response.default_header("x-request-id", &request_id);
        let now = self.clock.now();
        response.default_header("date", &http_date(now));
        let mut state = self.state();
        // Unfinished uploads are not saved.
        if response.status == StatusCode::CREATED || request.method == Method::DELETE {
            state.changed();
        }
        state.keep(|| Entry::new(arrival, request, RequestBody::Left, None, &response, now));
        drop(state);
        response
    }
}

impl Premises for Service {
    fn world<T>(&self, act: impl FnOnce(&mut World, DateTime<Utc>) -> T) -> T {
        let state = &mut *self.state();
        let now = self.clock.now();
        state.settle(now);
        act(&mut state.world, now)
    }

    fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }
}
