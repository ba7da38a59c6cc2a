//! The SDK against the sandbox and against servers that misbehave: a module a subject, and one program, because every
//! program is linked alone. `allocations` and `recordings` stand beside it for the reasons that Cargo.toml names.

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
mod hostile_answers;
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
mod scale;
mod schemas;
mod secrets;
mod simulation;
mod tokens;
mod tolerant_reading;
mod tracing;
mod usage;
