//! Bindings for the DigitalOcean Container Registry and certificates API, generated from an OpenAPI
//! description. Each operation is a method of [`Client`] that returns a builder, whose `send` makes
//! one request and reads the response.
//!
//! This is the layer below the crate `docr`, which adds validated names, retries, deadlines and typed
//! errors. Use it directly for what `docr` doesn't offer, or to build another layer on it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use docr_api::{Client, Secret, Session};
//!
//! let token = Secret::from(std::env::var("DIGITALOCEAN_TOKEN")?);
//! let http = docr_api::http_client().build()?;
//! let client = Client::new_with_client("https://api.digitalocean.com", http, Session::bearer(&token)?);
//!
//! let response = client.registry_get().send().await?;
//! println!("{} stores {:?} bytes", response.registry.name, response.registry.storage_usage_bytes);
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! Deserialization is tolerant: unknown fields are ignored, a null list is empty, an unknown value of an
//! open enum is kept as `Other`, and only a missing identity (a name, an id) is an error.
//!
//! Any status but success is an [`Error::UnexpectedResponse`], with status, headers and body. So is a
//! response that can't be read: it has an [`Unreadable`] among its extensions, and no part of its body is
//! in the error's `Debug` or `Display`.
//!
//! # Paths
//!
//! Path parameters are percent-encoded, except for `.` and `..`: validate names before a call, as `docr` does.

#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, rust_2018_idioms, clippy::all)]
mod generated;
mod lenient;
mod open_enum;
mod operation;
mod raw;
mod read;
mod revoke;
mod secret;
mod session;
mod token;

pub use generated::*;
pub use open_enum::UnlistedValue;
pub use operation::{Effect, Operation};
pub use raw::RawRequest;
pub use read::{Unreadable, body_prefix};
pub use revoke::OAUTH_REVOKE;
pub use secret::Secret;
pub use session::{InvalidToken, Session, http_client, made_safe};
pub use token::{AccessToken, TokenError, TokenFuture, TokenProvider};
