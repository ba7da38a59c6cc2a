//! The SDK for the DigitalOcean Container Registry (DOCR) and its TLS certificates.
//!
//! ```no_run
//! use docr::{Client, CreateRegistry, CredentialsRequest, TierSlug};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let docr = Client::from_env()?;
//! let registry = docr.account_registry();
//! let name = "acme-images".parse()?;
//! if registry.is_name_free(&name).await? {
//!     registry.create(CreateRegistry::new(name, TierSlug::Basic)).await?;
//! }
//! let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
//! std::fs::write("config.json", credentials.docker_config_json().expose())?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it does for you
//!
//! - **Names are checked** before a request is sent; the error names the field, the value, the rule and
//!   the position.
//! - **Answers are read tolerantly.** A new tier, region or state of the service is kept as `Other`,
//!   nulls and missing fields are no error; only a missing identity is.
//! - **Errors tell the truth**: one [`Error`] with kind, status, the service's id and message, the
//!   request id and the rate limit, also when a proxy answered with HTML.
//! - **Secrets stay secret**: tokens and credentials are a [`Secret`], which `Debug` hides; a token goes
//!   to the configured host alone, over plain http only to this machine, and never along a redirect.
//!
//! # Testing without the service
//!
//! The crate `docr-sandbox` is a local server of the same API with state. Point
//! [`ClientBuilder::base_url`] at it.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls |
//! | `native-tls` | no | TLS by the operating system's library |
//! | `schemars` | no | `JsonSchema` for names, tiers and regions |

#![warn(missing_docs)]

mod account_registry;
mod certificates;
mod client;
mod config;
mod credentials;
mod error;
mod failure;
mod input;
mod names;
mod rate_limit;

pub use account_registry::{AccountRegistry, CreateRegistry};
pub use certificates::Certificates;
pub use client::Client;
pub use config::ClientBuilder;
pub use credentials::{CredentialsRequest, DockerCredentials};
pub use docr_api::{
    Secret, UnlistedValue,
    types::{
        Certificate, CertificateState, CertificateType, EligibilityReason, Region, Registry,
        RegistryOptions, Subscription, SubscriptionTier, SubscriptionTierOption, TierSlug,
    },
};
pub use error::{Error, ErrorKind, Result};
pub use input::InvalidInput;
pub use names::{CertificateId, RegistryName};
pub use rate_limit::RateLimit;
