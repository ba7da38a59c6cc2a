//! The log of requests.

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::request_log::{Entry, RecordedRequest};
use super::super::service::Service;
use super::door::{Door, Refusal};

/// How many requests are listed by default.
const LISTED: usize = 100;

/// A filter: requests match if they match all given fields.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// The operation's id in the spec.
    operation: Option<String>,
    method: Option<String>,
    /// The path as it was sent.
    path: Option<String>,
    status: Option<u16>,
    /// Only requests with a number greater than this one.
    after: Option<u64>,
    /// The most requests to list, the newest ones; 100 by default.
    limit: Option<usize>,
}

impl Search {
    fn finds(&self, request: &Entry) -> bool {
        let same = |wanted: &Option<String>, it: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| it == Some(wanted))
        };
        let operation = request.operation.map(|operation| operation.id.as_str());
        same(&self.operation, operation)
            && (self.method.as_ref())
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(&request.method))
            && same(&self.path, Some(&request.path))
            && self.status.is_none_or(|wanted| wanted == request.status)
            && self.after.is_none_or(|after| request.number > after)
    }
}

/// Requests, the oldest first.
#[derive(JsonSchema, Serialize)]
struct Requests {
    requests: Vec<RecordedRequest>,
}

#[derive(JsonSchema, Serialize)]
struct Count {
    count: usize,
}

pub(super) fn doors() -> Vec<Door> {
    vec![
        Door::search(
            "/v1/requests",
            (
                "list_requests",
                "Lists the requests with their responses, without secrets.",
            ),
            |service, search: Search| {
                let limit = search.limit.unwrap_or(LISTED);
                let requests = newest(service, limit, |request| search.finds(request));
                Ok(Requests { requests })
            },
        ),
        Door::search(
            "/v1/requests/count",
            ("count_requests", "Counts the requests in the log."),
            |service, search: Search| {
                let state = service.state();
                let found = state.requests.entries().filter(|entry| search.finds(entry));
                Ok(Count {
                    count: found.count(),
                })
            },
        ),
        Door::get(
            "/v1/requests/unmatched",
            (
                "list_unmatched_requests",
                "Lists the requests whose path or method neither the API nor the registry's protocol has.",
            ),
            |service, _| {
                let requests = newest(service, LISTED, Entry::is_unmatched);
                Ok(Requests { requests })
            },
        ),
        Door::get(
            "/v1/requests/{number}",
            ("get_request", "Returns a request by its number."),
            |service, given| {
                let number = given.parameter("number");
                let find = |number| service.state().requests.find(number).cloned();
                let entry = number.parse().ok().and_then(find);
                entry
                    .map(|entry| entry.read(&service.spec.secret_fields))
                    .ok_or_else(|| {
                        Refusal::not_found(format!("request {number} not found in the log"))
                    })
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/requests",
            (
                "clear_requests",
                "Clears the log of requests. They still count against the rate limits.",
            ),
            |service, _| {
                service.state().requests.clear();
                Ok(())
            },
        ),
    ]
}

/// The newest matching requests, the oldest of them first. They are read after the lock is released.
fn newest(service: &Service, most: usize, wanted: impl Fn(&Entry) -> bool) -> Vec<RecordedRequest> {
    let mut found: Vec<_> = {
        let state = service.state();
        let entries = state.requests.entries().rev();
        let found = entries.filter(|entry| wanted(entry)).take(most);
        found.cloned().collect()
    };
    found.reverse();
    let secret_fields = &service.spec.secret_fields;
    found
        .iter()
        .map(|entry| entry.read(secret_fields))
        .collect()
}
