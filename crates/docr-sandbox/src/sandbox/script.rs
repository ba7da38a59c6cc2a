//! Scripted responses.

use std::fmt;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::service::Service;
use crate::http::problem::envelope;
use crate::http::response::Response;

/// A response that [`Sandbox::respond_next`](crate::Sandbox::respond_next) or a [`Fault`](crate::Fault) sends in place of
/// the real one.
///
/// ```
/// use docr_sandbox::ScriptedResponse;
///
/// ScriptedResponse::status(503).header("retry-after", "2");
/// ScriptedResponse::html(502, "<html><body>Bad gateway</body></html>");
/// ScriptedResponse::json(200, serde_json::json!({ "registry": null }));
/// ```
#[derive(Clone, Debug)]
pub struct ScriptedResponse {
    status: u16,
    headers: Vec<(String, String)>,
    content_type: String,
    /// Without one, a failure has the standard error envelope and a success has no body.
    body: Option<Bytes>,
}

impl ScriptedResponse {
    /// A response with this status: from 400 on with the standard error envelope, below without a body.
    ///
    /// ```
    /// let busy = docr_sandbox::ScriptedResponse::status(503);
    /// ```
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: "application/json".to_owned(),
            body: None,
        }
    }

    /// A response with a JSON body.
    ///
    /// ```
    /// use docr_sandbox::ScriptedResponse;
    ///
    /// let empty = ScriptedResponse::json(200, serde_json::json!({ "registries": [] }));
    /// ```
    pub fn json(status: u16, body: Value) -> Self {
        Self::status(status).body(body.to_string())
    }

    /// A response with an HTML page, such as a proxy in front of the service sends.
    ///
    /// ```
    /// let gateway = docr_sandbox::ScriptedResponse::html(502, "<h1>Bad gateway</h1>");
    /// ```
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::status(status)
            .content_type("text/html")
            .body(page.into())
    }

    /// Adds a header, in place of one that every response has, such as `x-request-id`.
    ///
    /// ```
    /// let busy = docr_sandbox::ScriptedResponse::status(503).header("retry-after", "2");
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, byte for byte. The content type is `application/json` unless set.
    ///
    /// ```
    /// let truncated = docr_sandbox::ScriptedResponse::status(200).body(r#"{"registry":"#);
    /// ```
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the content type.
    ///
    /// ```
    /// let text = docr_sandbox::ScriptedResponse::status(200).content_type("text/plain").body("ok");
    /// ```
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Validates what the builder accepted unchecked.
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

/// A scripted response that can be sent.
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
            None => envelope(self.status, "This response was scripted.", request_id),
        };
        // Later values win, so that `.header("content-type", ...)` works.
        for (name, value) in self.headers {
            response.headers.insert(name, value);
        }
        response
    }
}

impl Service {
    /// Rejects an operation that the spec doesn't have.
    pub(super) fn check_operation(&self, id: &str) -> Result<(), ScriptError> {
        if self.spec.operation(id).is_some() {
            return Ok(());
        }
        let nearest = self.spec.nearest(id).to_owned();
        Err(ScriptError::UnknownOperation(id.to_owned(), nearest))
    }

    pub(crate) fn respond_next(
        &self,
        operation: &str,
        response: ScriptedResponse,
    ) -> Result<(), ScriptError> {
        self.check_operation(operation)?;
        let response = response.prepare()?;
        let scripts = &mut self.state().scripts;
        let queue = scripts.entry(operation.to_owned()).or_default();
        queue.push_back(response);
        Ok(())
    }
}

/// Why a response or a fault can't be scripted.
///
/// ```
/// use docr_sandbox::{ScriptError, ScriptedResponse};
///
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// let refused = sandbox.respond_next("get_registry", ScriptedResponse::status(503));
/// assert!(matches!(refused, Err(ScriptError::UnknownOperation(_, nearest)) if nearest == "registry_get"));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptError {
    /// The spec has no operation with that id; the second text is the most similar id.
    UnknownOperation(String, String),
    /// A final response can't have that status.
    Status(u16),
    /// The header's name or value is malformed, or only the server can set it.
    Header(String),
    /// The path pattern is malformed; the second text is the reason.
    Path(String, String),
    /// The probability is not a number from 0 to 1.
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
                "{status} is not the status of a final response; use one from 200 to 999"
            ),
            Self::Header(name) => write!(
                f,
                "header `{name}` can't be scripted: its name or value is invalid, or the server sets it itself"
            ),
            Self::Path(pattern, fault) => {
                write!(f, "`{pattern}` is not a valid path pattern: {fault}")
            }
            Self::Probability => f.write_str("a probability must be a number from 0 to 1"),
        }
    }
}

impl std::error::Error for ScriptError {}
