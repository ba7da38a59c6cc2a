//! A server that replays a recording.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request as Incoming, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use similar::TextDiff;

use super::exchange::{Body, Exchange, Request};
use super::file::Recording;
use super::scrub::Scrubber;
use crate::http::body::read_body;
use crate::http::limits::ConnectionLimits;
use crate::http::problem::envelope;
use crate::http::request::Unreadable;
use crate::http::response::Response;
use crate::http::server::Server;
use crate::spec::Spec;

/// The status for a request that differs from the recorded one. No API uses it, so that no client takes it for a recorded
/// response.
const UNEXPECTED: StatusCode = StatusCode::IM_A_TEAPOT;

/// A server on 127.0.0.1 that expects the requests of a recording and sends its responses. Started by
/// [`Recording::replay`].
///
/// A request that differs from the recorded one in method, path, query, body or a recorded header gets status 418, with
/// the difference as the error's message.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let replay = Recording::load("tests/recordings/prune.json")?.replay().await?;
/// // Run the client under test with replay.url() and replay.token(), and then:
/// replay.finish().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Dropping a replay panics, like a failed assertion, if a request differed or is missing and [`finish`](Self::finish)
/// did not report it.
#[must_use = "a replay that is dropped at once misses all its requests"]
pub struct Replay {
    shared: Arc<Mutex<Progress>>,
    server: Option<Server>,
    url: String,
}

impl Recording {
    /// Starts a server that expects the requests of this recording, one after the other.
    ///
    /// ```
    /// use docr_sandbox::recording::Recording;
    ///
    /// # async fn example(recording: Recording) -> std::io::Result<()> {
    /// let replay = recording.replay().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no port can be opened, or a response of the recording can't be sent.
    pub async fn replay(self) -> io::Result<Replay> {
        Replay::start(self, Order::AsRecorded).await
    }

    /// Like [`replay`](Self::replay), for clients that send several requests at once: each request gets the response of
    /// the first unused exchange that matches.
    ///
    /// ```
    /// use docr_sandbox::recording::Recording;
    ///
    /// # async fn example(recording: Recording) -> std::io::Result<()> {
    /// let replay = recording.replay_in_any_order().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for `replay`.
    pub async fn replay_in_any_order(self) -> io::Result<Replay> {
        Replay::start(self, Order::Any).await
    }
}

impl Replay {
    async fn start(recording: Recording, order: Order) -> io::Result<Self> {
        let mut exchanges = recording.exchanges.iter();
        let checked = exchanges.try_for_each(|exchange| recorded_response(exchange).map(|_| ()));
        checked.map_err(|fault| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("recording {}: {fault}", recording.name),
            )
        })?;
        let shared = Arc::new(Mutex::new(Progress {
            used: vec![false; recording.exchanges.len()],
            recording,
            order,
            scrubber: Scrubber::new(Spec::embedded()?, Vec::new()),
            requests: Vec::new(),
            differences: Vec::new(),
        }));
        let router = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&shared));
        let server = Server::start(0, router, None, ConnectionLimits::default()).await?;
        Ok(Self {
            url: format!("http://{}", server.addr),
            server: Some(server),
            shared,
        })
    }

    /// The base URL, without a trailing slash.
    ///
    /// ```
    /// # async fn example(replay: docr_sandbox::recording::Replay) {
    /// println!("{}", replay.url());
    /// # }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A bearer token to send. Any token matches; a missing one is a difference if one was recorded.
    ///
    /// ```
    /// # async fn example(replay: docr_sandbox::recording::Replay) {
    /// let authorization = format!("Bearer {}", replay.token());
    /// # }
    /// ```
    pub fn token(&self) -> &str {
        "replayed"
    }

    /// The requests received so far, in order, as they would be recorded.
    ///
    /// ```
    /// # async fn example(replay: docr_sandbox::recording::Replay) {
    /// assert_eq!(replay.requests().len(), 2);
    /// # }
    /// ```
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared).requests.clone()
    }

    /// Stops the server and checks that exactly the recorded requests were received.
    ///
    /// ```
    /// use docr_sandbox::recording::{Mismatch, Replay};
    ///
    /// # async fn example(replay: Replay) -> Result<(), Mismatch> {
    /// replay.finish().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Mismatch`], with the requests that differed and those that are missing.
    pub async fn finish(mut self) -> Result<(), Mismatch> {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        lock(&self.shared).verdict()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // Without a server `finish` has reported already.
        if self.server.is_some() && !std::thread::panicking() {
            let verdict = lock(&self.shared).verdict();
            if let Err(mismatch) = verdict {
                panic!("{mismatch}");
            }
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("recording", &lock(&self.shared).recording.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    AsRecorded,
    Any,
}

/// The progress of a replay.
struct Progress {
    recording: Recording,
    order: Order,
    used: Vec<bool>,
    scrubber: Scrubber,
    requests: Vec<Request>,
    differences: Vec<String>,
}

fn lock(shared: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(State(shared): State<Arc<Mutex<Progress>>>, request: Incoming) -> Response {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts, body).await;
    lock(&shared).respond(&parts, body.as_deref())
}

impl Progress {
    fn respond(
        &mut self,
        parts: &axum::http::request::Parts,
        body: Result<&[u8], &Unreadable>,
    ) -> Response {
        let body = match body {
            Ok(bytes) => Body::read(bytes)
                .unwrap_or_else(|| Body::Text(String::from_utf8_lossy(bytes).into_owned())),
            Err(_) => Body::Text("(too large, or not sent whole)".to_owned()),
        };
        let mut request = self.scrubber.request(parts, body);
        let found = self.candidates().find(|index| {
            let recorded = &self.recording.exchanges[*index].request;
            request.route.clone_from(&recorded.route);
            request == *recorded
        });
        self.requests.push(request.clone());
        let Some(index) = found else {
            return self.unexpected(&request);
        };
        self.used[index] = true;
        let exchange = &self.recording.exchanges[index];
        // Only to count the numbered ids: it is scrubbed already.
        self.scrubber.response(&mut exchange.response.clone());
        recorded_response(exchange).unwrap_or_else(|fault| envelope(UNEXPECTED, &fault, "none"))
    }

    /// The exchanges that a request may match.
    fn candidates(&self) -> impl Iterator<Item = usize> {
        let unused = self.used.iter().enumerate().filter(|(_, used)| !**used);
        let most = match self.order {
            Order::AsRecorded => 1,
            Order::Any => usize::MAX,
        };
        unused.map(|(index, _)| index).take(most)
    }

    fn unexpected(&mut self, request: &Request) -> Response {
        let name = &self.recording.name;
        let sent = request.to_string();
        let nearest = self
            .candidates()
            .map(|index| {
                let recorded = self.recording.exchanges[index].request.to_string();
                let difference = TextDiff::from_lines(&recorded, &sent);
                let text = difference
                    .unified_diff()
                    .context_radius(100)
                    .header("recorded", "sent")
                    .to_string();
                (difference.ratio(), index, text)
            })
            .max_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let message = match nearest {
            Some((_, index, text)) => format!(
                "recording {name}: request {} is not the recorded one\n{text}",
                index + 1
            ),
            None => format!("recording {name}: nothing more is expected, but this came\n{sent}"),
        };
        self.differences.push(message.clone());
        envelope(UNEXPECTED, &message, "none")
    }

    fn verdict(&self) -> Result<(), Mismatch> {
        let missing: Vec<_> = (self.used.iter().zip(&self.recording.exchanges))
            .filter(|(used, _)| !**used)
            .map(|(_, exchange)| exchange.request.to_string())
            .collect();
        if self.differences.is_empty() && missing.is_empty() {
            return Ok(());
        }
        let mut differences = self.differences.clone();
        // A client that retries sends the same request again.
        differences.dedup();
        Err(Mismatch {
            recording: self.recording.name.clone(),
            differences,
            missing,
        })
    }
}

/// The recorded response, or why it can't be sent.
fn recorded_response(exchange: &Exchange) -> Result<Response, String> {
    let recorded = &exchange.response;
    let status = StatusCode::from_u16(recorded.status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| format!("{} is not the status of a final response", recorded.status))?;
    let mut response = Response::empty(status);
    response.body = recorded.body.to_text().into();
    for (name, value) in &recorded.headers {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            // The server frames the body itself; two framings would break the connection.
            (Ok(header::CONTENT_LENGTH | header::TRANSFER_ENCODING), _) => {}
            (Ok(name), Ok(value)) => {
                response.headers.insert(name, value);
            }
            _ => return Err(format!("header {name:?} can't be sent")),
        }
    }
    Ok(response)
}

/// How the received requests differ from the recorded ones. `Display` and `Debug` are made for people.
///
/// ```
/// # async fn example(replay: docr_sandbox::recording::Replay) {
/// if let Err(mismatch) = replay.finish().await {
///     println!("{} of the requests are missing", mismatch.missing.len());
/// }
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The recording's name.
    pub recording: String,
    /// Each request that was not recorded, as a difference to the most similar one.
    pub differences: Vec<String>,
    /// The recorded requests that are missing.
    pub missing: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        for request in &self.missing {
            writeln!(
                f,
                "recording {}: this request is missing\n{request}",
                self.recording
            )?;
        }
        Ok(())
    }
}

/// The same as `Display`: a test that fails with this error shows its `Debug`.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Mismatch {}
