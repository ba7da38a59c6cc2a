//! Faults: what can go wrong with requests.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::request;
use axum::response::Response;
use globset::{GlobBuilder, GlobMatcher};

use super::Sandbox;
use super::script::{Prepared, ScriptError, ScriptedResponse};
use super::service::Service;
use crate::http::stream::CutOff;
use crate::model::ids::Ids;
use crate::spec::Routed;

/// A failure between the client and the service. It is injected before the token, the rate limit and
/// [`respond_next`](Sandbox::respond_next) are looked at, for unknown paths and the registry's own protocol, too.
///
/// A fault applies to each request that it matches unless restricted.
///
/// ```
/// use std::time::Duration;
/// use docr_sandbox::{Fault, ScriptedResponse};
///
/// // The third and the fourth chunk of uploads get an error from a gateway.
/// Fault::response(ScriptedResponse::html(502, "<h1>Bad gateway</h1>")).method("PATCH").path("/v2/*/**").skip(2).times(2);
/// // One response in ten is lost, though the registry is created.
/// Fault::lost().operation("registry_create").probability(0.1, 42);
/// // All requests are delayed.
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
    effect: Effect<ScriptedResponse>,
}

/// What a fault does.
#[derive(Clone)]
pub(crate) enum Effect<A> {
    /// The request is only delayed.
    Nothing,
    Response(A),
    /// The connection ends after so many bytes of the response's body.
    CutOff(u64),
    /// The connection ends without a response; the request is not processed.
    Reset,
    /// The connection ends without a response; the request is processed.
    Lost,
}

impl Fault {
    fn new(effect: Effect<ScriptedResponse>) -> Self {
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

    /// Sends this response; the request is not processed.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::response(docr_sandbox::ScriptedResponse::status(503));
    /// ```
    pub fn response(response: ScriptedResponse) -> Self {
        Self::new(Effect::Response(response))
    }

    /// Processes the request, but ends the connection after so many bytes of the response's body.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::cut_off(100);
    /// ```
    pub fn cut_off(bytes: u64) -> Self {
        Self::new(Effect::CutOff(bytes))
    }

    /// Ends the connection without a response; the request is not processed.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset();
    /// ```
    pub fn reset() -> Self {
        Self::new(Effect::Reset)
    }

    /// Processes the request, but ends the connection without a response.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::lost();
    /// ```
    pub fn lost() -> Self {
        Self::new(Effect::Lost)
    }

    /// Delays the request, in real time.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::latency(std::time::Duration::from_millis(200));
    /// ```
    pub fn latency(by: Duration) -> Self {
        Self::new(Effect::Nothing).after(by)
    }

    /// Delays the fault, in real time.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().after(std::time::Duration::from_millis(200));
    /// ```
    pub fn after(mut self, by: Duration) -> Self {
        self.latency = by;
        self
    }

    /// Restricts it to calls of this operation, by its id in the spec.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::lost().operation("registry_create");
    /// ```
    pub fn operation(mut self, id: impl Into<String>) -> Self {
        self.operation = Some(id.into());
        self
    }

    /// Restricts it to requests with this method.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().method("DELETE");
    /// ```
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Restricts it to these paths: `*` matches any text without a slash, `**` any text.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().path("/v2/registries/*/repositories/**");
    /// ```
    pub fn path(mut self, pattern: impl Into<String>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// Skips the first matching requests.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().skip(2);
    /// ```
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Restricts it to so many requests.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().times(1);
    /// ```
    pub fn times(mut self, requests: u64) -> Self {
        self.times = Some(requests);
        self
    }

    /// Restricts it to a random share of the matching requests, from 0 to 1. The same seed selects the same ones.
    ///
    /// ```
    /// let fault = docr_sandbox::Fault::reset().probability(0.1, 42);
    /// ```
    pub fn probability(mut self, share: f64, seed: u64) -> Self {
        self.probability = Some((share, seed));
        self
    }

    /// Validates what the builder accepted unchecked.
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
            Effect::Response(response) => Effect::Response(response.prepare()?),
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
            applied: 0,
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

/// A valid fault, with its counters.
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
    applied: u64,
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

    /// Counts a matching request, and decides whether the fault applies to it.
    fn strikes(&mut self) -> bool {
        self.matched += 1;
        let is_due = self.matched > self.skip
            && self.times.is_none_or(|times| self.applied < times)
            // Drawn last, so that `skip` doesn't change which requests are selected.
            && self.chance.as_mut().is_none_or(|(share, ids)| ids.chance(*share));
        self.applied += u64::from(is_due);
        is_due
    }
}

/// How often a fault matched and applied.
///
/// ```
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// for count in sandbox.faults() {
///     println!("fault {}: {} of {} requests", count.id, count.applied, count.matched);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FaultCount {
    /// The fault's id.
    pub id: u64,
    /// The number of requests that it matched.
    pub matched: u64,
    /// The number of requests that it applied to.
    pub applied: u64,
}

/// All faults, in the order in which they were added.
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
            applied: fault.applied,
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

/// A fault that applies to a request.
pub(super) struct Strike {
    pub(super) fault: u64,
    pub(super) latency: Duration,
    pub(super) effect: Effect<Prepared>,
}

impl Service {
    /// The first fault that applies to a request.
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

/// Cuts a response off after so many bytes of its body.
pub(super) fn cut_off(response: Response, bytes: u64) -> Response {
    response.map(|body: Body| Body::new(CutOff::new(body, bytes)))
}

impl Sandbox {
    /// Adds a fault and returns its id.
    ///
    /// ```
    /// use docr_sandbox::Fault;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::ScriptError> {
    /// let id = sandbox.add_fault(Fault::reset().path("/v2/registries").times(1))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the spec has no such operation, the path pattern is malformed, the probability is not from 0 to 1, or the
    /// response can't be sent.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ScriptError> {
        self.service.add_fault(fault)
    }

    /// How often each fault matched and applied, in the order in which they were added.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let applied: u64 = sandbox.faults().iter().map(|count| count.applied).sum();
    /// # }
    /// ```
    pub fn faults(&self) -> Vec<FaultCount> {
        self.service.state().faults.counts()
    }

    /// Removes a fault. `false` if there is none with that id.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let removed = sandbox.remove_fault(1);
    /// # }
    /// ```
    pub fn remove_fault(&self, id: u64) -> bool {
        self.service.state().faults.remove(id)
    }

    /// Removes all faults.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// sandbox.clear_faults();
    /// assert!(sandbox.faults().is_empty());
    /// # }
    /// ```
    pub fn clear_faults(&self) {
        self.service.state().faults.clear();
    }
}
