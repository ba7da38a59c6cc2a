//! The page to look at.

use std::sync::Arc;

use axum::http::request;
use axum::response::{IntoResponse, Response};

use super::service::Service;
use crate::http::problem::Problem;

/// Shows the page at a path below `/_docr/ui`.
pub(super) fn serve(_service: &Arc<Service>, _request: &request::Parts, _path: &str) -> Response {
    Problem::not_found("The sandbox has no such page.")
        .into_response("none")
        .into_response()
}
