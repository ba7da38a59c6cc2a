//! TLS certificates.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::{later, seconds};
use super::ids::Ids;
use super::pem::Leaf;
use crate::refusal::{Reason, Refusal};

const LETS_ENCRYPT: &str = "lets_encrypt";
const LIFETIME: TimeDelta = TimeDelta::days(90);

/// How Let's Encrypt issues in a sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Issuance {
    pub(crate) takes: Duration,
    /// The domains for which it issues; `None` for any.
    pub(crate) domains: Option<Vec<String>>,
}

impl Default for Issuance {
    fn default() -> Self {
        Self {
            takes: Duration::from_secs(10),
            domains: None,
        }
    }
}

impl Issuance {
    /// Rejects malformed names and names outside the managed domains.
    pub(crate) fn check(&self, dns_names: &[String]) -> Result<(), Refusal> {
        for (index, name) in dns_names.iter().enumerate() {
            let field = format!("dns_names.{index}");
            if !is_dns_name(name) {
                return Err(Reason::NotDnsName.about(field));
            }
            let domains = self.domains.as_deref();
            if domains.is_some_and(|domains| !domains.iter().any(|domain| is_within(name, domain)))
            {
                return Err(Reason::NotManaged.about(field));
            }
        }
        Ok(())
    }
}

/// At least two labels; the first one may be a wildcard.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253
        && plain
            .rsplit_once('.')
            .is_some_and(|(_, top)| !is_number(top))
        && plain.split('.').all(is_label)
}

/// Whether a name is a domain or a subdomain of it.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let above = name.strip_suffix(&domain);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// A certificate for [`Sandbox::add_certificate`](crate::Sandbox::add_certificate): verified and not in use by default.
///
/// ```
/// use docr_sandbox::CertificateSeed;
///
/// CertificateSeed::custom("shop", ["shop.example.com"]).in_use();
/// CertificateSeed::lets_encrypt("blog", ["blog.example.com", "*.blog.example.com"]).pending();
/// ```
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CertificateSeed {
    name: String,
    dns_names: Vec<String>,
    kind: Cow<'static, str>,
    state: State,
    in_use: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
enum State {
    Verified,
    Pending,
    Failed,
    /// Pending until the instant, then verified, or failed for a domain that nobody can own.
    Issuing(DateTime<Utc>),
}

impl CertificateSeed {
    /// A certificate from Let's Encrypt.
    ///
    /// ```
    /// let seed = docr_sandbox::CertificateSeed::lets_encrypt("blog", ["blog.example.com"]);
    /// ```
    pub fn lets_encrypt<N: Into<String>>(
        name: impl Into<String>,
        dns_names: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::new(name.into(), dns_names, LETS_ENCRYPT)
    }

    /// A custom certificate, one that was uploaded.
    ///
    /// ```
    /// let seed = docr_sandbox::CertificateSeed::custom("shop", ["shop.example.com"]);
    /// ```
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
            kind: kind.into(),
            state: State::Verified,
            in_use: false,
        }
    }

    /// Sets its state to `pending`: not issued yet, without an expiry and a fingerprint.
    ///
    /// ```
    /// let seed = docr_sandbox::CertificateSeed::lets_encrypt("blog", ["blog.example.com"]).pending();
    /// ```
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.state = State::Pending;
        self
    }

    /// Sets its state to `error`: it could not be issued.
    ///
    /// ```
    /// let seed = docr_sandbox::CertificateSeed::lets_encrypt("blog", ["blog.example.com"]).failed();
    /// ```
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.state = State::Failed;
        self
    }

    /// Marks it as used by a load balancer: it can't be deleted.
    ///
    /// ```
    /// let seed = docr_sandbox::CertificateSeed::custom("shop", ["shop.example.com"]).in_use();
    /// ```
    #[must_use]
    pub fn in_use(mut self) -> Self {
        self.in_use = true;
        self
    }
}

/// A certificate of an account.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Certificate {
    pub(crate) id: String,
    seed: CertificateSeed,
    pub(crate) created_at: DateTime<Utc>,
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

    /// A certificate that was uploaded with its key.
    pub(crate) fn uploaded(name: String, leaf: Leaf, ids: &mut Ids, now: DateTime<Utc>) -> Self {
        Self {
            not_after: leaf.not_after,
            sha1_fingerprint: leaf.sha1_fingerprint,
            ..Self::new(CertificateSeed::custom(name, leaf.dns_names), ids, now)
        }
    }

    /// A certificate that was requested from Let's Encrypt.
    pub(crate) fn requested(
        name: String,
        dns_names: Vec<String>,
        takes: Duration,
        ids: &mut Ids,
        now: DateTime<Utc>,
    ) -> Self {
        let takes = TimeDelta::from_std(takes).unwrap_or(TimeDelta::MAX);
        let mut seed = CertificateSeed::lets_encrypt(name, dns_names);
        seed.state = State::Issuing(later(now, takes));
        Self::new(seed, ids, now)
    }

    /// Renews it: another id, fingerprint and expiry, the same name.
    pub(crate) fn renew(&mut self, ids: &mut Ids, now: DateTime<Utc>) {
        *self = Self::new(self.seed.clone(), ids, now);
    }

    /// Whether Let's Encrypt renews it; custom certificates are never renewed.
    pub(crate) fn renews(&self) -> bool {
        self.seed.kind == LETS_ENCRYPT
    }

    pub(crate) fn expire_at(&mut self, end: DateTime<Utc>) {
        self.not_after = end;
    }

    /// Fails its issuance.
    pub(crate) fn fail(&mut self) {
        self.seed.state = State::Failed;
    }

    pub(crate) fn set_in_use(&mut self, in_use: bool) {
        self.seed.in_use = in_use;
    }

    pub(crate) fn name(&self) -> &str {
        &self.seed.name
    }

    pub(crate) fn in_use(&self) -> bool {
        self.seed.in_use
    }

    pub(crate) fn dns_names(&self) -> &[String] {
        &self.seed.dns_names
    }

    /// `lets_encrypt` or `custom`.
    pub(crate) fn kind(&self) -> &str {
        &self.seed.kind
    }

    /// When it expires; `None` while it isn't issued.
    pub(crate) fn expires_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (self.state(now) == "verified").then_some(self.not_after)
    }

    pub(crate) fn state(&self, now: DateTime<Utc>) -> &'static str {
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
                    .any(|name| is_within(name, "invalid")) =>
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
            "created_at": seconds(self.created_at),
            "dns_names": self.seed.dns_names,
            "state": state,
            "type": self.seed.kind,
        });
        if state == "verified" {
            certificate["not_after"] = json!(seconds(self.not_after));
            certificate["sha1_fingerprint"] = json!(self.sha1_fingerprint);
        }
        certificate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_has_labels_and_may_begin_with_a_wildcard() {
        for name in [
            "a.example",
            "*.shop.example.com",
            "XN--E1AFMKFD.example",
            "1.example",
        ] {
            assert!(is_dns_name(name), "{name}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for name in [
            "",
            ".",
            "*.",
            "*",
            "example",
            "not a domain",
            "a..example",
            ".example",
            "a.example.",
            "a.*.example",
            "-a.example",
            "a-.example",
            "10.0.0.1",
            "a_b.example",
            "ä.example",
            &long,
        ] {
            assert!(!is_dns_name(name), "{name}");
        }
    }

    #[test]
    fn a_domain_covers_its_subdomains_in_any_case() {
        for name in ["example.com", "shop.EXAMPLE.com", "*.example.com"] {
            assert!(is_within(name, "Example.com"), "{name}");
        }
        assert!(!is_within("counterexample.com", "example.com"));
        assert!(!is_within("com", "example.com"));
    }
}
