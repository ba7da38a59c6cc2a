//! Validates the sandbox's own responses against the spec.

use std::fmt;

use super::response::Response;
use crate::spec::{Operation, ResponseRule};

/// Headers that every response must have if the spec documents them; others may be absent.
const REQUIRED_HEADERS: [&str; 4] = [
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-request-id",
];

/// A response of the sandbox that violates the spec.
///
/// ```
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// for violation in sandbox.violations() {
///     println!("{violation}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The operation's id.
    pub operation: String,
    /// The status of the response.
    pub status: u16,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} responded with {}: {}",
            self.operation, self.status, self.message
        )
    }
}

/// All violations of the spec in a response.
pub(crate) fn violations(operation: &Operation, response: &Response) -> Vec<Violation> {
    let status = response.status.as_u16();
    let messages = match operation.response(status) {
        Some(rule) => faults(rule, response),
        None => vec!["the status is not documented".to_owned()],
    };
    messages
        .into_iter()
        .map(|message| Violation {
            operation: operation.id.clone(),
            status,
            message,
        })
        .collect()
}

fn faults(rule: &ResponseRule, response: &Response) -> Vec<String> {
    let mut faults: Vec<_> = rule
        .headers
        .iter()
        .filter(|name| {
            REQUIRED_HEADERS.contains(&name.as_str())
                && !response.headers.contains_key(name.as_str())
        })
        .map(|name| format!("header {name} is missing"))
        .collect();
    faults.extend(match &rule.schema {
        None => (!response.body.is_empty()).then(|| "there must be no body".to_owned()),
        Some(_) if response.content_type() != Some("application/json") => {
            Some("the content type is not application/json".to_owned())
        }
        Some(schema) => match serde_json::from_slice(&response.body) {
            Ok(body) => schema.faults(&body, "body"),
            Err(error) => Some(format!("the body is not JSON: {error}")),
        },
    });
    faults
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::spec::Spec;

    fn faults_of(operation: &str, mut response: Response) -> Vec<String> {
        for name in REQUIRED_HEADERS {
            response.default_header(name, "1");
        }
        let operation = Spec::embedded().unwrap().operation(operation).unwrap();
        violations(operation, &response)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_conforming_response_is_accepted() {
        let body = json!({ "registry": { "name": "acme", "storage_usage_bytes": 1 } });
        assert!(faults_of("registry_get", Response::json(StatusCode::OK, body)).is_empty());
        assert!(faults_of("registry_delete", Response::empty(StatusCode::NO_CONTENT)).is_empty());
    }

    #[test]
    fn each_kind_of_violation_is_named() {
        let wrong = json!({ "registry": { "name": "acme", "storage_usage_bytes": -1 } });
        let faults = faults_of("registry_get", Response::json(StatusCode::OK, wrong));
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0]
                .starts_with("registry_get responded with 200: registry.storage_usage_bytes: "),
            "{faults:?}"
        );

        let text = Response::empty(StatusCode::OK).with_body("text/plain", "{}");
        assert_eq!(
            faults_of("registry_get", text),
            ["registry_get responded with 200: the content type is not application/json"]
        );
        let body = Response::json(StatusCode::NO_CONTENT, json!({}));
        assert_eq!(
            faults_of("registry_delete", body),
            ["registry_delete responded with 204: there must be no body"]
        );

        let operation = Spec::embedded()
            .unwrap()
            .operation("registry_delete")
            .unwrap();
        let bare = violations(operation, &Response::empty(StatusCode::NO_CONTENT));
        assert_eq!(bare.len(), REQUIRED_HEADERS.len());
    }
}
