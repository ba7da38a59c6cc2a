//! The log of the newest requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, header, request};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::http::redact::{self, REDACTED};
use crate::http::response::Response;
use crate::spec::Operation;

/// How many requests are kept by default.
pub(super) const KEPT: usize = 10_000;
/// The most memory that requests and responses may take, in bytes.
const ROOM: usize = 64 * 1024 * 1024;
/// The memory that a request takes beside its texts, mostly for its header maps.
const FRAME: usize = 4 * 1024;
/// How much of a response's body is kept.
const SHOWN: usize = 64 * 1024;

/// A request to the sandbox, with its response.
///
/// ```
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// for request in sandbox.requests() {
///     println!("{} {}: {}", request.method, request.path, request.status);
/// }
/// # }
/// ```
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Its number, from 1.
    pub number: u64,
    /// When the response was sent, by the sandbox's clock.
    #[serde(rename = "answered_at")]
    pub responded_at: DateTime<Utc>,
    /// How long the response took, in real time, without a body that is streamed.
    #[serde(rename = "took_microseconds", serialize_with = "microseconds")]
    #[schemars(with = "u64")]
    pub took: Duration,
    /// The operation's id in the spec; `None` if the path or the method is unknown.
    pub operation: Option<String>,
    /// The method.
    pub method: String,
    /// The path as it was sent, still escaped.
    pub path: String,
    /// The operation's path template.
    pub route: Option<String>,
    /// The query as it was sent, without the `?`.
    pub query: Option<String>,
    /// The headers by lower-case name. The bearer token is redacted.
    pub headers: BTreeMap<String, String>,
    /// The body as text. Empty if it was too large, and for requests of the registry's own protocol.
    pub body: String,
    /// The status of the response.
    pub status: u16,
    /// The headers of the response by lower-case name.
    pub response_headers: BTreeMap<String, String>,
    /// The first 64 KiB of the response's body as text, without secrets. Empty if it was streamed.
    pub response_body: String,
    /// The id of the fault that applied to it.
    pub fault: Option<u64>,
}

impl RecordedRequest {
    /// Whether neither the API nor the registry's protocol has its path and method.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(!sandbox.requests().iter().any(|request| request.is_unmatched()));
    /// # }
    /// ```
    pub fn is_unmatched(&self) -> bool {
        is_unmatched(self.operation.is_some(), self.status, |name| {
            self.response_headers.contains_key(name)
        })
    }
}

/// Responses of the registry's protocol identify themselves by a header.
fn is_unmatched(has_operation: bool, status: u16, has_header: impl Fn(&str) -> bool) -> bool {
    !has_operation && matches!(status, 404 | 405) && !has_header("docker-distribution-api-version")
}

fn microseconds<S: serde::Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// An incoming request.
pub(crate) struct Arrival {
    since: Instant,
    pub(super) fault: Option<u64>,
}

impl Arrival {
    #[allow(
        clippy::disallowed_methods,
        reason = "how long a response takes is real time, whatever the sandbox's clock says"
    )]
    pub(crate) fn now() -> Self {
        Self {
            since: Instant::now(),
            fault: None,
        }
    }
}

/// A request as it is kept. Secrets are redacted when it is read.
pub(crate) struct Entry {
    pub(super) number: u64,
    pub(super) responded_at: DateTime<Utc>,
    pub(super) took: Duration,
    fault: Option<u64>,
    pub(super) operation: Option<&'static Operation>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    headers: HeaderMap,
    body: RequestBody,
    pub(super) status: u16,
    response_headers: HeaderMap,
    response_body: Bytes,
}

/// What is kept of a request's body.
pub(crate) enum RequestBody {
    Kept(Bytes),
    /// All of it is secret.
    Secret,
    /// It was not read, or is the content of a blob or a manifest.
    Left,
}

impl Entry {
    /// Without its number, which the log assigns.
    pub(crate) fn new(
        arrival: &Arrival,
        request: &request::Parts,
        body: RequestBody,
        operation: Option<&'static Operation>,
        response: &Response,
        responded_at: DateTime<Utc>,
    ) -> Self {
        let shown = match response.body.len() {
            // A slice would keep all of it in memory.
            more if more > SHOWN => Bytes::copy_from_slice(&response.body[..SHOWN]),
            _ => response.body.clone(),
        };
        Self {
            number: 0,
            responded_at,
            took: arrival.since.elapsed(),
            fault: arrival.fault,
            operation,
            method: request.method.as_str().to_owned(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(str::to_owned),
            headers: request.headers.clone(),
            body,
            status: response.status.as_u16(),
            response_headers: response.headers.clone(),
            response_body: shown,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn is_unmatched(&self) -> bool {
        is_unmatched(self.operation.is_some(), self.status, |name| {
            self.response_headers.contains_key(name)
        })
    }

    /// The request without secrets.
    pub(crate) fn read(&self, secret_fields: &BTreeSet<String>) -> RecordedRequest {
        RecordedRequest {
            number: self.number,
            responded_at: self.responded_at,
            took: self.took,
            operation: self.operation.map(|operation| operation.id.clone()),
            method: self.method.clone(),
            path: self.path.clone(),
            route: self
                .operation
                .map(|operation| operation.template.text.clone()),
            query: self.query.clone(),
            headers: readable_headers(&self.headers),
            body: match &self.body {
                RequestBody::Kept(body) => readable_body(body, secret_fields),
                RequestBody::Secret => REDACTED.to_owned(),
                RequestBody::Left => String::new(),
            },
            status: self.status,
            response_headers: readable_headers(&self.response_headers),
            response_body: readable_body(&self.response_body, secret_fields),
            fault: self.fault,
        }
    }

    /// Roughly how much memory it takes.
    fn bytes(&self) -> usize {
        let headers = |headers: &HeaderMap| {
            let pairs = headers.iter();
            pairs
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum::<usize>()
        };
        let body = match &self.body {
            RequestBody::Kept(body) => body.len(),
            RequestBody::Secret | RequestBody::Left => 0,
        };
        FRAME
            + body
            + self.path.len()
            + self.query.as_ref().map_or(0, String::len)
            + self.response_body.len()
            + headers(&self.headers)
            + headers(&self.response_headers)
    }
}

/// The newest requests. Older ones are dropped.
pub(crate) struct RequestLog {
    most: usize,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The number of the newest request.
    newest: u64,
}

impl RequestLog {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            entries: VecDeque::new(),
            bytes: 0,
            newest: 0,
        }
    }

    /// Whether it keeps anything.
    pub(crate) fn keeps(&self) -> bool {
        self.most > 0
    }

    pub(crate) fn keep(&mut self, mut entry: Entry) -> Arc<Entry> {
        self.newest += 1;
        entry.number = self.newest;
        let entry = Arc::new(entry);
        self.bytes += entry.bytes();
        self.entries.push_back(Arc::clone(&entry));
        // The newest one is kept, however large it is.
        while self.entries.len() > self.most.max(1) || (self.bytes > ROOM && self.entries.len() > 1)
        {
            let oldest = self.entries.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.bytes());
        }
        entry
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// The request of this number, if it is kept.
    pub(crate) fn find(&self, number: u64) -> Option<&Arc<Entry>> {
        let found = self.entries.binary_search_by_key(&number, |one| one.number);
        found.ok().map(|place| &self.entries[place])
    }

    /// All that are kept, the oldest first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }
}

/// Headers as text, without tokens.
fn readable_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut readable = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = match *name {
            header::AUTHORIZATION => redact::authorization(&text),
            header::PROXY_AUTHORIZATION | header::COOKIE => REDACTED.to_owned(),
            _ => text.into_owned(),
        };
        readable
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&text);
            })
            .or_insert(text);
    }
    readable
}

/// A body as it was sent, without secrets.
fn readable_body(body: &[u8], secret_fields: &BTreeSet<String>) -> String {
    let readable = without_secret_fields(body, secret_fields);
    redact::keys(&readable).into_owned()
}

fn without_secret_fields(body: &[u8], secret_fields: &BTreeSet<String>) -> String {
    /// The fields that hold tokens of the registry's protocol.
    const TOKENS: [&str; 3] = ["token", "access_token", "refresh_token"];
    let text = String::from_utf8_lossy(body).into_owned();
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => {
            let mut redacted = json.clone();
            redact::fields(&mut redacted, secret_fields);
            redact::fields(&mut redacted, &TOKENS.map(str::to_owned).into());
            match redacted == json {
                true => text,
                false => redacted.to_string(),
            }
        }
        // Without JSON the secret can't be told from the rest.
        Err(_) if secret_fields.iter().any(|field| text.contains(field)) => REDACTED.to_owned(),
        Err(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, StatusCode};

    use super::*;

    fn entry(body: &'static [u8]) -> Entry {
        let (parts, ()) = Request::get("/v2/registry").body(()).unwrap().into_parts();
        let response = Response::empty(StatusCode::OK);
        let body = RequestBody::Kept(Bytes::from_static(body));
        Entry::new(
            &Arrival::now(),
            &parts,
            body,
            None,
            &response,
            DateTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn the_oldest_requests_are_dropped_and_numbering_continues() {
        let mut log = RequestLog::new(2);
        for _ in 0..3 {
            log.keep(entry(b""));
        }
        let numbers: Vec<_> = log.entries().map(|entry| entry.number()).collect();
        assert_eq!(numbers, [2, 3]);
        log.clear();
        assert_eq!(log.keep(entry(b"")).number(), 4);
    }

    #[test]
    fn kept_requests_never_exceed_their_memory_limit() {
        static LARGE: [u8; 1 << 20] = [b'x'; 1 << 20];
        let mut log = RequestLog::new(1000);
        for _ in 0..100 {
            log.keep(entry(&LARGE));
        }
        assert_eq!(log.entries().count(), 63);
        assert!(log.bytes <= ROOM);
    }

    #[test]
    fn no_secret_can_be_read() {
        let fields = BTreeSet::from(["private_key".to_owned()]);
        let read = |text: &str| readable_body(text.as_bytes(), &fields);
        assert_eq!(
            read(r#"{"private_key":"s","n":1}"#),
            r#"{"n":1,"private_key":"[redacted]"}"#
        );
        assert_eq!(
            read(r#"{"access_token":"s"}"#),
            r#"{"access_token":"[redacted]"}"#
        );
        assert_eq!(read(r#"{"private_key": "#), REDACTED);
        assert_eq!(read("token"), "token");
        let headers = HeaderMap::from_iter([
            (header::AUTHORIZATION, "Bearer s".parse().unwrap()),
            (header::COOKIE, "a=s".parse().unwrap()),
        ]);
        let readable = readable_headers(&headers);
        assert_eq!(readable["authorization"], "Bearer [redacted]");
        assert_eq!(readable["cookie"], REDACTED);
    }
}
