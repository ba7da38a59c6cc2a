//! The static files of the pages.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

const FILES: [(&str, &str, &str); 3] = [
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("style.css"),
    ),
    (
        "/script.js",
        "text/javascript; charset=utf-8",
        include_str!("script.js"),
    ),
    ("/icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// The file at a path, if there is one.
pub(super) fn find(path: &str) -> Option<Response> {
    let (_, content_type, content) = FILES.into_iter().find(|(at, ..)| *at == path)?;
    let content_type = HeaderValue::from_static(content_type);
    Some(([(header::CONTENT_TYPE, content_type)], content).into_response())
}
