//! Recording what passes between a client and the API, and replaying it in tests.
//!
//! A [`Recorder`] (feature `record`) stands between a client and the API, or a sandbox, and writes down every
//! exchange:
//!
//! ```no_run
//! # #[cfg(feature = "record")]
//! # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use docr_sandbox::recording::Recorder;
//!
//! let recorder = Recorder::live("https://api.digitalocean.com").start().await?;
//! // Let the client under test talk to recorder.url() with its real token, and then:
//! let recording = recorder.finish("prune").await?;
//! recording.save("tests/recordings/prune.json")?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Replay`] is a server that expects those requests again, and answers as the API did then:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use docr_sandbox::recording::Recording;
//!
//! let replay = Recording::load("tests/recordings/prune.json")?.replay().await?;
//! // Let the client under test talk to replay.url() with replay.token(), and then:
//! replay.finish().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is kept, and what is not
//!
//! Of a request its method, path, query and body, and the headers `accept`, `authorization` and `content-type`; of an
//! response its status and body, and the headers that the API gives a meaning. Before anything is kept,
//!
//! - the bearer token and every field that the spec marks as a password become `[redacted]`;
//! - UUIDs become numbered ones, the same for the same, so that a recording tells no ids of an account;
//! - e-mail addresses become `person@example.com`;
//! - texts of your choice become others: [`RecorderBuilder::replace`].
//!
//! [`Recording::save`] refuses to write what still looks like a secret.

mod exchange;
mod file;
mod patterns;
#[cfg(feature = "record")]
mod recorder;
mod replay;
mod scan;
mod scrub;

pub use exchange::{Body, Exchange, Request, Response};
pub use file::{Origin, Recording, RecordingError};
#[cfg(feature = "record")]
pub use recorder::{RecordError, Recorder, RecorderBuilder};
pub use replay::{Mismatch, Replay};
