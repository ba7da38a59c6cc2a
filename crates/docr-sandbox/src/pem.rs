//! Custom certificates: what their PEM says, and whether the key fits.

use chrono::{DateTime, Utc};
use rcgen::{KeyPair, PublicKeyData as _};
use sha1::{Digest as _, Sha1};
use x509_parser::{extensions::GeneralName, pem::Pem, prelude::X509Certificate};

use crate::answer::Problem;

/// What a leaf certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) dns_names: Vec<String>,
    pub(crate) not_after: DateTime<Utc>,
    /// SHA-1 of the certificate, in hex.
    pub(crate) sha1_fingerprint: String,
}

/// Reads a certificate that comes with its key, or says what is wrong with it.
pub(crate) fn read(
    key: &str,
    leaf: &str,
    chain: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Leaf, Problem> {
    let pem = certificates("leaf_certificate", leaf)?.swap_remove(0);
    let certificate = parse("leaf_certificate", &pem)?;
    let key = KeyPair::from_pem(key)
        .map_err(|_| Problem::unprocessable("private_key: is no PEM of a private key"))?;
    if key.subject_public_key_info() != certificate.public_key().raw {
        return Err(Problem::unprocessable(
            "private_key: is not the key of the leaf certificate",
        ));
    }
    if let Some(chain) = chain.filter(|chain| !chain.trim().is_empty()) {
        for pem in certificates("certificate_chain", chain)? {
            parse("certificate_chain", &pem)?;
        }
    }
    let not_after = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
        .ok_or_else(|| Problem::unprocessable("leaf_certificate: expires at no real time"))?;
    if not_after <= now {
        return Err(Problem::unprocessable("leaf_certificate: has expired"));
    }
    Ok(Leaf {
        dns_names: dns_names(&certificate),
        not_after,
        sha1_fingerprint: Sha1::digest(&pem.contents)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    })
}

/// The certificates of a PEM text; at least one.
fn certificates(field: &str, text: &str) -> Result<Vec<Pem>, Problem> {
    let blocks: Result<Vec<_>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let blocks = blocks.ok().filter(|blocks| {
        !blocks.is_empty() && blocks.iter().all(|block| block.label == "CERTIFICATE")
    });
    blocks.ok_or_else(|| Problem::unprocessable(format!("{field}: is no PEM of a certificate")))
}

fn parse<'a>(field: &str, pem: &'a Pem) -> Result<X509Certificate<'a>, Problem> {
    pem.parse_x509()
        .map_err(|_| Problem::unprocessable(format!("{field}: is no X.509 certificate")))
}

/// The alternative names, or else the common name.
fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<_> = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return names;
    }
    let common = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    common.map(str::to_owned).collect()
}

/// A certificate for tests, with its key.
#[derive(Clone)]
#[non_exhaustive]
pub struct TestCertificate {
    /// The private key, PEM.
    pub private_key: String,
    /// The certificate, PEM. It is its own issuer.
    pub leaf: String,
}

impl std::fmt::Debug for TestCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCertificate")
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}

/// Makes a self-signed certificate for these names, good for centuries: what a test sends as a custom certificate.
///
/// ```
/// let made = docr_sandbox::test_certificate(["shop.example.com"]);
/// assert!(made.leaf.starts_with("-----BEGIN CERTIFICATE-----"));
/// ```
///
/// # Panics
///
/// If a name can't stand in a certificate.
#[expect(
    clippy::expect_used,
    reason = "a helper of tests, given names that a test chose"
)]
pub fn test_certificate<N: Into<String>>(
    dns_names: impl IntoIterator<Item = N>,
) -> TestCertificate {
    let names: Vec<String> = dns_names.into_iter().map(Into::into).collect();
    let made =
        rcgen::generate_simple_self_signed(names).expect("names that can stand in a certificate");
    TestCertificate {
        private_key: made.signing_key.serialize_pem(),
        leaf: made.cert.pem(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
    }

    fn complaint(key: &str, leaf: &str, chain: Option<&str>) -> String {
        read(key, leaf, chain, now()).map_or_else(|problem| problem.message, |_| "fine".to_owned())
    }

    #[test]
    fn a_certificate_is_read_with_names_expiry_and_fingerprint() {
        let made = test_certificate(["shop.example.com", "*.shop.example.com"]);
        let leaf = read(&made.private_key, &made.leaf, Some(&made.leaf), now()).unwrap();
        assert_eq!(leaf.dns_names, ["shop.example.com", "*.shop.example.com"]);
        assert_eq!(leaf.sha1_fingerprint.len(), 40);
        assert!(leaf.not_after > now());
    }

    #[test]
    fn what_does_not_fit_is_named_by_its_field() {
        let (made, other) = (
            test_certificate(["a.example.com"]),
            test_certificate(["b.example.com"]),
        );
        assert!(
            complaint(&other.private_key, &made.leaf, None)
                .starts_with("private_key: is not the key")
        );
        assert!(complaint("no key", &made.leaf, None).starts_with("private_key: is no PEM"));
        assert!(
            complaint(&made.private_key, "no leaf", None)
                .starts_with("leaf_certificate: is no PEM")
        );
        assert!(
            complaint(&made.private_key, &made.private_key, None).starts_with("leaf_certificate")
        );
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert!(
            complaint(&made.private_key, broken, None).starts_with("leaf_certificate: is no X.509")
        );
        assert!(
            complaint(&made.private_key, &made.leaf, Some(broken)).starts_with("certificate_chain")
        );
        let late = DateTime::<Utc>::MAX_UTC;
        let problem = read(&made.private_key, &made.leaf, None, late).unwrap_err();
        assert_eq!(problem.message, "leaf_certificate: has expired");
    }
}
