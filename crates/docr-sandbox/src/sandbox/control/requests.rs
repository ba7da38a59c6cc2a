//! The requests that are kept.

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::request_log::RecordedRequest;
use super::super::service::Service;
use super::door::{Door, Refusal};

/// How many requests are listed unless told otherwise.
const LISTED: usize = 100;

/// Which requests are meant: those that fit all that is given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// The operation's id in the spec.
    operation: Option<String>,
    method: Option<String>,
    /// The path as it was sent.
    path: Option<String>,
    status: Option<u16>,
    /// Only requests with a greater number.
    after: Option<u64>,
    /// The most requests to list, the newest of them. 100 unless given.
    limit: Option<usize>,
}

impl Search {
    fn finds(&self, request: &RecordedRequest) -> bool {
        let same = |wanted: &Option<String>, it: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| it == Some(wanted))
        };
        same(&self.operation, request.operation.as_deref())
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
                "Lists the requests that were answered, without secrets.",
            ),
            |service, search: Search| {
                let newest = newest(service, search.limit, |request| search.finds(request));
                Ok(Requests { requests: newest })
            },
        ),
        Door::search(
            "/v1/requests/count",
            ("count_requests", "Counts the requests that are kept."),
            |service, search: Search| {
                let found = newest(service, Some(usize::MAX), |request| search.finds(request));
                Ok(Count { count: found.len() })
            },
        ),
        Door::get(
            "/v1/requests/unmatched",
            (
                "list_unmatched_requests",
                "Lists the requests whose path or method neither the API nor the registry has.",
            ),
            |service, _| {
                let newest = newest(service, None, RecordedRequest::is_unmatched);
                Ok(Requests { requests: newest })
            },
        ),
        Door::get(
            "/v1/requests/{number}",
            ("get_request", "Shows a request by its number."),
            |service, given| {
                let number = given.parameter("number");
                let entry = {
                    let state = service.state();
                    let mut entries = state.requests.entries();
                    entries
                        .find(|entry| entry.number().to_string() == number)
                        .cloned()
                };
                entry
                    .map(|entry| entry.read(&service.spec.secret_fields))
                    .ok_or_else(|| Refusal::not_found(format!("no request {number} is kept")))
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/requests",
            (
                "clear_requests",
                "Forgets the requests so far. Rate limits still count them.",
            ),
            |service, _| {
                service.state().requests.clear();
                Ok(())
            },
        ),
    ]
}

fn newest(
    service: &Service,
    limit: Option<usize>,
    wanted: impl Fn(&RecordedRequest) -> bool,
) -> Vec<RecordedRequest> {
    // Read outside of the lock.
    let entries: Vec<_> = service.state().requests.entries().cloned().collect();
    let mut found: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| entry.read(&service.spec.secret_fields))
        .filter(wanted)
        .take(limit.unwrap_or(LISTED))
        .collect();
    found.reverse();
    found
}
