//! The way of a request: route, token, rate limit, script, validation, handler.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header, request};
use chrono::{DateTime, Utc};

use super::request_log::{RecordedRequest, recorded_body, recorded_headers};
use super::script::Prepared;
use crate::handlers::oci;
use crate::handlers::{Call, REVOKE_PATH, handler, revoke};
use crate::http::conformance::{self, Violation};
use crate::http::problem::Problem;
use crate::http::redact::REDACTED;
use crate::http::request::{self as validation, Unreadable};
use crate::http::response::Response;
use crate::http::server::read_body;
use crate::model::account::World;
use crate::model::clock::Clock;
use crate::model::ids::Ids;
use crate::model::rate::{RateLimits, Window};
use crate::spec::{Operation, Routed, Spec};

/// Answers what comes through the socket.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(serve).with_state(service)
}

async fn serve(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = read_body(body).await;
    let hook = service
        .hook
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some(hook) = hook {
        hook(parts.method.as_str(), parts.uri.path());
    }
    service.respond(&parts, body)
}

/// Everything behind the socket.
pub(crate) struct Service {
    pub(crate) spec: &'static Spec,
    pub(crate) clock: Clock,
    /// How URLs of the sandbox begin: `http` or `https`.
    pub(crate) scheme: &'static str,
    pub(crate) limits: RateLimits,
    pub(crate) check_answers: bool,
    pub(crate) state: Mutex<Held>,
    /// Is run before each request.
    pub(crate) hook: Mutex<Option<Hook>>,
}

/// Is given the method and the path of a request.
pub(crate) type Hook = Arc<dyn Fn(&str, &str) + Send + Sync>;

pub(crate) struct Held {
    pub(crate) world: World,
    /// Apart from the world's ids, so that a repeated request doesn't change what is created later.
    pub(crate) request_ids: Ids,
    pub(crate) scripts: HashMap<String, VecDeque<Prepared>>,
    pub(crate) requests: Vec<RecordedRequest>,
    pub(crate) violations: Vec<Violation>,
}

impl Service {
    pub(crate) fn state(&self) -> MutexGuard<'_, Held> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request and keeps record of it.
    fn respond(&self, request: &request::Parts, body: Result<Bytes, Unreadable>) -> Response {
        let state = &mut *self.state();
        let now = self.clock.now();
        let request_id = state.request_ids.uuid();
        let (method, path, query) = (
            request.method.as_str(),
            request.uri.path(),
            request.uri.query(),
        );

        let routed = self.spec.route(method, path);
        let operation = match &routed {
            Routed::Operation(operation, _) => Some(*operation),
            Routed::OtherMethod(_) | Routed::Unknown => None,
        };
        let caller = bearer(&request.headers).and_then(|token| state.world.owner(token));

        let revokes = method == "POST" && path == REVOKE_PATH;
        let oci = match routed {
            Routed::Unknown => oci::request(method, path),
            _ => None,
        };
        let next = match (&body, oci) {
            (Ok(body), _) if revokes => {
                // A minted credential speaks for itself, as the official clients have it.
                let holder = bearer(&request.headers).and_then(|token| state.world.holder(token));
                let account = caller.or(holder).map(|caller| state.world.account(caller));
                revoke(account, body).map(Step::Respond)
            }
            (_, Some(wanted)) => {
                state.world.settle(now);
                Ok(Step::Respond(oci::respond(
                    &state.world,
                    &wanted,
                    &request.headers,
                    now,
                )))
            }
            _ => self.next_step(state, routed, caller, now),
        };
        let (mut response, scripted) = match next {
            Ok(Step::Respond(response)) => (response, false),
            Ok(Step::Script(script)) => (script.into_response(&request_id), true),
            Ok(Step::Handle(admitted)) => {
                state.world.settle(now);
                let url = self.url(request);
                let handled =
                    self.handle(&mut state.world, admitted, (url, query), body.as_ref(), now);
                (
                    handled.unwrap_or_else(|problem| problem.into_response(&request_id)),
                    false,
                )
            }
            Err(problem) => (problem.into_response(&request_id), false),
        };

        response.default_header("x-request-id", &request_id);
        // The sandbox's own time, not the machine's, as the times of what it holds are.
        response.default_header("date", &now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        for (name, value) in self.rate_headers(&mut state.world, caller, now) {
            response.default_header(name, &value.to_string());
        }
        if let Some(operation) = operation.filter(|_| self.check_answers && !scripted) {
            state
                .violations
                .extend(conformance::violations(operation, &response));
        }
        state.requests.push(RecordedRequest {
            operation: operation.map(|operation| operation.id.clone()),
            method: method.to_owned(),
            path: path.to_owned(),
            route: operation.map(|operation| operation.template.text.clone()),
            query: query.map(str::to_owned),
            headers: recorded_headers(&request.headers),
            body: match body {
                Ok(_) if revokes => REDACTED.to_owned(),
                Ok(body) => recorded_body(&body, &self.spec.secret_fields),
                Err(_) => String::new(),
            },
            status: response.status.as_u16(),
        });
        response
    }

    /// What comes before the request itself is looked at.
    fn next_step<'a>(
        &self,
        state: &mut Held,
        routed: Routed<'a>,
        caller: Option<usize>,
        now: DateTime<Utc>,
    ) -> Result<Step<'a>, Problem> {
        let admitted = admit(routed, caller)?;
        state
            .world
            .account(admitted.caller)
            .window
            .admit(self.limits, now)?;
        let script = state
            .scripts
            .get_mut(&admitted.operation.id)
            .and_then(VecDeque::pop_front);
        Ok(script.map_or(Step::Handle(admitted), Step::Script))
    }

    fn handle(
        &self,
        world: &mut World,
        admitted: Admitted<'_>,
        (url, query): (String, Option<&str>),
        body: Result<&Bytes, &Unreadable>,
        now: DateTime<Utc>,
    ) -> Result<Response, Problem> {
        let Admitted {
            operation,
            path,
            caller,
        } = admitted;
        let input = validation::read(operation, path, query, body)?;
        let handler = handler(&operation.id).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                format!("The sandbox doesn't serve {} yet.", operation.id),
            )
        })?;
        handler(&mut Call {
            spec: self.spec,
            world,
            caller,
            legacy: operation.id.starts_with("registry_"),
            input,
            url,
            now,
        })
    }

    /// The URL that the client used, without the query.
    fn url(&self, request: &request::Parts) -> String {
        let host = request
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or(request.uri.authority().map(|authority| authority.as_str()))
            .unwrap_or("localhost");
        format!("{}://{host}{}", self.scheme, request.uri.path())
    }

    /// The headers about the rate limit, which every response carries.
    fn rate_headers(
        &self,
        world: &mut World,
        caller: Option<usize>,
        now: DateTime<Utc>,
    ) -> [(&'static str, u64); 3] {
        let allowance = match caller {
            Some(caller) => world.account(caller).window.allowance(self.limits, now),
            // Nothing is counted for a stranger.
            None => Window::default().allowance(self.limits, now),
        };
        [
            ("ratelimit-limit", allowance.limit),
            ("ratelimit-remaining", allowance.remaining),
            ("ratelimit-reset", allowance.reset),
        ]
    }
}

enum Step<'a> {
    Respond(Response),
    Script(Prepared),
    Handle(Admitted<'a>),
}

/// A request to a known operation by a known account.
struct Admitted<'a> {
    operation: &'a Operation,
    path: BTreeMap<String, String>,
    caller: usize,
}

fn admit(routed: Routed<'_>, caller: Option<usize>) -> Result<Admitted<'_>, Problem> {
    match (routed, caller) {
        (Routed::Operation(operation, path), Some(caller)) => Ok(Admitted {
            operation,
            path,
            caller,
        }),
        (Routed::Operation(..), None) => Err(Problem::stranger()),
        (Routed::OtherMethod(methods), _) => Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "The path doesn't take this method.",
        )
        .with_header("allow", methods)),
        (Routed::Unknown, _) => Err(Problem::not_found("The API has no such path.")),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
