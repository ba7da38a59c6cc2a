//! Processes a request: route, token, rate limit, script, validation, handler.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header, request};
use chrono::{DateTime, Utc};

use super::data::Data;
use super::event::{Event, Events};
use super::fault::Faults;
use super::request_log::{Arrival, Entry, RequestBody, RequestLog};
use super::script::Prepared;
use super::snapshot::Snapshot;
use crate::handlers::{Call, REVOKE_PATH, handler, revoke};
use crate::http::conformance::{self, Violation};
use crate::http::problem::Problem;
use crate::http::request::{self as validation, Unreadable};
use crate::http::response::Response;
use crate::http::written::WrittenPages;
use crate::model::account::World;
use crate::model::clock::Clock;
use crate::model::ids::Ids;
use crate::model::rate::{RateLimits, Window};
use crate::refusal::Reason;
use crate::spec::{Operation, Routed, Spec};
use crate::storage::Directory;

/// Everything behind the socket.
pub(crate) struct Service {
    pub(crate) spec: &'static Spec,
    pub(crate) clock: Clock,
    /// The scheme of the sandbox's URLs: `http` or `https`.
    pub(crate) scheme: &'static str,
    pub(crate) check_responses: bool,
    pub(crate) state: Mutex<Held>,
    /// A cache of serialised pages of lists.
    pub(crate) pages: WrittenPages,
    /// Called before each request.
    pub(crate) hook: Mutex<Option<Hook>>,
    /// The directory of blobs.
    pub(crate) directory: Arc<Directory>,
    /// The directory that outlives the sandbox.
    pub(crate) data: Option<Data>,
    /// The initial content.
    pub(crate) start: OnceLock<Snapshot>,
    /// Whether credentials include the sandbox's own host.
    pub(crate) names_own_host: bool,
}

/// Called with the method and the path of a request.
pub(crate) type Hook = Arc<dyn Fn(&str, &str) + Send + Sync>;

pub(crate) struct Held {
    pub(crate) world: World,
    /// Grows with each change of the world that is saved.
    pub(crate) version: u64,
    /// Separate from the world's ids: a repeated request doesn't change the ids of what is created later.
    pub(crate) request_ids: Ids,
    pub(crate) limits: RateLimits,
    pub(crate) scripts: HashMap<String, VecDeque<Prepared>>,
    pub(crate) faults: Faults,
    /// By name.
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) requests: RequestLog,
    pub(crate) events: Events,
    pub(crate) violations: Vec<Violation>,
}

impl Held {
    /// Does what is due up to `now`.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        if self.world.settle(now) {
            self.changed();
        }
    }

    /// Notes that the world has changed.
    pub(crate) fn changed(&mut self) {
        self.version += 1;
        self.events.tell(Event::Change);
    }

    /// Logs a request, if requests are kept.
    pub(super) fn keep(&mut self, entry: impl FnOnce() -> Entry) {
        if self.requests.keeps() {
            let entry = self.requests.keep(entry());
            self.events.tell(Event::Request(entry));
        }
    }
}

impl Service {
    pub(crate) fn state(&self) -> MutexGuard<'_, Held> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run_hook(&self, request: &request::Parts) {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        let hook = hook.clone();
        if let Some(hook) = hook {
            hook(request.method.as_str(), request.uri.path());
        }
    }

    /// Responds to a request and logs it.
    pub(super) fn respond(
        &self,
        arrival: &Arrival,
        request: &request::Parts,
        routed: Routed<'static>,
        body: Result<Bytes, Unreadable>,
    ) -> Response {
        let mut held = self.state();
        let state = &mut *held;
        let now = self.clock.now();
        let request_id = state.request_ids.uuid();
        let (method, path, query) = (
            request.method.as_str(),
            request.uri.path(),
            request.uri.query(),
        );

        let operation = routed.operation();
        let owner = bearer(&request.headers).and_then(|token| state.world.owner(token, now));
        let scopes = operation.map_or(&[][..], |operation| &operation.scopes);
        let lacking = owner.and_then(|(_, token)| token.lacks(scopes));
        let caller = owner.map(|(place, _)| place);
        let scopes = owner.and_then(|(_, token)| token.scopes.clone());

        let revokes = method == "POST" && path == REVOKE_PATH;
        let next = match &body {
            Ok(body) if revokes => {
                // The official clients revoke a minted credential with itself as bearer.
                let holder = bearer(&request.headers).and_then(|token| state.world.holder(token));
                let account = caller.or(holder).map(|caller| state.world.account(caller));
                revoke(account, body).map(Step::Respond)
            }
            _ => self.next_step(state, routed, (caller, lacking), now),
        };
        let (mut response, scripted) = match next {
            Ok(Step::Respond(response)) => (response, false),
            Ok(Step::Script(script)) => (script.into_response(&request_id), true),
            Ok(Step::Handle(admitted)) => {
                state.settle(now);
                let url = self.url(request);
                let handled = self.handle(
                    &mut state.world,
                    admitted,
                    scopes,
                    (url, query),
                    body.as_ref(),
                    now,
                );
                (
                    handled.unwrap_or_else(|problem| problem.into_response(&request_id)),
                    false,
                )
            }
            Err(problem) => (problem.into_response(&request_id), false),
        };

        // Reading a credential mints it.
        let reads = request.method == Method::GET && !path.ends_with("/docker-credentials");
        if !reads && response.status.is_success() {
            state.changed();
        }

        response.default_header("x-request-id", &request_id);
        // By the sandbox's clock, like all times in it.
        response.default_header("date", &http_date(now));
        for (name, value) in rate_headers(&mut state.world, state.limits, caller, now) {
            response.default_header(name, &value.to_string());
        }
        // Others are served while a long list is serialised and validated.
        drop(held);
        response.write();
        let checked = operation.filter(|_| self.check_responses && !scripted);
        let violations = checked.map(|operation| conformance::violations(operation, &response));
        let state = &mut *self.state();
        state.violations.extend(violations.into_iter().flatten());
        state.keep(|| {
            let kept = match body {
                Ok(_) if revokes => RequestBody::Secret,
                Ok(body) => RequestBody::Kept(body),
                Err(_) => RequestBody::Left,
            };
            Entry::new(arrival, request, kept, operation, &response, now)
        });
        response
    }

    /// What is checked before the request itself.
    fn next_step<'a>(
        &self,
        state: &mut Held,
        routed: Routed<'a>,
        (caller, lacking): (Option<usize>, Option<&str>),
        now: DateTime<Utc>,
    ) -> Result<Step<'a>, Problem> {
        let admitted = admit(routed, caller)?;
        state
            .world
            .account(admitted.caller)
            .window
            .admit(state.limits, now)?;
        if lacking.is_some() {
            return Err(Reason::NotAllowed.into());
        }
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
        scopes: Option<BTreeSet<String>>,
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
        let handler =
            handler(&operation.id).ok_or_else(|| Reason::NotServed.about(&operation.id))?;
        handler(&mut Call {
            spec: self.spec,
            world,
            caller,
            scopes,
            legacy: operation.id.starts_with("registry_"),
            input,
            pages: &self.pages,
            url,
            names_own_host: self.names_own_host,
            now,
        })
    }

    /// The requested URL, without the query.
    fn url(&self, request: &request::Parts) -> String {
        format!("{}{}", self.base(request), request.uri.path())
    }

    /// The base URL by which the client reaches the sandbox.
    pub(super) fn base(&self, request: &request::Parts) -> String {
        let host = request
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or(request.uri.authority().map(|authority| authority.as_str()))
            .unwrap_or("localhost");
        format!("{}://{host}", self.scheme)
    }
}

/// The rate limit headers, which every response has.
fn rate_headers(
    world: &mut World,
    limits: RateLimits,
    caller: Option<usize>,
    now: DateTime<Utc>,
) -> [(&'static str, u64); 3] {
    let allowance = match caller {
        Some(caller) => world.account(caller).window.allowance(limits, now),
        // Unauthenticated requests are not counted.
        None => Window::default().allowance(limits, now),
    };
    [
        ("ratelimit-limit", allowance.limit),
        ("ratelimit-remaining", allowance.remaining),
        ("ratelimit-reset", allowance.reset),
    ]
}

pub(super) fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

enum Step<'a> {
    Respond(Response),
    Script(Prepared),
    Handle(Admitted<'a>),
}

/// An authenticated request to a known operation.
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
        (Routed::Operation(..), None) => Err(Reason::NotAuthenticated.into()),
        (Routed::OtherMethod(methods), _) => {
            Err(Problem::from(Reason::OtherMethod).with_header("allow", methods))
        }
        (Routed::Unknown, _) => Err(Reason::NoPath.into()),
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
