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
//! let mut docker = docr::DockerConfig::load(docr::DockerConfig::default_path()?)?;
//! docker.insert(&credentials)?;
//! docker.save()?;
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
//! - **Retry is decided by effect**: each operation of the API is a read, a set, a delete, a create or the minting of
//!   a secret, and each failed attempt was not sent, has an unknown end, or was answered. The table:
//!
//!   | operation | nothing sent, or 429 | end unknown, or 408/500/502/503/504 |
//!   |---|---|---|
//!   | read, set | repeat | repeat |
//!   | delete | repeat | repeat; a 404 then is success |
//!   | create | repeat | look it up; return it if this call made it, else [`Error::is_ambiguous`] |
//!   | mint credentials | repeat | stop: [`Error::is_ambiguous`] |
//!
//!   A budget bounds repeats while the service is down, a deadline bounds them in time, and
//!   [`Client::paced`] keeps bulk work below the rate limit.
//! - **Lists are streams** ([`List`]): of items or of pages. An empty page in the middle goes on, a repeated token is
//!   an error.
//! - **Certificates fit before they are sent**: key, chain and validity of one of your own are checked (feature
//!   `certificate-check`), one from Let's Encrypt is waited for ([`Certificates::issue`]), and one that is in use is
//!   replaced step by step ([`Certificates::rotate`]).
//! - **Errors tell the truth**: one [`Error`] with kind, status, the service's id and message, the
//!   request id, rate limit, attempts and elapsed time, also when a proxy answered with HTML.
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
//! | `certificate-check` | no | custom certificates are read before they are sent ([`CreateCertificate::check`]) |
//! | `credential-files` | no | credentials that many processes share, in files ([`CredentialFiles`]) |
//! | `kubernetes` | no | pull secrets as `k8s-openapi`'s type |
//! | `oci` | no | credentials as `oci-client`'s type, and with `retention` reading manifests; needs TLS |
//! | `retention` | no | `retention`: deleting old images by rules |
//! | `schemars` | no | `JsonSchema` for names, tiers and regions |

#![warn(missing_docs)]

mod call;
mod certificates;
mod client;
mod clusters;
mod credentials;
mod error;
mod garbage_collections;
mod list;
mod names;
mod registries;
#[cfg(feature = "retention")]
pub mod retention;
mod text;

pub use call::{Clock, ManualClock, SystemClock};
pub use certificates::{CertificatePair, Certificates, CreateCertificate, RotateError};
pub use client::{Client, ClientBuilder};
pub use clusters::Clusters;
#[cfg(feature = "credential-files")]
pub use credentials::{CredentialFiles, KeptCredentials};
pub use credentials::{
    CredentialsCache, CredentialsRequest, DockerConfig, DockerConfigError, DockerCredentials,
    KubernetesSecret,
};
pub use docr_api::{
    Secret, UnlistedValue,
    types::{
        Certificate, CertificateState, CertificateType, EligibilityReason, GarbageCollection,
        GarbageCollectionStatus, GarbageCollectionType, Region, Registry, RegistryOptions,
        Repository, RepositoryBlob, RepositoryManifest, RepositoryTag, RepositoryV2, Subscription,
        SubscriptionTier, SubscriptionTierOption, TierSlug,
    },
};
pub use error::{Error, ErrorKind, InvalidInput, RateLimit, Result};
pub use garbage_collections::{GarbageCollectionWatch, GarbageCollections};
pub use list::{Items, List, Page, Pages};
pub use names::{
    CertificateId, ClusterId, Digest, GarbageCollectionId, ImageRef, RegistryName, RepositoryName,
    Tag,
};
pub use registries::{
    AccountRegistry, AccountRegistryHandle, AccountUsage, CreateRegistry, Overage, PlannedPush,
    Preflight, PushObstacle, Registries, RegistryHandle, RegistryUsage, RepositoryHandle,
};
pub use text::for_terminal;
