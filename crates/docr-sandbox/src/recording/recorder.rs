//! A proxy that writes down what passes through it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request as Incoming, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use reqwest::redirect;

use super::exchange::{
    Body, Exchange, RESPONSE_HEADERS, Response as RecordedResponse, kept_headers,
};
use super::file::{Origin, Recording};
use super::scrub::Scrubber;
use crate::http::body::read_body;
use crate::http::limits::ConnectionLimits;
use crate::http::problem::envelope;
use crate::http::redact::REDACTED;
use crate::http::response::Response;
use crate::http::server::Server;
use crate::model::clock::Clock;
use crate::sandbox::Sandbox;
use crate::spec::{Routed, Spec};

/// Where the API is; what recordings say in place of the server that really answered.
const API: &str = "https://api.digitalocean.com";

/// Headers that belong to one connection and are not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A server on 127.0.0.1 that passes every request on, and keeps what was asked and what came back.
///
/// It speaks plain HTTP with the client, and whatever the target's URL says with the target. Redirects are passed
/// back, not followed.
pub struct Recorder {
    shared: Arc<Shared>,
    server: Server,
    url: String,
}

impl Recorder {
    /// Will record what a sandbox answers.
    pub fn sandbox(sandbox: &Sandbox) -> RecorderBuilder {
        RecorderBuilder::new(sandbox.url(), Origin::Sandbox).clock(sandbox.clock().clone())
    }

    /// Will record what the server at this base URL answers.
    pub fn live(base_url: &str) -> RecorderBuilder {
        RecorderBuilder::new(base_url, Origin::Live)
    }

    /// The base URL for the client, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops recording, and returns what was recorded, without secrets.
    ///
    /// # Errors
    ///
    /// When a request got no response, since the recording would have a hole; when a body is neither JSON nor text.
    pub async fn finish(self, name: impl Into<String>) -> Result<Recording, RecordError> {
        self.server.stop().await;
        let mut passed = self.shared.passed();
        let mut scrubber = Scrubber::new(self.shared.spec, self.shared.replacements.clone());
        scrubber.replace(self.shared.target.clone(), API);
        for token in passed.iter().filter_map(Passed::token) {
            scrubber.replace(token, REDACTED);
        }
        let mut exchanges = Vec::new();
        for (index, passed) in passed.drain(..).enumerate() {
            let (method, path) = (
                passed.parts.method.clone(),
                passed.parts.uri.path().to_owned(),
            );
            let exchange = passed.into_exchange(self.shared.spec, &mut scrubber);
            exchanges.push(exchange.map_err(|fault| RecordError {
                request: index + 1,
                method: method.to_string(),
                path,
                fault,
            })?);
        }
        Ok(Recording {
            name: name.into(),
            about: String::new(),
            recorded_from: self.shared.origin,
            recorded_on: self.shared.clock.now().date_naive(),
            api_version: self.shared.spec.version.clone(),
            exchanges,
        })
    }
}

/// Chooses what a [`Recorder`] does.
#[derive(Clone, Debug)]
#[must_use]
pub struct RecorderBuilder {
    target: String,
    origin: Origin,
    clock: Clock,
    replacements: Vec<(String, String)>,
}

impl RecorderBuilder {
    fn new(target: &str, origin: Origin) -> Self {
        Self {
            target: target.trim_end_matches('/').to_owned(),
            origin,
            clock: Clock::system(),
            replacements: Vec::new(),
        }
    }

    /// Lets another text stand for this one wherever it appears: for the names of an account's resources, say.
    pub fn replace(mut self, text: impl Into<String>, by: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.replacements.push((text, by.into()));
        }
        self
    }

    /// Takes the day of the recording from this clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts to record.
    ///
    /// # Errors
    ///
    /// When no port can be opened, or the HTTP client can't be set up.
    pub async fn start(self) -> io::Result<Recorder> {
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            client,
            spec: Spec::embedded()?,
            target: self.target,
            origin: self.origin,
            clock: self.clock,
            replacements: self.replacements,
            passed: Mutex::new(Vec::new()),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = Server::start(0, router, None, ConnectionLimits::default()).await?;
        Ok(Recorder {
            url: format!("http://{}", server.addr),
            server,
            shared,
        })
    }
}

struct Shared {
    client: reqwest::Client,
    spec: &'static Spec,
    target: String,
    origin: Origin,
    clock: Clock,
    replacements: Vec<(String, String)>,
    passed: Mutex<Vec<Passed>>,
}

impl Shared {
    fn passed(&self) -> std::sync::MutexGuard<'_, Vec<Passed>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that came, and its response once there is one.
struct Passed {
    parts: axum::http::request::Parts,
    body: Bytes,
    response: Option<(StatusCode, HeaderMap, Bytes)>,
}

impl Passed {
    fn token(&self) -> Option<String> {
        let value = self
            .parts
            .headers
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?;
        Some(value.split_once(' ')?.1.trim().to_owned())
    }

    fn into_exchange(self, spec: &Spec, scrubber: &mut Scrubber) -> Result<Exchange, &'static str> {
        let (status, headers, bytes) = self.response.ok_or("got no answer")?;
        let routed = spec.route(self.parts.method.as_str(), self.parts.uri.path());
        let operation = match routed {
            Routed::Operation(operation, _) => Some(operation),
            Routed::OtherMethod(_) | Routed::Unknown => None,
        };
        let body = Body::read(&self.body).ok_or("sent a body that is no text")?;
        let mut request = scrubber.request(&self.parts, body);
        request.route = operation.map(|operation| operation.template.text.clone());
        let mut response = RecordedResponse {
            status: status.as_u16(),
            headers: kept_headers(&headers, &RESPONSE_HEADERS),
            body: Body::read(&bytes).ok_or("was answered with a body that is no text")?,
        };
        scrubber.response(&mut response);
        Ok(Exchange {
            operation: operation.map(|operation| operation.id.clone()),
            request,
            response,
        })
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Incoming) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = read_body(&parts, body).await else {
        let message = "The body is too large to be recorded, or did not arrive whole.";
        return envelope(StatusCode::PAYLOAD_TOO_LARGE, message, "none");
    };
    // The place is taken now: exchanges are kept in the order in which the requests came.
    let place = {
        let mut passed = shared.passed();
        passed.push(Passed {
            parts: parts.clone(),
            body: body.clone(),
            response: None,
        });
        passed.len() - 1
    };
    match forward(&shared, parts, body).await {
        Ok((status, headers, body)) => {
            shared.passed()[place].response = Some((status, headers.clone(), body.clone()));
            Response {
                headers,
                body,
                ..Response::empty(status)
            }
        }
        Err(error) => {
            let message = format!("The recorder got no answer: {}.", error.without_url());
            envelope(StatusCode::BAD_GATEWAY, &message, "none")
        }
    }
}

async fn forward(
    shared: &Shared,
    mut parts: axum::http::request::Parts,
    body: Bytes,
) -> Result<(StatusCode, HeaderMap, Bytes), reqwest::Error> {
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{target}", shared.target);
    drop_connection_headers(&mut parts.headers);
    // What is compressed could not be read.
    parts.headers.remove(header::ACCEPT_ENCODING);
    let response = shared
        .client
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .send()
        .await?;
    let status = response.status();
    let mut headers = response.headers().clone();
    drop_connection_headers(&mut headers);
    Ok((status, headers, response.bytes().await?))
}

fn drop_connection_headers(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Why there is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request {request}, {method} {path}, {fault}")]
#[non_exhaustive]
pub struct RecordError {
    /// The number of the request, from 1.
    pub request: usize,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    fault: &'static str,
}
