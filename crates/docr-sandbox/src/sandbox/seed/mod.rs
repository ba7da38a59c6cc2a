//! What a sandbox begins with, as data: accounts with what they own.

mod apply;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Sandbox;
use crate::model::tier::Usage;

/// What to put into a sandbox: accounts with what they own. It is read from JSON, by
/// [`from_json`](Self::from_json) or the `--seed` of the command.
///
/// ```
/// use docr_sandbox::{Sandbox, Seed};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let seed = Seed::from_json(r#"{
///     "accounts": [{
///         "registries": [{
///             "name": "acme",
///             "images": [
///                 { "repository": "shop/api", "tags": ["v1"], "size": 31457280, "pushed_at": "2026-01-12T09:30:00Z" },
///                 { "repository": "shop/api", "tags": ["v2"], "platforms": ["linux/amd64", "linux/arm64"],
///                   "signatures": ["cosign_tag", "referrer"] }
///             ]
///         }],
///         "certificates": [{ "name": "shop", "dns_names": ["shop.example.com"], "in_use": true }]
///     }]
/// }"#)?;
/// let sandbox = Sandbox::builder().content(seed).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The accounts. One that names no token, or a token that is known, adds to the account that is there: the first
    /// one, if it names none.
    pub(crate) accounts: Vec<AccountSeed>,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccountSeed {
    /// Its bearer token.
    token: Option<String>,
    /// The slug of its subscription tier. Without one it keeps the one that it has; `professional` if it has none and
    /// gets a registry.
    tier: Option<String>,
    registries: Vec<RegistrySeed>,
    certificates: Vec<CertificateEntry>,
    clusters: Vec<ClusterSeed>,
    /// What it stores on top of its images, as tiers and usage see it.
    usage: Option<Usage>,
}

/// A registry with its images.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySeed {
    name: String,
    /// The slug of its region. `fra1` unless given.
    #[serde(default)]
    region: Option<String>,
    /// When it was created. Without it: when its first image was pushed, or now.
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    /// Its images, which are pushed in this order.
    #[serde(default)]
    images: Vec<ImageSeed>,
}

/// An image: for one platform, or an index of images for several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageSeed {
    repository: String,
    /// Its tags. Without any it is untagged.
    #[serde(default)]
    tags: Vec<String>,
    /// The platforms, such as `linux/arm64`. Several make an index. Without any it is an image for `linux/amd64`.
    #[serde(default)]
    platforms: Vec<String>,
    /// The bytes of its layer, for each platform. 1 MiB unless given.
    #[serde(default)]
    size: Option<u64>,
    /// What tells its layer from another one of the same size. Images of a repository that have the same text, size and
    /// platforms are the same image. Without it: the tags, or the image's place in the list.
    #[serde(default)]
    content: Option<String>,
    /// When it was pushed, now unless given.
    #[serde(default)]
    pushed_at: Option<DateTime<Utc>>,
    /// How it is signed.
    #[serde(default)]
    signatures: BTreeSet<SignatureKind>,
    /// The digest of an image that it is about: makes it a signature, an attestation or another artifact of that.
    #[serde(default)]
    subject: Option<String>,
    /// A manifest of any kind, byte for byte, in place of one that is made of the rest.
    #[serde(default)]
    manifest: Option<String>,
}

/// How a signature belongs to its image.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignatureKind {
    /// By a tag that names the image's digest: `sha256-….sig`.
    CosignTag,
    /// By a manifest with the image as its subject.
    Referrer,
}

/// A certificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateEntry {
    name: String,
    dns_names: Vec<String>,
    #[serde(default, rename = "type")]
    kind: CertificateKind,
    #[serde(default)]
    state: CertificateState,
    /// Whether a load balancer uses it, so that it can't be deleted.
    #[serde(default)]
    in_use: bool,
    /// When it was created, now unless given.
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    /// When it expires: 90 days after its creation unless given.
    #[serde(default)]
    not_after: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CertificateKind {
    #[default]
    LetsEncrypt,
    Custom,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CertificateState {
    #[default]
    Verified,
    Pending,
    Error,
}

/// A Kubernetes cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterSeed {
    /// Its name. Without one it is named after its UUID.
    name: Option<String>,
    /// The registries that it may pull from.
    registries: BTreeSet<String>,
}

/// What a seed has put into a sandbox, in the seed's order.
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seeded {
    /// The accounts.
    pub accounts: Vec<SeededAccount>,
}

/// What was put into an account.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeededAccount {
    /// Its bearer token.
    pub token: String,
    /// The registries.
    pub registries: Vec<SeededRegistry>,
    /// The ids of the certificates.
    pub certificates: Vec<String>,
    /// The UUIDs of the clusters.
    pub clusters: Vec<String>,
}

/// What was put into a registry.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeededRegistry {
    /// Its name.
    pub name: String,
    /// The images.
    pub images: Vec<SeededImage>,
}

/// An image that was put in.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeededImage {
    /// The digest of its manifest, or of its index.
    pub digest: String,
    /// The digests of the children of an index.
    pub children: Vec<String>,
    /// The digests of its signatures.
    pub signatures: Vec<String>,
}

/// Why a seed was refused. Nothing of it was put in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {reason}")]
pub struct SeedError {
    place: String,
    reason: String,
}

impl SeedError {
    fn new(place: impl Into<String>, reason: impl ToString) -> Self {
        Self {
            place: cut(&place.into()),
            reason: cut(&reason.to_string()),
        }
    }

    /// Where in the seed, such as `accounts[0].registries[1].name`.
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// What quotes the seed may be as long as that.
fn cut(text: &str) -> String {
    const LONGEST: usize = 500;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    ///
    /// [`SeedError`] with the place and the reason, when the text is not JSON or not a seed.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let seed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            SeedError::new(place.replace('?', "seed"), error.inner())
        })?;
        json.end().map_err(|error| SeedError::new("seed", error))?;
        Ok(seed)
    }
}

impl Sandbox {
    /// Puts what a seed says into the sandbox: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`SeedError`], when a name is malformed or taken, or a tier doesn't take what it is to hold.
    pub fn seed(&self, seed: &Seed) -> Result<Seeded, SeedError> {
        self.service.seed(seed)
    }
}
