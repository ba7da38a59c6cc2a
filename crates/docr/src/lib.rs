//! The SDK for the DigitalOcean Container Registry (DOCR) and its TLS certificates.
//!
//! ```no_run
//! use docr::{Client, CreateRegistry, CredentialsRequest, DockerConfig, TierSlug};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let docr = Client::from_env()?;
//! let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
//! docr.registries().ensure(wanted).await?; // created, unless it exists
//!
//! let registry = docr.registry("acme-images".parse()?);
//! let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
//! let mut docker = DockerConfig::load(DockerConfig::default_path()?)?;
//! docker.insert(&credentials)?;
//! docker.save()?;
//! # Ok(())
//! # }
//! ```
//!
//! **The [`guide`]** goes from tasks to code, page by page: [concepts](guide::concepts),
//! [authentication](guide::authentication), [retries and errors](guide::retries), [lists](guide::lists),
//! [testing](guide::testing), [pruning](guide::pruning), [credentials](guide::credentials),
//! [certificates](guide::certificates), [many processes](guide::many_processes), and
//! [from godo and doctl](guide::from_godo_and_doctl).
//!
//! Calls need a tokio runtime with timers and I/O, as `#[tokio::main]` sets it up; without a runtime they fail as
//! [`ErrorKind::Configuration`].
//!
//! # What it does for you
//!
//! - **Names are checked** before a request is sent; the error names the field, the value, the rule and
//!   the position.
//! - **Responses are read tolerantly.** A new tier, region or state of the service is kept as `Other`; nulls and missing
//!   fields are no error, except for a missing identity.
//! - **Retries depend on the effect**: each operation of the API is a read, a set, a delete, a create or the minting of
//!   a secret, and each failed attempt was not sent, has an unknown outcome, or was decided by the service:
//!
//!   | operation | nothing sent, or 429 | outcome unknown, or 408/500/502/503/504 |
//!   |---|---|---|
//!   | read, set | repeat | repeat |
//!   | delete | repeat | repeat; a 404 then is success |
//!   | create | repeat | look it up; return it if this call made it, else [`Error::is_ambiguous`] |
//!   | mint credentials | repeat | stop: [`Error::is_ambiguous`] |
//!
//!   A budget limits retries while the service is down, a deadline limits them in time, and
//!   [`Client::paced`] keeps bulk work below the rate limit. All of this can be set for a client, a handle or a single call
//!   by [`with`](Client::with).
//! - **Ensure is a call**: [`Registries::ensure`], [`Registries::ensure_tier`] and [`Certificates::ensure`] return the
//!   existing resource or create it, report which, and never create it twice.
//! - **Lists are streams** ([`List`]): of items or of pages. An empty page in the middle doesn't end them, and a repeated
//!   page token is an error.
//! - **Certificates are checked before they are sent**: key, chain and validity of a custom one (feature
//!   `certificate-check`). [`Certificates::issue`] waits for one from Let's Encrypt, and [`Certificates::rotate`] replaces
//!   one that is in use step by step.
//! - **Errors are complete**: one [`Error`] with kind, status, the service's id and message, request id, rate limit,
//!   attempts and elapsed time, also when a proxy responded with HTML.
//! - **Secrets stay secret**: tokens and credentials are a [`Secret`], which `Debug` hides; a token is sent
//!   to the configured host only, over plain http only to this machine, and never along a redirect.
//!
//! # Extension points
//!
//! | you have or need | use |
//! |---|---|
//! | an HTTP client of your own | [`ClientBuilder::http`] |
//! | a proxy | [`ClientBuilder::proxy`], [`ClientBuilder::no_proxy`]; by default that of the environment |
//! | a certificate authority | [`ClientBuilder::root_certificate`] |
//! | time limits | [`CallOptions::deadline`], [`CallOptions::attempt_timeout`], [`ClientBuilder::connect_timeout`] |
//! | hooks on requests | [`ClientBuilder::on_request`] |
//! | headers | [`ClientBuilder::header`], [`ClientBuilder::user_agent`] |
//! | tokens that change | [`ClientBuilder::token_provider`] with [`TokenFile`], [`TokenFn`] or a [`TokenProvider`] of your own |
//! | a call that this crate lacks | [`Client::request`], or [`Client::api`] for the generated client |
//! | tracing | spans by OpenTelemetry's conventions, `docr.call` and in it `docr.attempt`: `examples/telemetry.rs` |
//! | metrics | [`ClientBuilder::on_attempt`] |
//! | pages | [`List`]: [`items`](List::items), [`pages`](List::pages), [`all`](List::all) |
//! | waits | [`Certificates::issue`], [`GarbageCollections::watch`]; limited by [`CallOptions::wait_limit`] |
//! | retry | [`CallOptions::max_attempts`], [`CallOptions::retry_budget`], [`Effect`] |
//! | a shared rate limit | [`ClientBuilder::rate_budget`]: [`LocalBudget`] for a process, `FileBudget` for a machine, the crate `docr-redis` for a fleet |
//! | fakes | the crate `docr-sandbox`, and [`ManualClock`] |
//!
//! # Testing without the service
//!
//! The crate `docr-sandbox` is a stateful local server of the same API, with a registry to push to and pull from. Point
//! [`ClientBuilder::base_url`] at it.
//!
//! ```
//! use docr_sandbox::{Image, Sandbox};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! let docr = docr::Client::builder().base_url(sandbox.url()).token(sandbox.token()).build()?;
//! let wanted = docr::CreateRegistry::new("acme-images".parse()?, docr::TierSlug::Basic);
//! docr.registries().ensure(wanted).await?;
//! sandbox.push("acme-images", Image::new("shop/api").sized_layer(1, 5_000_000).tag("v1"))?;
//! let tags = docr.registry("acme-images".parse()?).repository("shop/api".parse()?).tags().all().await?;
//! assert_eq!(tags[0].tag, "v1");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls |
//! | `native-tls` | no | TLS by the operating system's library |
//! | `certificate-check` | no | custom certificates are checked before they are sent ([`CreateCertificate::check`]) |
//! | `credential-files` | no | credentials that many processes share, in files ([`CredentialFiles`]) |
//! | `file-budget` | no | a rate limit that the processes of a machine share, in a file (`FileBudget`) |
//! | `kubernetes` | no | pull secrets as `k8s-openapi`'s type |
//! | `oci` | no | credentials as `oci-client`'s type, and with `retention` reading manifests; needs TLS |
//! | `retention` | no | `retention`: deleting old images by rules |
//! | `schemars` | no | `JsonSchema` for names, tiers and regions |

#![warn(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation links to items of all features: its links are checked where all of these are on.
#![cfg_attr(
    not(all(
        feature = "certificate-check",
        feature = "credential-files",
        feature = "file-budget",
        feature = "kubernetes",
        feature = "oci",
        feature = "retention",
        feature = "schemars",
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

mod call;
mod certificates;
mod client;
mod clusters;
mod credentials;
mod endpoint;
mod ensured;
mod error;
mod folder;
mod garbage_collections;
#[cfg(doc)]
pub mod guide;
mod list;
mod names;
mod registries;
#[cfg(feature = "retention")]
pub mod retention;
#[cfg(test)]
mod served;
mod task;
mod text;
mod token;

#[cfg(feature = "file-budget")]
pub use call::FileBudget;
pub use call::{
    Attempt, BudgetFuture, CallOptions, Clock, LocalBudget, ManualClock, NoTurn, ObservedResponse,
    RateBudget, RateLimits, RetryBudget, SystemClock,
};
pub use certificates::{CertificatePair, Certificates, CreateCertificate, RotateError};
pub use client::{ApiRequest, Client, ClientBuilder};
pub use clusters::Clusters;
#[cfg(feature = "credential-files")]
pub use credentials::{CredentialFiles, KeptCredentials};
pub use credentials::{
    CredentialsCache, CredentialsRequest, DockerConfig, DockerConfigError, DockerCredentials,
    KubernetesSecret,
};
pub use docr_api::{
    AccessToken, Effect, Secret, TokenError, TokenFuture, TokenProvider, UnlistedValue,
    types::{
        Certificate, CertificateState, CertificateType, EligibilityReason, GarbageCollection,
        GarbageCollectionStatus, GarbageCollectionType, Region, Registry, RegistryOptions,
        Repository, RepositoryBlob, RepositoryManifest, RepositoryTag, RepositoryV2, Subscription,
        SubscriptionTier, SubscriptionTierOption, TierSlug,
    },
};
pub use ensured::Ensured;
pub use error::{Error, ErrorKind, InvalidInput, RateLimit, Result};
pub use garbage_collections::{GarbageCollectionWatch, GarbageCollections};
pub use list::{Items, List, Page, Pages};
pub use names::{
    CertificateId, ClusterId, Digest, GarbageCollectionId, Identifies, ImageRef, RegistryName,
    RepositoryName, Tag,
};
pub use registries::{
    AccountUsage, CreateRegistry, LegacyRegistry, Overage, PlannedPush, Preflight, PushObstacle,
    ReadStorage, Registries, RegistryHandle, RegistryUsage, RepositoryHandle, RepositoryUsage,
    StorageBytes,
};
pub use reqwest::{self, Method};
pub use text::for_terminal;
pub use token::{TokenFile, TokenFn};
