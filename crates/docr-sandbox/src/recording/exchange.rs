//! Exchanges: a request to the API and its response.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The headers of requests that are recorded.
pub(super) const REQUEST_HEADERS: [&str; 3] = ["accept", "authorization", "content-type"];

/// The headers of responses that are recorded.
#[cfg(feature = "record")]
pub(super) const RESPONSE_HEADERS: [&str; 8] = [
    "allow",
    "content-type",
    "location",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-request-id",
];

/// A request and its response.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// let recording = Recording::load("tests/recordings/prune.json")?;
/// assert_eq!(recording.exchanges[0].operation.as_deref(), Some("registries_list"));
/// # Ok::<(), docr_sandbox::recording::RecordingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exchange {
    /// The operation's id in the spec; `None` if it has no such path or method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The request.
    pub request: Request,
    /// The response.
    pub response: Response,
}

/// A request without secrets. `Display` shows it like HTTP, with a JSON body indented.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// let recording = Recording::load("tests/recordings/prune.json")?;
/// println!("{}", recording.exchanges[0].request);
/// # Ok::<(), docr_sandbox::recording::RecordingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// The operation's path template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The path as it was sent, still escaped.
    pub path: String,
    /// The query as it was sent, without the `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The recorded headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// A response without secrets.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// let recording = Recording::load("tests/recordings/prune.json")?;
/// assert_eq!(recording.exchanges[0].response.status, 200);
/// # Ok::<(), docr_sandbox::recording::RecordingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The recorded headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// The body of a request or a response.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// let recording = Recording::load("tests/recordings/prune.json")?;
/// let is_json = matches!(recording.exchanges[0].response.body, docr_sandbox::recording::Body::Json(_));
/// # Ok::<(), docr_sandbox::recording::RecordingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// No body.
    #[default]
    Empty,
    /// JSON.
    Json(Value),
    /// Text that is not JSON.
    Text(String),
}

impl Body {
    /// Reads a body; `None` if it is not text.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::Empty);
        }
        if let Ok(json) = serde_json::from_slice(bytes) {
            return Some(Self::Json(json));
        }
        String::from_utf8(bytes.to_vec()).map(Self::Text).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// The body as it is sent.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Json(json) => json.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        f.write_char('\n')?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        match &self.body {
            Body::Empty => Ok(()),
            Body::Json(json) => writeln!(f, "\n{json:#}"),
            Body::Text(text) => writeln!(f, "\n{text}"),
        }
    }
}

/// The recorded headers, as text.
pub(super) fn kept_headers(headers: &HeaderMap, kept: &[&str]) -> BTreeMap<String, String> {
    kept.iter()
        .filter_map(|name| {
            let value = headers.get(*name)?;
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Some(((*name).to_owned(), text))
        })
        .collect()
}
