//! The SDK against the sandbox and against misbehaving servers: one module per subject, in one program, to link only once.
//! `allocations` and `recordings` are programs of their own, for the reasons in Cargo.toml.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod adversary;
mod architecture;
mod behaviour;
mod cancellation;
mod certificates;
mod credential_files;
mod credentials;
mod dependencies;
mod ensure;
mod faults;
mod fleets;
#[path = "../fuzz/mod.rs"]
mod fuzz;
mod garbage_collection;
mod hostile_responses;
mod limits;
mod live_recordings;
mod long_lists;
mod manifests_first;
mod operations;
mod own_http;
mod preflight;
mod promises;
mod properties;
mod raw_requests;
mod reality;
mod registries;
mod registry_clients;
mod requests;
mod retention;
mod retention_golden;
mod retention_properties;
mod retention_waits;
mod scale;
mod schemas;
mod secrets;
mod simulation;
mod stopping;
mod tokens;
mod tolerant_reading;
mod tracing;
mod usage;
