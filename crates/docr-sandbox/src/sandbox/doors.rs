//! The sandbox's own doors, under `/_docr`: they are not part of the API, and requests to them are neither rate limited,
//! faulted nor logged.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request;
use axum::response::Response;

use super::service::Service;
use super::{control, ui};

const DOORS: &str = "/_docr";

/// Whether a path leads here.
pub(super) fn are_at(path: &str) -> bool {
    let below = path.strip_prefix(DOORS);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

pub(super) async fn serve(
    service: &Arc<Service>,
    request: &request::Parts,
    body: Body,
) -> Response {
    let path = request.uri.path();
    let below = path.strip_prefix(DOORS).unwrap_or(path);
    match below.strip_prefix("/ui") {
        Some("") => ui::serve(service, request, "/"),
        Some(page) if page.starts_with('/') => ui::serve(service, request, page),
        _ => control::serve(service, request, below, body).await,
    }
}
