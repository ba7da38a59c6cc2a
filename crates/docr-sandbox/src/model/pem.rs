//! Custom certificates: reads their PEM and checks that the key matches.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PublicKeyData as _,
};
use sha1::{Digest as _, Sha1};
use x509_parser::{
    extensions::GeneralName, pem::Pem, prelude::X509Certificate, public_key::PublicKey,
};

use crate::refusal::{Reason, Refusal};

/// What the sandbox needs of a leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) dns_names: Vec<String>,
    pub(crate) not_after: DateTime<Utc>,
    /// SHA-1 of the certificate, in hex.
    pub(crate) sha1_fingerprint: String,
}

/// Reads a certificate and its key, or reports what is wrong with them.
pub(crate) fn read(
    key: &str,
    leaf: &str,
    chain: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Leaf, Refusal> {
    let pem = certificates("leaf_certificate", leaf)?.swap_remove(0);
    let certificate = parse("leaf_certificate", &pem)?;
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
        && key.key_size() < 2048
    {
        return Err(Reason::ShortKey.into());
    }
    let key = private_key(key).ok_or(Reason::NotKey)?;
    if key.subject_public_key_info() != certificate.public_key().raw {
        return Err(Reason::OtherKey.into());
    }
    if let Some(chain) = chain.filter(|chain| !chain.trim().is_empty()) {
        for pem in certificates("certificate_chain", chain)? {
            parse("certificate_chain", &pem)?;
        }
    }
    let not_after = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
        .ok_or(Reason::Expired)?;
    if not_after <= now {
        return Err(Reason::Expired.into());
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

/// The first private key of a PEM text. OpenSSL writes the curve of an EC key in a block before it.
fn private_key(text: &str) -> Option<KeyPair> {
    let begin = "-----BEGIN ";
    let block = text.match_indices(begin).find_map(|(place, _)| {
        let block = &text[place..];
        let (label, _) = block[begin.len()..].split_once("-----")?;
        label.ends_with("PRIVATE KEY").then_some(block)
    });
    KeyPair::from_pem(block?).ok()
}

/// The certificates of a PEM text; at least one.
fn certificates(field: &str, text: &str) -> Result<Vec<Pem>, Refusal> {
    let blocks: Result<Vec<_>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let blocks = blocks.ok().filter(|blocks| {
        !blocks.is_empty() && blocks.iter().all(|block| block.label == "CERTIFICATE")
    });
    blocks.ok_or_else(|| Reason::NotPem.about(field))
}

fn parse<'a>(field: &str, pem: &'a Pem) -> Result<X509Certificate<'a>, Refusal> {
    pem.parse_x509().map_err(|_| Reason::NotX509.about(field))
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
///
/// ```
/// let made = docr_sandbox::test_certificate(["shop.example.com"]);
/// assert!(made.private_key.contains("PRIVATE KEY") && made.chain.is_none());
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct TestCertificate {
    /// The private key in PEM.
    pub private_key: String,
    /// The certificate in PEM.
    pub leaf: String,
    /// The chain in PEM, from the issuer up; `None` for a self-signed certificate.
    pub chain: Option<String>,
}

impl std::fmt::Debug for TestCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCertificate")
            .field("leaf", &self.leaf)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

/// Creates a self-signed certificate for these names, valid for centuries, to upload as a custom certificate.
///
/// ```
/// let made = docr_sandbox::test_certificate(["shop.example.com"]);
/// assert!(made.leaf.starts_with("-----BEGIN CERTIFICATE-----"));
/// ```
///
/// # Panics
///
/// If a name is invalid in a certificate.
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
        chain: None,
    }
}

/// Creates a certificate for these names that expires at `not_after`, with its own chain of an intermediate and a root
/// authority, both valid for centuries.
///
/// ```
/// let expiry = "2027-01-01T00:00:00Z".parse()?;
/// let made = docr_sandbox::test_certificate_with_chain(["shop.example.com"], expiry);
/// assert_eq!(made.chain.unwrap().matches("BEGIN CERTIFICATE").count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If a name or the time is invalid in a certificate.
#[expect(
    clippy::expect_used,
    reason = "a helper of tests, given values that a test chose"
)]
pub fn test_certificate_with_chain<N: Into<String>>(
    dns_names: impl IntoIterator<Item = N>,
    not_after: DateTime<Utc>,
) -> TestCertificate {
    let key = || KeyPair::generate().expect("a machine with random numbers");
    let authority = |name: &str| {
        let mut params = named(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root = CertifiedIssuer::self_signed(authority("Root of the tests"), key())
        .expect("a well-formed authority");
    let near = CertifiedIssuer::signed_by(authority("Authority of the tests"), key(), &root)
        .expect("a well-formed authority");

    let names: Vec<String> = dns_names.into_iter().map(Into::into).collect();
    let common = names.first().cloned().unwrap_or_default();
    let mut params = named(&common, names);
    let seconds = u64::try_from(not_after.timestamp()).expect("an instant after 1970");
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let key = key();
    let leaf = params
        .signed_by(&key, &near)
        .expect("values that can stand in a certificate");
    TestCertificate {
        private_key: key.serialize_pem(),
        leaf: leaf.pem(),
        chain: Some(near.pem() + &root.pem()),
    }
}

#[expect(
    clippy::expect_used,
    reason = "a helper of tests, given names that a test chose"
)]
fn named(common_name: &str, dns_names: Vec<String>) -> CertificateParams {
    let mut params =
        CertificateParams::new(dns_names).expect("names that can stand in a certificate");
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
    }

    fn complaint(key: &str, leaf: &str, chain: Option<&str>) -> String {
        read(key, leaf, chain, now()).map_or_else(|refusal| refusal.message, |_| "fine".to_owned())
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
    fn a_certificate_with_a_chain_expires_at_the_requested_time() {
        let expiry = now() + chrono::TimeDelta::days(30);
        let made = test_certificate_with_chain(["shop.example.com"], expiry);
        let leaf = read(&made.private_key, &made.leaf, made.chain.as_deref(), now()).unwrap();
        assert_eq!(leaf.not_after, expiry);
        assert_eq!(leaf.dns_names, ["shop.example.com"]);
    }

    #[test]
    fn an_unsuitable_key_or_certificate_is_named_by_its_field() {
        let (made, other) = (
            test_certificate(["a.example.com"]),
            test_certificate(["b.example.com"]),
        );
        assert!(
            complaint(&other.private_key, &made.leaf, None)
                .starts_with("private_key: does not match")
        );
        assert!(
            complaint("no key", &made.leaf, None).starts_with("private_key: is not a private key")
        );
        assert!(
            complaint(&made.private_key, "no leaf", None)
                .starts_with("leaf_certificate: is not a certificate in PEM")
        );
        assert!(
            complaint(&made.private_key, &made.private_key, None).starts_with("leaf_certificate")
        );
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert!(
            complaint(&made.private_key, broken, None)
                .starts_with("leaf_certificate: is not an X.509")
        );
        assert!(
            complaint(&made.private_key, &made.leaf, Some(broken)).starts_with("certificate_chain")
        );
        let curve =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        let key = format!("{curve}{}", made.private_key);
        assert_eq!(complaint(&key, &made.leaf, None), "fine");
        assert!(
            complaint(curve, &made.leaf, None).starts_with("private_key: is not a private key")
        );
        let late = DateTime::<Utc>::MAX_UTC;
        let refusal = read(&made.private_key, &made.leaf, None, late).unwrap_err();
        assert_eq!(refusal.message, "leaf_certificate: has expired");
    }

    #[test]
    fn an_rsa_key_of_the_usual_length_is_long_enough() {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let leaf = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let leaf = leaf.self_signed(&key).unwrap().pem();
        let read = read(&key.serialize_pem(), &leaf, None, DateTime::UNIX_EPOCH);
        assert_eq!(
            read.map_err(|refusal| refusal.message).unwrap().dns_names,
            ["a.example"]
        );
    }
}
