//! The sandbox's own doors, under `/_docr`: they belong to no API, and nothing that passes here is limited, faulted or
//! kept record of.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request;
use axum::response::{IntoResponse, Response};

use super::service::Service;
use super::ui;
use crate::http::problem::Problem;

/// Whether a path leads here.
pub(super) fn are_at(path: &str) -> bool {
    path == "/_docr" || path.starts_with("/_docr/")
}

pub(super) async fn serve(
    service: &Arc<Service>,
    request: &request::Parts,
    _body: Body,
) -> Response {
    let path = request.uri.path();
    match path.strip_prefix("/_docr/ui") {
        Some("") => ui::serve(service, request, "/"),
        Some(below) if below.starts_with('/') => ui::serve(service, request, below),
        _ => Problem::not_found("The sandbox has no such door.")
            .into_response("none")
            .into_response(),
    }
}
