//! The requests that the sandbox received.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

use crate::http::redact::{self, REDACTED};

/// One request that reached the sandbox, with the status it was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The operation's id in the spec; `None` when the path or the method is unknown.
    pub operation: Option<String>,
    /// The method.
    pub method: String,
    /// The path as it was sent, escapes included.
    pub path: String,
    /// The operation's path template.
    pub route: Option<String>,
    /// The query as it was sent, without the `?`.
    pub query: Option<String>,
    /// The headers by lower-case name. The bearer token is left out.
    pub headers: BTreeMap<String, String>,
    /// The body as text. Empty when it was larger than the sandbox accepts.
    pub body: String,
    /// The status of the response.
    pub status: u16,
}

/// The headers to record: readable, and without the token.
pub(crate) fn recorded_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut recorded = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if name == header::AUTHORIZATION {
            redact::authorization(&text)
        } else {
            text.into_owned()
        };
        recorded
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&text);
            })
            .or_insert(text);
    }
    recorded
}

/// The body to record: as it came, but for what is secret in it.
pub(crate) fn recorded_body(body: &[u8], secret_fields: &BTreeSet<String>) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    if !secret_fields
        .iter()
        .any(|field| text.contains(field.as_str()))
    {
        return text;
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(mut json) => {
            redact::fields(&mut json, secret_fields);
            json.to_string()
        }
        // What isn't JSON can't be told apart.
        Err(_) => REDACTED.to_owned(),
    }
}
