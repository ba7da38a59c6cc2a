//! The file that holds a recording.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use axum::http::HeaderMap;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scan;
use super::scrub::Scrubber;

/// The headers of a request that are kept.
pub(super) const REQUEST_HEADERS: [&str; 3] = ["accept", "authorization", "content-type"];

/// The headers of a response that are kept.
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

/// What passed between a client and the API, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recording {
    /// What it is called.
    pub name: String,
    /// What happens in it, for people. May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Who answered.
    pub recorded_from: Origin,
    /// The day it was recorded, in UTC.
    pub recorded_on: NaiveDate,
    /// The version of the API's description that it was recorded with.
    pub api_version: String,
    /// The requests and their responses.
    pub exchanges: Vec<Exchange>,
}

/// Who answered the requests of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// A [`Sandbox`](crate::Sandbox).
    Sandbox,
    /// A server somewhere: the real API, as a rule.
    Live,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "sandbox",
            Self::Live => "live",
        })
    }
}

/// A request and its response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exchange {
    /// The id of the operation in the spec; `None` for a path or method that it doesn't have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub response: Response,
}

/// A request, without secrets. `Display` shows it like HTTP, with a JSON body indented.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// The operation's path template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The path as it was sent, escapes included.
    pub path: String,
    /// The query as it was sent, without the `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The headers that matter, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// A response, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers that matter, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub body: Body,
}

/// What a request or a response carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// JSON.
    Json(Value),
    /// Text that is not JSON.
    Text(String),
}

impl Body {
    /// Reads a body. `None` if it is no text.
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

    /// The body as it travels.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Json(json) => json.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Request {
    /// A request as it came, without its secrets.
    pub(super) fn read(
        parts: &axum::http::request::Parts,
        body: Body,
        scrubber: &mut Scrubber,
    ) -> Self {
        let mut request = Self {
            method: parts.method.to_string(),
            route: None,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: kept_headers(&parts.headers, &REQUEST_HEADERS),
            body,
        };
        scrubber.request(&mut request);
        request
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

/// The headers that are kept, as text.
pub(super) fn kept_headers(headers: &HeaderMap, kept: &[&str]) -> BTreeMap<String, String> {
    kept.iter()
        .filter_map(|name| {
            let value = headers.get(*name)?;
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Some(((*name).to_owned(), text))
        })
        .collect()
}

impl Recording {
    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it holds no recording.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| RecordingError::Io {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| RecordingError::Format {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes the recording to a file, whole or not at all; its directory must be there.
    ///
    /// # Errors
    ///
    /// When something in it looks like a secret, or the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RecordingError> {
        let path = path.as_ref();
        let suspects = self.suspects();
        if !suspects.is_empty() {
            return Err(RecordingError::Suspect(suspects));
        }
        let unfinished = path.with_extension("json.part");
        fs::write(&unfinished, self.to_json())
            .and_then(|()| fs::rename(&unfinished, path))
            .map_err(|source| RecordingError::Io {
                path: path.to_owned(),
                source,
            })
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        // There is nothing in a recording that JSON can't hold.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Everything that looks like a secret or a person's address: where it stands and what it looks like, without
    /// showing it. Tests may ask this of recordings that were changed by hand.
    pub fn suspects(&self) -> Vec<String> {
        scan::suspects(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no recording.
    #[error("{} is not a recording: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Something in the recording looks like a secret.
    #[error("not written, since this looks secret: {}", .0.join("; "))]
    Suspect(Vec<String>),
}
