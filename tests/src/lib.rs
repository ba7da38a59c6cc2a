//! What the suites share: a sandbox in a known state, servers that respond as a test needs, calls of every operation
//! by its id, and the scenarios that are recorded and replayed.

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

/// The spec that the generator writes for the sandbox.
pub fn spec() -> serde_json::Value {
    let text = include_str!("../../crates/docr-sandbox/src/spec.json");
    serde_json::from_str(text).expect("the generated spec is JSON")
}

/// Compiles the README's programs, and runs the one against the sandbox.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
