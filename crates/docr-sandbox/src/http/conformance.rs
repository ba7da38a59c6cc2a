//! Holds the sandbox's own responses against the spec.

use std::fmt;

use crate::http::response::Answer;
use crate::spec::{Operation, ResponseRule, messages};

/// Headers that every answer must carry where the spec documents them; others may be absent.
const REQUIRED_HEADERS: [&str; 4] = [
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-request-id",
];

/// An answer of the sandbox that breaks the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The operation's id.
    pub operation: String,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered {}: {}",
            self.operation, self.status, self.message
        )
    }
}

/// All the ways in which an answer breaks the spec.
pub(crate) fn violations(operation: &Operation, answer: &Answer) -> Vec<Violation> {
    let status = answer.status.as_u16();
    let messages = match operation.response(status) {
        Some(rule) => faults(rule, answer),
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

fn faults(rule: &ResponseRule, answer: &Answer) -> Vec<String> {
    let mut faults: Vec<_> = rule
        .headers
        .iter()
        .filter(|name| {
            REQUIRED_HEADERS.contains(&name.as_str()) && !answer.headers.contains_key(name.as_str())
        })
        .map(|name| format!("header {name} is missing"))
        .collect();
    faults.extend(match &rule.schema {
        None => (!answer.body.is_empty()).then(|| "there must be no body".to_owned()),
        Some(_) if answer.content_type() != Some("application/json") => {
            Some("the content type is not application/json".to_owned())
        }
        Some(schema) => match serde_json::from_slice(&answer.body) {
            Ok(body) => messages(schema, &body, "body"),
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

    fn faults_of(operation: &str, mut answer: Answer) -> Vec<String> {
        for name in REQUIRED_HEADERS {
            answer.default_header(name, "1");
        }
        let operation = Spec::embedded().unwrap().operation(operation).unwrap();
        violations(operation, &answer)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_true_answer_breaks_nothing() {
        let body = json!({ "registry": { "name": "acme", "storage_usage_bytes": 1 } });
        assert!(faults_of("registry_get", Answer::json(StatusCode::OK, body)).is_empty());
        assert!(faults_of("registry_delete", Answer::empty(StatusCode::NO_CONTENT)).is_empty());
    }

    #[test]
    fn each_kind_of_break_is_named() {
        let wrong = json!({ "registry": { "name": "acme", "storage_usage_bytes": -1 } });
        let faults = faults_of("registry_get", Answer::json(StatusCode::OK, wrong));
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("registry_get answered 200: registry.storage_usage_bytes: "),
            "{faults:?}"
        );

        let text = Answer::empty(StatusCode::OK).with_body("text/plain", "{}");
        assert_eq!(
            faults_of("registry_get", text),
            ["registry_get answered 200: the content type is not application/json"]
        );
        let body = Answer::json(StatusCode::NO_CONTENT, json!({}));
        assert_eq!(
            faults_of("registry_delete", body),
            ["registry_delete answered 204: there must be no body"]
        );

        let operation = Spec::embedded()
            .unwrap()
            .operation("registry_delete")
            .unwrap();
        let bare = violations(operation, &Answer::empty(StatusCode::NO_CONTENT));
        assert_eq!(bare.len(), REQUIRED_HEADERS.len());
    }
}
