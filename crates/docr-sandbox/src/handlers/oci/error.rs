//! Errors as the registry's protocol reports them.

use axum::http::StatusCode;
use serde_json::json;

use crate::http::response::Response;
use crate::http::stream::Broken;
use crate::model::image::PushError;

/// Why a request of the protocol is refused.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn unknown(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", message)
    }

    pub(super) fn repository_limit((used, limit): (u64, u64)) -> Self {
        Self::denied(format!(
            "registry contains {used} repositories, limit is {limit}"
        ))
    }

    pub(super) fn name_invalid() -> Self {
        Self::bad("NAME_INVALID", "invalid repository name")
    }

    pub(super) fn name_unknown() -> Self {
        Self::unknown("NAME_UNKNOWN", "repository name not known to registry")
    }

    pub(super) fn blob_unknown() -> Self {
        Self::unknown("BLOB_UNKNOWN", "blob unknown to registry")
    }

    pub(super) fn upload_unknown() -> Self {
        Self::unknown("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    }

    pub(super) fn upload_invalid(message: &str) -> Self {
        Self::bad("BLOB_UPLOAD_INVALID", message)
    }

    pub(super) fn upload_busy() -> Self {
        let message = "another request is writing to this upload";
        Self::new(StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID", message)
    }

    pub(super) fn size_invalid(message: &str) -> Self {
        Self::bad("SIZE_INVALID", message)
    }

    pub(super) fn digest_invalid(message: impl Into<String>) -> Self {
        Self::bad("DIGEST_INVALID", message)
    }

    pub(super) fn manifest_unknown() -> Self {
        Self::unknown("MANIFEST_UNKNOWN", "manifest unknown to registry")
    }

    pub(super) fn manifest_invalid(message: impl Into<String>) -> Self {
        Self::bad("MANIFEST_INVALID", message)
    }

    pub(super) fn manifest_too_large() -> Self {
        let message = "a manifest may have 4 MiB";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    /// A manifest names what the repository doesn't have.
    pub(super) fn content_unknown(digest: &str) -> Self {
        let message = format!("the repository has no {digest}");
        Self::bad("MANIFEST_BLOB_UNKNOWN", message)
    }

    pub(super) fn unsupported(allowed: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "the operation is unsupported",
        )
        .with_header("allow", allowed)
    }

    pub(super) fn storage(reason: &str) -> Self {
        let message = format!("the sandbox can't store it: {reason}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
    }

    pub(super) fn into_response(self) -> Response {
        let error = json!({ "code": self.code, "message": self.message });
        let response = Response::json(self.status, json!({ "errors": [error] }));
        self.headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.with_header(name, &value)
            })
    }
}

impl From<PushError> for Fault {
    fn from(error: PushError) -> Self {
        match error {
            PushError::UnknownRegistry(_) => Self::name_unknown(),
            PushError::InvalidName(_) => Self::name_invalid(),
            refused => Self::denied(refused.to_string()),
        }
    }
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Cut => Self::upload_invalid("the body did not arrive whole"),
            Broken::Idle => {
                let message = "the body stood still for too long";
                Self::new(StatusCode::REQUEST_TIMEOUT, "BLOB_UPLOAD_INVALID", message)
            }
            Broken::TooLong => Self::size_invalid("the body is longer than was announced"),
            Broken::Storage(error) => Self::storage(&error.to_string()),
        }
    }
}
