//! Refused requests, and the error envelope that says why.

use axum::http::StatusCode;
use serde_json::json;

use super::response::Response;
use crate::model::rate::Exceeded;
use crate::model::refusal::{Reason, Refusal};

/// Why a request is refused; becomes the error envelope.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) header: Option<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            header: None,
        }
    }

    /// The caller is nobody.
    pub(crate) fn stranger() -> Self {
        let message = "Unable to authenticate you.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// The caller's token lacks a scope.
    pub(crate) fn not_allowed() -> Self {
        let message = "You are not authorized to perform this operation.";
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn name_taken() -> Self {
        Self::conflict("name already exists")
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let envelope = json!({ "id": error_id(self.status), "message": self.message, "request_id": request_id });
        let mut response = Response::json(self.status, envelope);
        if let Some((name, value)) = self.header {
            response.set_header(name, &value);
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.reason {
            Reason::Missing => StatusCode::NOT_FOUND,
            Reason::Precondition => StatusCode::PRECONDITION_FAILED,
            Reason::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refusal.message)
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "API Rate limit exceeded.");
        match exceeded {
            Exceeded::Minute { wait } => problem.with_header("retry-after", wait.to_string()),
            Exceeded::Hour => problem,
        }
    }
}

/// The envelope's `id` for a status.
fn error_id(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        408 => "request_timeout",
        409 => "conflict",
        412 => "precondition_failed",
        413 => "payload_too_large",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        500 => "server_error",
        501 => "not_implemented",
        502 => "bad_gateway",
        503 => "service_unavailable",
        504 => "gateway_timeout",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_refusal_decides_the_status() {
        for (reason, status) in [
            (Reason::Missing, 404),
            (Reason::Precondition, 412),
            (Reason::Invalid, 422),
        ] {
            let message = "name: is taken".to_owned();
            let problem = Problem::from(Refusal { reason, message });
            assert_eq!(problem.status, status);
            assert_eq!(problem.message, "name: is taken");
        }
    }

    #[test]
    fn only_a_minute_that_is_used_up_says_when_to_come_back() {
        let minute = Problem::from(Exceeded::Minute { wait: 59 });
        assert_eq!(minute.status, 429);
        assert_eq!(minute.header, Some(("retry-after", "59".to_owned())));
        let hour = Problem::from(Exceeded::Hour);
        assert_eq!((hour.status.as_u16(), hour.header), (429, None));
    }
}
