//! Refused requests and their error envelope.

use axum::http::StatusCode;
use serde_json::json;

use super::response::Response;
use crate::model::rate::Exceeded;
use crate::refusal::{Reason, Refusal};

/// Why a request is refused, for the error envelope.
#[derive(Debug)]
pub(crate) struct Problem {
    refusal: Refusal,
    header: Option<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let (status, _) = self.refusal.reason.said();
        let mut response = envelope(status, &self.refusal.message, request_id);
        if let Some((name, value)) = self.header {
            response.set_header(name, &value);
        }
        response
    }
}

/// An error response of the API.
pub(crate) fn envelope(status: StatusCode, message: &str, request_id: &str) -> Response {
    let id = error_id(status);
    Response::json(
        status,
        json!({ "id": id, "message": message, "request_id": request_id }),
    )
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            header: None,
        }
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Refusal::from(reason).into()
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let problem = Self::from(Reason::RateLimited);
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
    fn a_refusal_has_the_status_and_the_message_of_its_reason() {
        let problem = Problem::from(Reason::NotEligible.about("OverStorageLimit"));
        let response = problem.into_response("1");
        assert_eq!(response.status, 412);
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            body,
            json!({
                "id": "precondition_failed",
                "message": "registry is not eligible for tier because: [OverStorageLimit]",
                "request_id": "1",
            })
        );
    }

    #[test]
    fn only_an_exhausted_minute_says_when_to_retry() {
        let minute = Problem::from(Exceeded::Minute { wait: 59 });
        assert_eq!(minute.header, Some(("retry-after", "59".to_owned())));
        let hour = Problem::from(Exceeded::Hour);
        assert_eq!(hour.header, None);
        assert_eq!(hour.into_response("1").status, 429);
    }

    #[test]
    fn each_status_of_the_service_has_an_id_of_its_own() {
        let statuses = [
            400, 401, 403, 404, 405, 408, 409, 412, 413, 422, 429, 500, 501, 502, 503, 504,
        ];
        let id = |status| error_id(StatusCode::from_u16(status).unwrap());
        let ids = statuses.map(id);
        let distinct: std::collections::BTreeSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), statuses.len(), "{distinct:?}");
        assert!(!distinct.contains("error"));
        assert_eq!(id(418), "error");
    }
}
