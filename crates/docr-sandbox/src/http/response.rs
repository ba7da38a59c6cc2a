//! Responses.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;

use super::stream::Streamed;
use super::written::Slot;

/// A response before it is sent.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Sent instead of `body`.
    pub(crate) stream: Option<Streamed>,
    /// Writes the body.
    pub(crate) later: Option<Box<dyn FnOnce() -> Bytes + Send>>,
}

impl Response {
    pub(crate) fn json(status: StatusCode, body: impl Serialize) -> Self {
        Self::written_json(status, to_json(body))
    }

    /// JSON that is serialised already.
    pub(crate) fn written_json(status: StatusCode, body: Bytes) -> Self {
        Self::empty(status).with_body("application/json", body)
    }

    /// JSON that is [serialised](Self::write) after the lock is released: a long list would make others wait.
    pub(crate) fn json_later(status: StatusCode, body: impl Serialize + Send + 'static) -> Self {
        Self::later(status, move || to_json(body))
    }

    /// Like [`json_later`](Self::json_later), and keeps the result in a slot.
    pub(crate) fn json_kept(
        status: StatusCode,
        body: impl Serialize + Send + 'static,
        slot: Slot,
    ) -> Self {
        Self::later(status, move || {
            let body = to_json(body);
            slot.keep(&body);
            body
        })
    }

    fn later(status: StatusCode, write: impl FnOnce() -> Bytes + Send + 'static) -> Self {
        let mut response = Self::written_json(status, Bytes::new());
        response.later = Some(Box::new(write));
        response
    }

    /// Serialises the body, if that was deferred.
    pub(crate) fn write(&mut self) {
        if let Some(later) = self.later.take() {
            self.body = later();
        }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            stream: None,
            later: None,
        }
    }

    pub(crate) fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.set_header("content-type", content_type);
        self
    }

    pub(crate) fn with_stream(mut self, content: Streamed) -> Self {
        self.stream = Some(content);
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.set_header(name, value);
        self
    }

    /// Sets a header unless the response already has it.
    pub(crate) fn default_header(&mut self, name: &'static str, value: &str) {
        if !self.headers.contains_key(name) {
            self.set_header(name, value);
        }
    }

    pub(super) fn set_header(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }
}

fn to_json(body: impl Serialize) -> Bytes {
    serde_json::to_vec(&body).unwrap_or_default().into()
}

impl IntoResponse for Response {
    fn into_response(self) -> axum::response::Response {
        // A tuple would add a content type to an empty body.
        let mut response = axum::response::Response::new(match self.stream {
            Some(content) => Body::new(content),
            None => Body::from(self.body),
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
