//! Responses that a test dictates.

use std::fmt;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::service::Service;
use crate::http::problem::envelope;
use crate::http::response::Response;

/// A response that [`Sandbox::answer_next`](crate::Sandbox::answer_next) sends in place of the real one.
///
/// ```
/// use docr_sandbox::ScriptedAnswer;
///
/// ScriptedAnswer::status(503).header("retry-after", "2");
/// ScriptedAnswer::html(502, "<html><body>Bad gateway</body></html>");
/// ScriptedAnswer::json(200, serde_json::json!({ "registry": null }));
/// ```
#[derive(Clone, Debug)]
pub struct ScriptedAnswer {
    status: u16,
    headers: Vec<(String, String)>,
    content_type: String,
    /// Without one, a failure carries the standard error envelope and a success carries nothing.
    body: Option<Bytes>,
}

impl ScriptedAnswer {
    /// Answers with a status: from 400 with the standard error envelope, below it with no body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: "application/json".to_owned(),
            body: None,
        }
    }

    /// Answers with a JSON body.
    pub fn json(status: u16, body: Value) -> Self {
        Self::status(status).body(body.to_string())
    }

    /// Answers with an HTML page, as a proxy in front of the service does.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::status(status)
            .content_type("text/html")
            .body(page.into())
    }

    /// Adds a header. One that every response carries, such as `x-request-id`, is replaced.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, byte for byte. The content type stays `application/json` unless set.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the content type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Checks what the builder accepted unseen.
    pub(crate) fn prepare(self) -> Result<Prepared, ScriptError> {
        let status = StatusCode::from_u16(self.status)
            .ok()
            .filter(|status| !status.is_informational())
            .ok_or(ScriptError::Status(self.status))?;
        let mut headers = Vec::new();
        if let Some(content_type) = self
            .body
            .is_some()
            .then_some(("content-type".to_owned(), self.content_type))
        {
            headers.push(header_of(content_type)?);
        }
        for pair in self.headers {
            headers.push(header_of(pair)?);
        }
        Ok(Prepared {
            status,
            headers,
            body: self.body,
        })
    }
}

fn header_of((name, value): (String, String)) -> Result<(HeaderName, HeaderValue), ScriptError> {
    match (name.parse(), HeaderValue::try_from(value)) {
        // The server frames the body itself; two framings would break the connection.
        (Ok(header::CONTENT_LENGTH | header::TRANSFER_ENCODING), _) => {
            Err(ScriptError::Header(name))
        }
        (Ok(header), Ok(value)) => Ok((header, value)),
        _ => Err(ScriptError::Header(name)),
    }
}

/// A scripted response that is known to be sendable.
#[derive(Clone)]
pub(crate) struct Prepared {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
}

impl Prepared {
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let mut response = match self.body {
            Some(body) => Response {
                body,
                ..Response::empty(self.status)
            },
            None if self.status.as_u16() < 400 => Response::empty(self.status),
            None => envelope(
                self.status,
                "The sandbox was told to answer so.",
                request_id,
            ),
        };
        // Later values win, so that `.header("content-type", ...)` does what it says.
        for (name, value) in self.headers {
            response.headers.insert(name, value);
        }
        response
    }
}

impl Service {
    /// Refuses an operation that the spec doesn't have.
    pub(super) fn check_operation(&self, id: &str) -> Result<(), ScriptError> {
        if self.spec.operation(id).is_some() {
            return Ok(());
        }
        let nearest = self.spec.nearest(id).to_owned();
        Err(ScriptError::UnknownOperation(id.to_owned(), nearest))
    }

    pub(crate) fn answer_next(
        &self,
        operation: &str,
        answer: ScriptedAnswer,
    ) -> Result<(), ScriptError> {
        self.check_operation(operation)?;
        let answer = answer.prepare()?;
        let scripts = &mut self.state().scripts;
        let queue = scripts.entry(operation.to_owned()).or_default();
        queue.push_back(answer);
        Ok(())
    }
}

/// Why a response or a fault could not be scripted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The spec has no operation by that id; the second one is the id that is most like it.
    UnknownOperation(String, String),
    /// No final response can have that status.
    Status(u16),
    /// The header's name or value is malformed, or the header is one that the server must set itself.
    Header(String),
    /// The pattern of a path is malformed; the second text says how.
    Path(String, String),
    /// A probability is a number from 0 to 1.
    Probability,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation(id, nearest) => {
                write!(
                    f,
                    "the spec has no operation `{id}`; did you mean `{nearest}`?"
                )
            }
            Self::Status(status) => write!(
                f,
                "{status} is not a status that ends a request: 200 to 999 are"
            ),
            Self::Header(name) => write!(f, "header `{name}` can't be scripted"),
            Self::Path(pattern, fault) => {
                write!(f, "`{pattern}` is not a valid pattern of paths: {fault}")
            }
            Self::Probability => f.write_str("a probability is a number from 0 to 1"),
        }
    }
}

impl std::error::Error for ScriptError {}
