//! A local, stateful stand-in for the DigitalOcean Container Registry and certificates API.
//!
//! It serves HTTP, or HTTPS, on 127.0.0.1, keeps state, and enforces the rules of the real service: tokens, rate limits,
//! globally unique registry names, the limits of subscription tiers. Requests are validated against the spec, and with
//! [`SandboxBuilder::check_responses`] so are the sandbox's own responses.
//!
//! ```
//! use docr_sandbox::{Sandbox, ScriptedResponse};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! sandbox.respond_next("registry_get", ScriptedResponse::status(503))?;
//!
//! // Run the client under test with sandbox.url() and sandbox.token(), and then:
//! for request in sandbox.requests() {
//!     assert_eq!(request.operation.as_deref(), Some("registry_get"));
//! }
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Time comes from a [`Clock`] that a test can move, and ids are generated from a seed: the same calls get the same
//! responses. Everything is deleted with the [`Sandbox`], unless [`SandboxBuilder::data`] keeps it.
//!
//! - It is a registry, too: clients such as Docker and skopeo push and pull at `<host>/<registry>/<repository>`, with
//!   minted credentials or with the API's token as user and password. [`Sandbox::push`] needs no client.
//! - A garbage collection follows the clock: see [`GcTiming`]. It keeps the children of a tagged index.
//! - A page at `/_docr/ui` shows the content of the sandbox and the requests to it.
//! - The traffic between a client and the API, or a sandbox, can be recorded and replayed: see [`recording`].
//! - The `docr-sandbox` command (feature `cli`, on by default) runs the same server from a shell.

#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub use sandbox::script::{ScriptError, ScriptedResponse};
pub use sandbox::seed::{Seed, SeedError, Seeded, SeededAccount, SeededImage, SeededRegistry};
pub use sandbox::snapshot::Snapshot;
pub use sandbox::steering::{GcStep, TokenSeed, TokenSeedError};
