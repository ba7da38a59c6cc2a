//! What the suites share: a sandbox in a known state, a server that responds with whatever a test wants,
//! a way to call every operation by its id, and the scenarios that are recorded and replayed.

pub mod calls;
pub mod connect_proxy;
pub mod fast_clock;
pub mod fault_proxy;
pub mod fleet;
pub mod instances;
pub mod plans;
pub mod raw_server;
pub mod redis_server;
pub mod sandbox;
pub mod scenarios;

/// The spec, as the generator hands it to the sandbox.
pub fn spec() -> serde_json::Value {
    let text = include_str!("../../crates/docr-sandbox/src/spec.json");
    serde_json::from_str(text).expect("the generated spec is JSON")
}

/// The programs in the README compile, and the one against the sandbox runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
