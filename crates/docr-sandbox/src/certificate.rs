//! TLS certificates.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::clock::later;
use crate::ids::Ids;

const LIFETIME: TimeDelta = TimeDelta::days(90);

/// A certificate to put into the sandbox. It is verified and unused unless told otherwise.
///
/// ```
/// use docr_sandbox::CertificateSeed;
///
/// CertificateSeed::custom("shop", ["shop.example.com"]).in_use();
/// CertificateSeed::lets_encrypt("blog", ["blog.example.com", "*.blog.example.com"]).pending();
/// ```
#[derive(Clone, Debug)]
pub struct CertificateSeed {
    name: String,
    dns_names: Vec<String>,
    kind: &'static str,
    state: State,
    in_use: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Verified,
    Pending,
    Failed,
}

impl CertificateSeed {
    /// A certificate that Let's Encrypt issues.
    pub fn lets_encrypt<N: Into<String>>(
        name: impl Into<String>,
        dns_names: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::new(name.into(), dns_names, "lets_encrypt")
    }

    /// A certificate that was uploaded.
    pub fn custom<N: Into<String>>(
        name: impl Into<String>,
        dns_names: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::new(name.into(), dns_names, "custom")
    }

    fn new<N: Into<String>>(
        name: String,
        dns_names: impl IntoIterator<Item = N>,
        kind: &'static str,
    ) -> Self {
        let dns_names = dns_names.into_iter().map(Into::into).collect();
        Self {
            name,
            dns_names,
            kind,
            state: State::Verified,
            in_use: false,
        }
    }

    /// Leaves it not issued yet: without an expiry and a fingerprint.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.state = State::Pending;
        self
    }

    /// Gives it the state `error`: it could not be issued.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.state = State::Failed;
        self
    }

    /// Lets a load balancer use it, so that it can't be deleted.
    #[must_use]
    pub fn in_use(mut self) -> Self {
        self.in_use = true;
        self
    }
}

/// A certificate of an account.
pub(crate) struct Certificate {
    pub(crate) id: String,
    seed: CertificateSeed,
    created_at: DateTime<Utc>,
    sha1_fingerprint: String,
}

impl Certificate {
    pub(crate) fn new(seed: CertificateSeed, ids: &mut Ids, now: DateTime<Utc>) -> Self {
        Self {
            id: ids.uuid(),
            seed,
            created_at: now,
            sha1_fingerprint: ids.hex(40),
        }
    }

    pub(crate) fn in_use(&self) -> bool {
        self.seed.in_use
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut certificate = json!({
            "id": self.id,
            "name": self.seed.name,
            "created_at": self.created_at,
            "dns_names": self.seed.dns_names,
            "state": match self.seed.state {
                State::Verified => "verified",
                State::Pending => "pending",
                State::Failed => "error",
            },
            "type": self.seed.kind,
        });
        if self.seed.state == State::Verified {
            certificate["not_after"] = json!(later(self.created_at, LIFETIME));
            certificate["sha1_fingerprint"] = json!(self.sha1_fingerprint);
        }
        certificate
    }
}
