//! Docker credentials.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::later;
use crate::storage::Algorithm;

/// A Docker credential that the sandbox minted, without its secret.
///
/// ```
/// # fn example(sandbox: &docr_sandbox::Sandbox) {
/// let writers = sandbox.credentials().into_iter().filter(|credential| credential.read_write).count();
/// # }
/// ```
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MintedCredential {
    /// Whether it may push and delete as well as pull.
    pub read_write: bool,
    /// The requested lifetime in seconds; 0 if it never expires.
    pub expiry_seconds: u64,
    /// When it was minted.
    pub minted_at: DateTime<Utc>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A Docker credential. Only a hash of its secret is kept.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Credential {
    pub(crate) minted: MintedCredential,
    hash: String,
}

impl Credential {
    pub(crate) fn new(minted: MintedCredential, secret: &str) -> Self {
        let hash = Self::hash(secret);
        Self { minted, hash }
    }

    /// The hash by which a secret is recognised.
    pub(crate) fn hash(secret: &str) -> String {
        Algorithm::Sha256.digest(secret.as_bytes())
    }

    /// Whether this is the hash of its secret.
    pub(crate) fn has(&self, hash: &str) -> bool {
        self.hash == hash
    }

    /// When it expires, if it ever does.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        let seconds = i64::try_from(self.minted.expiry_seconds).ok();
        let lifetime = seconds
            .filter(|seconds| *seconds > 0)
            .and_then(TimeDelta::try_seconds)?;
        Some(later(self.minted.minted_at, lifetime))
    }

    pub(crate) fn is_good(&self, now: DateTime<Utc>) -> bool {
        let expired = self.expires_at().is_some_and(|end| now >= end);
        !self.minted.revoked && !expired
    }
}
