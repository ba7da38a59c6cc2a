//! The page to look at.

use std::sync::Arc;

use axum::http::request;
use axum::response::{IntoResponse, Response};

use super::service::Service;
use crate::http::problem::Problem;
use crate::refusal::Reason;

/// Shows the page at a path below `/_docr/ui`.
pub(super) fn serve(_service: &Arc<Service>, _request: &request::Parts, _path: &str) -> Response {
    Problem::from(Reason::NoPath)
        .into_response("none")
        .into_response()
}
