//! TLS certificates.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::clock::later;
use crate::ids::Ids;
use crate::pem::Leaf;

const LIFETIME: TimeDelta = TimeDelta::days(90);

/// How long Let's Encrypt takes.
const ISSUANCE: TimeDelta = TimeDelta::seconds(10);

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
    /// Pending until the instant, then verified, or failed for a name that no one can own.
    Issuing(DateTime<Utc>),
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
    not_after: DateTime<Utc>,
    sha1_fingerprint: String,
}

impl Certificate {
    pub(crate) fn new(seed: CertificateSeed, ids: &mut Ids, now: DateTime<Utc>) -> Self {
        Self {
            id: ids.uuid(),
            seed,
            created_at: now,
            not_after: later(now, LIFETIME),
            sha1_fingerprint: ids.hex(40),
        }
    }

    /// A certificate that was sent with its key.
    pub(crate) fn uploaded(name: String, leaf: Leaf, ids: &mut Ids, now: DateTime<Utc>) -> Self {
        Self {
            not_after: leaf.not_after,
            sha1_fingerprint: leaf.sha1_fingerprint,
            ..Self::new(CertificateSeed::custom(name, leaf.dns_names), ids, now)
        }
    }

    /// A certificate that Let's Encrypt has been asked for.
    pub(crate) fn requested(
        name: String,
        dns_names: Vec<String>,
        ids: &mut Ids,
        now: DateTime<Utc>,
    ) -> Self {
        let mut seed = CertificateSeed::lets_encrypt(name, dns_names);
        seed.state = State::Issuing(later(now, ISSUANCE));
        Self::new(seed, ids, now)
    }

    /// Replaces it as a renewal does: another id, fingerprint and expiry, the same name.
    pub(crate) fn renew(&mut self, ids: &mut Ids, now: DateTime<Utc>) {
        *self = Self::new(self.seed.clone(), ids, now);
    }

    pub(crate) fn name(&self) -> &str {
        &self.seed.name
    }

    pub(crate) fn in_use(&self) -> bool {
        self.seed.in_use
    }

    fn state(&self, now: DateTime<Utc>) -> &'static str {
        match self.seed.state {
            State::Verified => "verified",
            State::Pending => "pending",
            State::Failed => "error",
            State::Issuing(done) if now < done => "pending",
            State::Issuing(_)
                if self
                    .seed
                    .dns_names
                    .iter()
                    .any(|name| name.ends_with(".invalid")) =>
            {
                "error"
            }
            State::Issuing(_) => "verified",
        }
    }

    pub(crate) fn to_json(&self, now: DateTime<Utc>) -> Value {
        let state = self.state(now);
        let mut certificate = json!({
            "id": self.id,
            "name": self.seed.name,
            "created_at": self.created_at,
            "dns_names": self.seed.dns_names,
            "state": state,
            "type": self.seed.kind,
        });
        if state == "verified" {
            certificate["not_after"] = json!(self.not_after);
            certificate["sha1_fingerprint"] = json!(self.sha1_fingerprint);
        }
        certificate
    }
}
