//! A local, stateful stand-in for the DigitalOcean Container Registry and certificates API.
//!
//! It speaks HTTP, or HTTPS if asked to, on 127.0.0.1, keeps state, and enforces the rules of the real service: tokens,
//! rate limits, one namespace for registry names, tiers that what is stored must fit. Requests are validated against
//! the spec, and with [`SandboxBuilder::check_answers`] so are the sandbox's own responses.
//!
//! ```
//! use docr_sandbox::{Sandbox, ScriptedAnswer};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! sandbox.answer_next("registry_get", ScriptedAnswer::status(503))?;
//!
//! // Let the client under test talk to sandbox.url() with sandbox.token(), and then:
//! for request in sandbox.requests() {
//!     assert_eq!(request.operation.as_deref(), Some("registry_get"));
//! }
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Time comes from a [`Clock`] that a test can move, and ids come from a seed, so that the same calls give the same
//! responses. All accounts and what they own are gone with the [`Sandbox`], unless [`SandboxBuilder::data`] keeps them.
//!
//! It is a registry as well: clients such as Docker and skopeo push and pull at `<host>/<registry>/<repository>`, with
//! credentials that were handed out, or the API's token as user and password. [`Sandbox::push`] puts images there
//! without a client.
//! A garbage collection follows the clock: see [`GcTiming`]. It keeps the children of a tagged index.
//! A page at `/_docr/ui` shows what it holds, and the requests to it.
//! What passes between a client and the API, or a sandbox, can be recorded and replayed: see [`recording`].
//! The `docr-sandbox` command (feature `cli`, on by default) runs the same server from a shell.

#![warn(missing_docs)]

#[cfg(test)]
mod fidelity;
mod handlers;
mod http;
mod model;
pub mod recording;
mod refusal;
mod sandbox;
mod spec;
mod storage;

pub use http::conformance::Violation;
pub use http::limits::ConnectionLimits;
pub use model::certificate::CertificateSeed;
pub use model::clock::Clock;
pub use model::collection::GcTiming;
pub use model::credential::MintedCredential;
pub use model::image::{Image, PushError, Pushed};
pub use model::pem::{TestCertificate, test_certificate, test_certificate_with_chain};
pub use model::rate::RateLimits;
pub use model::tier::Usage;
pub use sandbox::Sandbox;
pub use sandbox::builder::SandboxBuilder;
pub use sandbox::fault::{Fault, FaultCount};
pub use sandbox::request_log::RecordedRequest;
pub use sandbox::sample::Sample;
pub use sandbox::script::{ScriptError, ScriptedAnswer};
pub use sandbox::seed::{Seed, SeedError, Seeded, SeededAccount, SeededImage, SeededRegistry};
pub use sandbox::snapshot::Snapshot;
pub use sandbox::steering::{GcStep, TokenSeed, TokenSeedError};
