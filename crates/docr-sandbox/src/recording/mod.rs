//! Records the traffic between a client and the API, and replays it in tests.
//!
//! A `Recorder` (feature `record`) is a proxy between a client and the API, or a sandbox, that records every exchange:
//!
//! ```no_run
//! # #[cfg(feature = "record")]
//! # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use docr_sandbox::recording::Recorder;
//!
//! let recorder = Recorder::live("https://api.digitalocean.com").start().await?;
//! // Run the client under test with recorder.url() and its real token, and then:
//! let recording = recorder.finish("prune").await?;
//! recording.save("tests/recordings/prune.json")?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Replay`] is a server that expects the same requests again and sends the recorded responses:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use docr_sandbox::recording::Recording;
//!
//! let replay = Recording::load("tests/recordings/prune.json")?.replay().await?;
//! // Run the client under test with replay.url() and replay.token(), and then:
//! replay.finish().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is recorded
//!
//! Of a request: its method, path, query and body, and the headers `accept`, `authorization` and `content-type`. Of a
//! response: its status and body, and the headers that mean something in the API. Before anything is kept,
//!
//! - the bearer token and every field that the spec marks as a password are replaced by `[redacted]`;
//! - each UUID is replaced by a numbered one, the same for each occurrence;
//! - e-mail addresses are replaced by `person@example.com`;
//! - texts of your choice are replaced by others: see `RecorderBuilder::replace`.
//!
//! [`Recording::save`] refuses to write anything that still looks like a secret.

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
