//! The web page: server-rendered, and kept up to date by a small script if JavaScript is enabled.

mod assets;
mod certificates;
mod credentials;
mod exchange;
mod layout;
mod news;
mod overview;
mod parts;
mod registry;
mod repository;
mod requests;
mod visit;

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::response::{Html, IntoResponse, Response};

use self::layout::View;
use self::visit::Visit;
use super::service::Service;
use crate::spec::decode;

/// Names come from users, so the browser may load and run only the page's own files.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Shows the page at a path below `/_docr/ui`.
pub(super) fn serve(service: &Arc<Service>, request: &request::Parts, path: &str) -> Response {
    let mut response = match request.method {
        Method::GET | Method::HEAD => get(service, request, path),
        _ => {
            let visit = Visit::new(service, request);
            let view = layout::problem("Method not allowed", "Pages support only GET and HEAD.");
            let mut response = page(&visit, StatusCode::METHOD_NOT_ALLOWED, view);
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            response
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn get(service: &Arc<Service>, request: &request::Parts, path: &str) -> Response {
    if let Some(asset) = assets::find(path) {
        return asset;
    }
    if path == "/events" {
        return news::stream(service);
    }
    let visit = Visit::new(service, request);
    match view(&visit, path) {
        Some(view) => page(&visit, StatusCode::OK, view),
        None => {
            let why = "It may have been deleted.";
            let view = layout::problem("Page not found", why);
            page(&visit, StatusCode::NOT_FOUND, view)
        }
    }
}

fn view(visit: &Visit<'_>, path: &str) -> Option<View> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match *segments.as_slice() {
        [""] => Some(overview::view(visit)),
        ["registries", registry] => registry::view(visit, registry),
        ["registries", registry, "repositories", ref repository @ ..] => {
            repository::view(visit, registry, &repository.join("/"))
        }
        ["credentials"] => Some(credentials::view(visit)),
        ["certificates"] => Some(certificates::view(visit)),
        ["requests"] => Some(requests::view(visit)),
        ["requests", number] => exchange::view(visit, number.parse().ok()?),
        _ => None,
    }
}

fn page(visit: &Visit<'_>, status: StatusCode, view: View) -> Response {
    let html = layout::document(visit, view).into_string();
    (status, Html(html)).into_response()
}
