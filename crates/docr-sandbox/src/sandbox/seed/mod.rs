//! The content of a sandbox as data: accounts with what they own.

mod apply;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Sandbox;
use crate::model::tier::Usage;

/// Content for a sandbox: accounts with what they own. It is read from JSON, by [`from_json`](Self::from_json) or the
/// command's `--seed`.
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
    /// The accounts. One with a known token adds to the account that has it, one without a token adds to the first
    /// account.
    pub(crate) accounts: Vec<AccountSeed>,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccountSeed {
    /// Its bearer token.
    token: Option<String>,
    /// The slug of its subscription tier. Without it the tier is unchanged, or `professional` if there is none and the
    /// account gets a registry.
    tier: Option<String>,
    registries: Vec<RegistrySeed>,
    certificates: Vec<CertificateEntry>,
    clusters: Vec<ClusterSeed>,
    /// What counts as stored in addition to its images.
    usage: Option<Usage>,
}

/// A registry with its images.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrySeed {
    name: String,
    /// The slug of its region; `fra1` by default.
    #[serde(default)]
    region: Option<String>,
    /// When it was created. By default: when its first image was pushed, or now.
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    /// Its images, in the order in which they are pushed.
    #[serde(default)]
    images: Vec<ImageSeed>,
}

/// An image for one platform, or an index of images for several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageSeed {
    repository: String,
    /// Its tags; without any it is untagged.
    #[serde(default)]
    tags: Vec<String>,
    /// The platforms, such as `linux/arm64`; `linux/amd64` by default. Several make an index.
    #[serde(default)]
    platforms: Vec<String>,
    /// The size of its layer in bytes, for each platform; 1 MiB by default.
    #[serde(default)]
    size: Option<u64>,
    /// Distinguishes its layer from others of the same size: images of a repository with the same text, size and platforms
    /// are the same image. By default the tags, or the image's position in the list.
    #[serde(default)]
    content: Option<String>,
    /// When it was pushed; now by default.
    #[serde(default)]
    pushed_at: Option<DateTime<Utc>>,
    /// Its signatures.
    #[serde(default)]
    signatures: BTreeSet<SignatureKind>,
    /// The digest of the image that it refers to, as a signature, an attestation or another artifact does.
    #[serde(default)]
    subject: Option<String>,
    /// The manifest, byte for byte, in place of a generated one. It can be of any kind.
    #[serde(default)]
    manifest: Option<String>,
}

/// How a signature refers to its image.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignatureKind {
    /// By a tag with the image's digest: `sha256-….sig`.
    CosignTag,
    /// By the `subject` of its manifest.
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
    /// When it was created; now by default.
    #[serde(default)]
    created_at: Option<DateTime<Utc>>,
    /// When it expires; by default 90 days after its creation.
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
    /// Its name; its UUID by default.
    name: Option<String>,
    /// The registries that it may pull from.
    registries: BTreeSet<String>,
}

/// What a seed added to a sandbox, in the seed's order.
///
/// ```
/// use docr_sandbox::Seed;
///
/// # fn example(sandbox: &docr_sandbox::Sandbox, seed: &Seed) -> Result<(), docr_sandbox::SeedError> {
/// let seeded = sandbox.seed(seed)?;
/// for registry in &seeded.accounts[0].registries {
///     println!("{}: {} images", registry.name, registry.images.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seeded {
    /// The accounts.
    pub accounts: Vec<SeededAccount>,
}

/// What a seed added to an account: see [`Seeded`].
///
/// ```
/// # fn example(account: &docr_sandbox::SeededAccount) {
/// println!("{} with {} certificates", account.token, account.certificates.len());
/// # }
/// ```
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

/// What a seed added to a registry: see [`Seeded`].
///
/// ```
/// # fn example(registry: &docr_sandbox::SeededRegistry) {
/// let digests: Vec<_> = registry.images.iter().map(|image| &image.digest).collect();
/// # }
/// ```
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SeededRegistry {
    /// Its name.
    pub name: String,
    /// The images.
    pub images: Vec<SeededImage>,
}

/// An image that a seed added: see [`Seeded`].
///
/// ```
/// # fn example(image: &docr_sandbox::SeededImage) {
/// println!("{} for {} platforms", image.digest, image.children.len().max(1));
/// # }
/// ```
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

/// Why a seed was refused. Nothing of it was added.
///
/// ```
/// let error = docr_sandbox::Seed::from_json(r#"{ "accounts": [{ "registry": "acme" }] }"#).unwrap_err();
/// assert!(error.place().starts_with("accounts[0]"), "{error}");
/// ```
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

    /// The place in the seed, such as `accounts[0].registries[1].name`.
    ///
    /// ```
    /// let error = docr_sandbox::Seed::from_json("not JSON").unwrap_err();
    /// assert_eq!(error.place(), "seed");
    /// ```
    pub fn place(&self) -> &str {
        &self.place
    }
}

/// Shortens a text that quotes the seed.
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
    /// ```
    /// use docr_sandbox::Seed;
    ///
    /// let seed = Seed::from_json(r#"{ "accounts": [{ "registries": [{ "name": "acme" }] }] }"#)?;
    /// # Ok::<(), docr_sandbox::SeedError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeedError`] with the place and the reason, if the text is not JSON or not a seed.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let seed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = match error.path().to_string() {
                whole if whole == "." => "seed".to_owned(),
                place => place.replace('?', "seed"),
            };
            SeedError::new(place, error.inner())
        })?;
        json.end().map_err(|error| SeedError::new("seed", error))?;
        Ok(seed)
    }
}

impl Sandbox {
    /// Adds the content of a seed to the sandbox: all of it or, on an error, nothing.
    ///
    /// ```
    /// use docr_sandbox::Seed;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::SeedError> {
    /// let seed = Seed::from_json(r#"{ "accounts": [{ "registries": [{ "name": "acme" }] }] }"#)?;
    /// let seeded = sandbox.seed(&seed)?;
    /// assert_eq!(seeded.accounts[0].registries[0].name, "acme");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SeedError`], if a name is malformed or taken, or a tier is too small.
    pub fn seed(&self, seed: &Seed) -> Result<Seeded, SeedError> {
        self.service.seed(seed)
    }
}
