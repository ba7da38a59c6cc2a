//! What can befall requests on their way.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::request;
use axum::response::Response;
use globset::{GlobBuilder, GlobMatcher};

use super::Sandbox;
use super::script::{Prepared, ScriptError, ScriptedAnswer};
use super::service::Service;
use crate::http::stream::CutOff;
use crate::model::ids::Ids;
use crate::spec::Routed;

/// Something that befalls requests on their way: between the client and the service, as far as that can tell. So it
/// comes before the token, the rate limit and [`answer_next`](Sandbox::answer_next), also where no operation is known,
/// and to the registry's own protocol as well.
///
/// A fault befalls each request that it matches, unless told otherwise.
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::{Fault, ScriptedAnswer};
///
/// // The third and the fourth upload of a blob find a busy gateway.
/// Fault::answer(ScriptedAnswer::html(502, "<h1>Bad gateway</h1>")).method("PATCH").path("/v2/*/**").skip(2).times(2);
/// // One response in ten is lost, though what was asked is done.
/// Fault::lost().operation("registry_create").probability(0.1, 42);
/// // Everything takes a while.
/// Fault::latency(Duration::from_millis(200));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Fault {
    operation: Option<String>,
    method: Option<String>,
    path: Option<String>,
    skip: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
    latency: Duration,
    effect: Effect<ScriptedAnswer>,
}

/// What a fault does.
#[derive(Clone)]
pub(crate) enum Effect<A> {
    /// It only takes time.
    Nothing,
    Answer(A),
    /// The response ends after so many bytes of its body.
    CutOff(u64),
    /// Nothing is done, and the connection ends.
    Reset,
    /// What is asked is done, and the connection ends.
    Lost,
}

impl Fault {
    fn new(effect: Effect<ScriptedAnswer>) -> Self {
        Self {
            operation: None,
            method: None,
            path: None,
            skip: 0,
            times: None,
            probability: None,
            latency: Duration::ZERO,
            effect,
        }
    }

    /// This is sent, and nothing is done.
    pub fn answer(answer: ScriptedAnswer) -> Self {
        Self::new(Effect::Answer(answer))
    }

    /// What is asked is done, but of the response's body only so many bytes arrive before the connection ends.
    pub fn cut_off(bytes: u64) -> Self {
        Self::new(Effect::CutOff(bytes))
    }

    /// The connection ends without a response, and nothing is done.
    pub fn reset() -> Self {
        Self::new(Effect::Reset)
    }

    /// The connection ends without a response, though what was asked is done.
    pub fn lost() -> Self {
        Self::new(Effect::Lost)
    }

    /// The request arrives so much later, in real time.
    pub fn latency(by: Duration) -> Self {
        Self::new(Effect::Nothing).after(by)
    }

    /// It comes after a while, in real time.
    pub fn after(mut self, by: Duration) -> Self {
        self.latency = by;
        self
    }

    /// It befalls calls of this operation only, by its id in the spec.
    pub fn operation(mut self, id: impl Into<String>) -> Self {
        self.operation = Some(id.into());
        self
    }

    /// It befalls requests with this method only.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// It befalls requests to these paths only: `*` stands for any text without a slash, `**` for any.
    pub fn path(mut self, pattern: impl Into<String>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// It spares the first requests that it matches.
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// It befalls so many requests and no more.
    pub fn times(mut self, requests: u64) -> Self {
        self.times = Some(requests);
        self
    }

    /// It befalls so large a share of the requests, from 0 to 1. The same seed chooses the same ones.
    pub fn probability(mut self, share: f64, seed: u64) -> Self {
        self.probability = Some((share, seed));
        self
    }

    /// Checks what the builder accepted unseen.
    fn prepare(self, service: &Service) -> Result<Ready, ScriptError> {
        if let Some(id) = &self.operation {
            service.check_operation(id)?;
        }
        let path = self.path.as_deref().map(glob).transpose()?;
        if let Some((share, _)) = self.probability
            && !(0.0..=1.0).contains(&share)
        {
            return Err(ScriptError::Probability);
        }
        let effect = match self.effect {
            Effect::Answer(answer) => Effect::Answer(answer.prepare()?),
            Effect::Nothing => Effect::Nothing,
            Effect::CutOff(bytes) => Effect::CutOff(bytes),
            Effect::Reset => Effect::Reset,
            Effect::Lost => Effect::Lost,
        };
        Ok(Ready {
            operation: self.operation,
            method: self.method,
            path,
            skip: self.skip,
            times: self.times,
            chance: self
                .probability
                .map(|(share, seed)| (share, Ids::new(seed, 3))),
            latency: self.latency,
            effect,
            matched: 0,
            befallen: 0,
        })
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, ScriptError> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob =
        glob.map_err(|error| ScriptError::Path(pattern.to_owned(), error.kind().to_string()))?;
    Ok(glob.compile_matcher())
}

/// A fault that can befall requests.
struct Ready {
    operation: Option<String>,
    method: Option<String>,
    path: Option<GlobMatcher>,
    skip: u64,
    times: Option<u64>,
    chance: Option<(f64, Ids)>,
    latency: Duration,
    effect: Effect<Prepared>,
    matched: u64,
    befallen: u64,
}

impl Ready {
    fn matches(&self, operation: Option<&str>, method: &str, path: &str) -> bool {
        let same = |wanted: &Option<String>, it: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| it.is_some_and(|it| it.eq_ignore_ascii_case(wanted)))
        };
        same(&self.operation, operation)
            && same(&self.method, Some(method))
            && self.path.as_ref().is_none_or(|glob| glob.is_match(path))
    }

    /// Counts a request that it matches, and decides whether it befalls that one.
    fn strikes(&mut self) -> bool {
        self.matched += 1;
        let is_due = self.matched > self.skip
            && self.times.is_none_or(|times| self.befallen < times)
            // Drawn only when it counts, so that `skip` doesn't change which ones are chosen.
            && self.chance.as_mut().is_none_or(|(share, ids)| ids.chance(*share));
        self.befallen += u64::from(is_due);
        is_due
    }
}

/// How often a fault came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultCount {
    /// The fault's id.
    pub id: u64,
    /// How many requests it matched.
    pub matched: u64,
    /// How many of those it befell.
    pub befallen: u64,
}

/// All faults, the oldest first.
#[derive(Default)]
pub(crate) struct Faults {
    all: Vec<(u64, Ready)>,
    newest: u64,
}

impl Faults {
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    pub(crate) fn counts(&self) -> Vec<FaultCount> {
        let all = self.all.iter();
        let count = |(id, fault): &(u64, Ready)| FaultCount {
            id: *id,
            matched: fault.matched,
            befallen: fault.befallen,
        };
        all.map(count).collect()
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.all.len();
        self.all.retain(|(other, _)| *other != id);
        self.all.len() < before
    }

    fn add(&mut self, fault: Ready) -> u64 {
        self.newest += 1;
        self.all.push((self.newest, fault));
        self.newest
    }
}

/// What befalls one request.
pub(super) struct Strike {
    pub(super) fault: u64,
    pub(super) latency: Duration,
    pub(super) effect: Effect<Prepared>,
}

impl Service {
    /// What befalls a request: the first fault that strikes.
    pub(super) fn strike(&self, request: &request::Parts, routed: &Routed<'_>) -> Option<Strike> {
        let (method, path) = (request.method.as_str(), request.uri.path());
        let operation = routed.operation().map(|operation| operation.id.as_str());
        let faults = &mut self.state().faults.all;
        faults.iter_mut().find_map(|(id, fault)| {
            let strikes = fault.matches(operation, method, path) && fault.strikes();
            strikes.then(|| Strike {
                fault: *id,
                latency: fault.latency,
                effect: fault.effect.clone(),
            })
        })
    }

    pub(crate) fn add_fault(&self, fault: Fault) -> Result<u64, ScriptError> {
        let ready = fault.prepare(self)?;
        Ok(self.state().faults.add(ready))
    }
}

/// Lets a response end after so many bytes of its body.
pub(super) fn cut_off(response: Response, bytes: u64) -> Response {
    response.map(|body: Body| Body::new(CutOff::new(body, bytes)))
}

impl Sandbox {
    /// Lets something befall requests from now on, and returns its id.
    ///
    /// # Errors
    ///
    /// When the spec has no such operation, the pattern of paths is malformed, the probability is not from 0 to 1, or
    /// the answer can't be sent.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ScriptError> {
        self.service.add_fault(fault)
    }

    /// How often each fault came, the oldest first.
    pub fn faults(&self) -> Vec<FaultCount> {
        self.service.state().faults.counts()
    }

    /// Ends a fault. `false` if there is none by that id.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.service.state().faults.remove(id)
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.service.state().faults.clear();
    }
}
