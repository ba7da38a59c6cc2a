//! A proxy that records what passes through it.

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

/// The API's base URL, which recordings have in place of the target's.
const API: &str = "https://api.digitalocean.com";

/// Headers of a single connection, which are not forwarded.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A proxy on 127.0.0.1 that forwards every request and records it with its response.
///
/// It serves plain HTTP, and connects to the target by HTTP or HTTPS, as the target's URL says. Redirects are returned
/// to the client, not followed.
///
/// ```
/// use docr_sandbox::{Sandbox, recording::Recorder};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::start().await?;
/// let recorder = Recorder::sandbox(&sandbox).start().await?;
/// // Run the client under test with recorder.url() and sandbox.token(), and then:
/// let recording = recorder.finish("nothing").await?;
/// assert!(recording.exchanges.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Recorder {
    shared: Arc<Shared>,
    server: Server,
    url: String,
}

impl Recorder {
    /// Configures a recorder of a sandbox.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let builder = Recorder::sandbox(sandbox);
    /// # }
    /// ```
    pub fn sandbox(sandbox: &Sandbox) -> RecorderBuilder {
        RecorderBuilder::new(sandbox.url(), Origin::Sandbox).clock(sandbox.clock().clone())
    }

    /// Configures a recorder of the server at this base URL.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// let builder = Recorder::live("https://api.digitalocean.com");
    /// ```
    pub fn live(base_url: &str) -> RecorderBuilder {
        RecorderBuilder::new(base_url, Origin::Live)
    }

    /// The base URL for the client, without a trailing slash.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let recorder = Recorder::live("https://api.digitalocean.com").start().await?;
    /// println!("{}", recorder.url());
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops recording and returns the recording, without secrets.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// # async fn example(recorder: Recorder) -> Result<(), Box<dyn std::error::Error>> {
    /// recorder.finish("prune").await?.save("tests/recordings/prune.json")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If a request got no response, since the recording would be incomplete, or a body is neither JSON nor text.
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

/// The options of a [`Recorder`].
///
/// ```
/// use docr_sandbox::recording::Recorder;
///
/// let builder = Recorder::live("https://api.digitalocean.com").replace("my-company", "acme");
/// ```
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

    /// Replaces a text wherever it occurs, such as the name of an account's resource.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// let builder = Recorder::live("https://api.digitalocean.com").replace("my-company", "acme");
    /// ```
    pub fn replace(mut self, text: impl Into<String>, by: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.replacements.push((text, by.into()));
        }
        self
    }

    /// Sets the clock from which the day of the recording is taken.
    ///
    /// ```
    /// use docr_sandbox::{Clock, recording::Recorder};
    ///
    /// let clock = Clock::manual("2026-01-12T09:30:00Z".parse()?);
    /// let builder = Recorder::live("https://api.digitalocean.com").clock(clock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts recording.
    ///
    /// ```
    /// use docr_sandbox::recording::Recorder;
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let recorder = Recorder::live("https://api.digitalocean.com").start().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no port can be opened, or the HTTP client can't be set up.
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

/// A request, and its response once there is one.
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
        let (status, headers, bytes) = self.response.ok_or("got no response")?;
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
            body: Body::read(&bytes).ok_or("got a response whose body is not text")?,
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
    // Added before the response: exchanges are kept in the order of their requests.
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
            let message = format!("The recorder got no response: {}.", error.without_url());
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
    // A compressed response could not be read.
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

/// Why an exchange can't be recorded.
///
/// ```
/// use docr_sandbox::recording::Recorder;
///
/// # async fn example(recorder: Recorder) {
/// if let Err(error) = recorder.finish("prune").await {
///     println!("request {}: {error}", error.request);
/// }
/// # }
/// ```
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
