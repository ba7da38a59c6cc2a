//! Keys and chains of every kind, and what is wrong with them.

use chrono::TimeDelta;
use docr_api::types::CertificateType;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, RsaKeySize,
};
use x509_parser::der_parser::der::parse_der;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn authority(name: &str, issuer: Option<&Authority>) -> Authority {
    let (params, key) = (authority_params(name), KeyPair::generate().unwrap());
    match issuer {
        None => Authority::self_signed(params, key).unwrap(),
        Some(issuer) => Authority::signed_by(params, key, issuer).unwrap(),
    }
}

/// A leaf with key, and the authorities above it from the nearest up.
struct Shop {
    key: KeyPair,
    leaf: String,
    above: [Authority; 3],
}

fn shop() -> Shop {
    let root = authority("root", None);
    let middle = authority("middle", Some(&root));
    let near = authority("near", Some(&middle));
    let key = KeyPair::generate().unwrap();
    let leaf = params("shop").signed_by(&key, &near).unwrap().pem();
    let above = [near, middle, root];
    Shop { key, leaf, above }
}

impl Shop {
    fn chain(&self, places: &[usize]) -> String {
        places
            .iter()
            .map(|&place| self.above[place].pem())
            .collect()
    }

    fn with_chain(&self, chain: &str) -> String {
        complaint(&self.key.serialize_pem(), &self.leaf, Some(chain))
    }
}

fn complaint_at(now: DateTime<Utc>, key: &str, leaf: &str, chain: Option<&str>) -> String {
    let wanted = CertificateCreateCustom {
        name: "shop".into(),
        type_: Some(CertificateType::Custom),
        private_key: key.into(),
        leaf_certificate: leaf.into(),
        certificate_chain: chain.map(Into::into),
    };
    check(&wanted, now).map_or_else(|error| error.to_string(), |()| "fine".into())
}

fn complaint(key: &str, leaf: &str, chain: Option<&str>) -> String {
    complaint_at(now(), key, leaf, chain)
}

fn self_signed(key: &KeyPair) -> String {
    params("shop").self_signed(key).unwrap().pem()
}

fn pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

/// The key within PKCS#8: PKCS#1 of an RSA key, SEC1 of an EC key.
fn within_pkcs8(key: &KeyPair) -> Vec<u8> {
    let (_, pkcs8) = parse_der(key.serialized_der()).unwrap();
    pkcs8.as_sequence().unwrap()[2].as_slice().unwrap().to_vec()
}

#[test]
fn a_key_of_each_kind_and_in_each_format_is_known_by_its_certificate() {
    let other = self_signed(&KeyPair::generate().unwrap());
    let ecdsa = [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
    ];
    let mut written = Vec::new();
    for kind in ecdsa {
        let key = KeyPair::generate_for(kind).unwrap();
        let sec1 = pem("EC PRIVATE KEY", &within_pkcs8(&key));
        let with_curve = pem("EC PARAMETERS", b"\x06\x08*\x86H\xce=\x03\x01\x07") + &sec1;
        let leaf = self_signed(&key);
        written.extend([key.serialize_pem(), sec1, with_curve].map(|key| (key, leaf.clone())));
    }
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let pkcs1 = pem("RSA PRIVATE KEY", &within_pkcs8(&rsa));
    let leaf = self_signed(&rsa);
    written.extend([rsa.serialize_pem(), pkcs1].map(|key| (key, leaf.clone())));
    let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    written.push((ed25519.serialize_pem(), self_signed(&ed25519)));
    for (key, leaf) in written {
        assert_eq!(complaint(&key, &leaf, None), "fine", "{key}");
        assert_eq!(complaint(&key.replace('\n', "\r\n"), &leaf, None), "fine");
        assert_eq!(
            complaint(&key, &other, None),
            "private key \"[redacted]\": is not the key of the leaf certificate \"CN=shop\""
        );
    }
}

#[test]
fn an_error_about_an_unusable_key_says_what_the_text_is() {
    let key = KeyPair::generate().unwrap();
    let (leaf, key) = (self_signed(&key), key.serialize_pem());
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let truncated = &key[..key.len() / 2];
    let on_one_line = key.replace('\n', "\\n");
    let cases = [
        (pem("ENCRYPTED PRIVATE KEY", b"key"), "is encrypted"),
        (legacy.into(), "is encrypted"),
        (leaf.clone(), "contains a certificate"),
        (format!("{key}{leaf}"), "contains a certificate"),
        (format!("{key}{key}"), "contains 2 private keys"),
        (pem("PUBLIC KEY", b"key"), "is a public key"),
        (pem("OPENSSH PRIVATE KEY", b"key"), "OpenSSH"),
        (pem("EC PARAMETERS", b"curve"), "but no key"),
        (pem("SECRET", b"key"), "not a private key"),
        (pem("PRIVATE KEY", b"key"), "can't be read"),
        (truncated.into(), "no \"-----END\" line"),
        (on_one_line, "no \"-----END\" line"),
        (key.replace("\nM", "\n?"), "not base64"),
        (
            format!(" {key}").replace('\n', "\n "),
            "no line that begins",
        ),
    ];
    for (key, expected) in cases {
        let said = complaint(&key, &leaf, None);
        assert!(said.starts_with("private key \"[redacted]\": "), "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_leaf_is_exactly_one_certificate() {
    let shop = shop();
    let (key, leaf) = (shop.key.serialize_pem(), &shop.leaf);
    let pasted = format!("{leaf}{}", shop.chain(&[0, 1]));
    assert_eq!(
        complaint(&key, &pasted, None),
        "leaf certificate \"CN=shop\": contains 3 certificates; only the leaf belongs here, the others are the chain"
    );
    let cases = [
        (key.clone(), "contains a private key"),
        (format!("{leaf}{key}"), "contains a private key"),
        (
            pem("CERTIFICATE REQUEST", b"request"),
            "a certificate request",
        ),
        (pem("PKCS7", b"bundle"), "not a certificate"),
        (pem("CERTIFICATE", b"nothing"), "position 1 is not an X.509"),
    ];
    for (leaf, expected) in cases {
        let said = complaint(&key, &leaf, None);
        assert!(
            said.starts_with("leaf certificate \"[redacted]\": "),
            "{said}"
        );
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_chain_goes_from_the_issuer_of_the_leaf_up_and_may_end_before_the_root() {
    let shop = shop();
    for places in [&[0, 1, 2][..], &[0, 1], &[0]] {
        assert_eq!(shop.with_chain(&shop.chain(places)), "fine");
    }
}

#[test]
fn an_error_about_a_broken_chain_says_where_and_why() {
    let shop = shop();
    let stranger = authority("stranger", None).pem();
    let twin = authority("near", None).pem();
    let cases = [
        (
            shop.chain(&[2, 1, 0]),
            "\"CN=root\": at position 1 is the end of the chain, which is in reverse order: the issuer of the leaf must come first, and is at position 3",
        ),
        (
            shop.leaf.clone() + &shop.chain(&[0, 1]),
            "\"CN=shop\": at position 1 is the leaf; the chain must begin with its issuer",
        ),
        (
            shop.chain(&[0]) + &stranger,
            "\"CN=stranger\": at position 2 did not issue the certificate before it, \"CN=near\", and no other one did",
        ),
        (
            stranger,
            "\"CN=stranger\": at position 1 did not issue the leaf, and no other one did",
        ),
        (
            shop.chain(&[0, 2, 1]),
            "\"CN=root\": at position 2 did not issue the certificate before it, \"CN=near\"; the one that did is at position 3",
        ),
        (
            shop.chain(&[0, 0]),
            "\"CN=near\": at position 2 is the same as at position 1",
        ),
        // Another authority by the same name.
        (
            twin,
            "\"CN=near\": at position 1 did not issue the leaf, and no other one did",
        ),
    ];
    for (chain, expected) in cases {
        assert_eq!(
            shop.with_chain(&chain),
            format!("certificate chain {expected}")
        );
    }
    let said = shop.with_chain(&shop.key.serialize_pem());
    assert!(
        said.contains("certificate chain \"[redacted]\": contains a private key"),
        "{said}"
    );
}

#[test]
fn a_certificate_is_valid_at_the_time_of_the_check() {
    let key = KeyPair::generate().unwrap();
    let mut dated = params("shop");
    dated.not_before = rcgen::date_time_ymd(2026, 3, 1);
    dated.not_after = rcgen::date_time_ymd(2026, 6, 1);
    let leaf = dated.self_signed(&key).unwrap().pem();
    let on = |day: &str| {
        let day = format!("{day}T00:00:00Z").parse().unwrap();
        complaint_at(day, &key.serialize_pem(), &leaf, None)
    };
    assert_eq!(on("2026-03-01"), "fine");
    assert_eq!(on("2026-06-01"), "fine");
    assert_eq!(
        on("2026-02-28"),
        "leaf certificate \"CN=shop\": is not valid before 2026-03-01T00:00:00Z"
    );
    assert_eq!(
        on("2026-06-02"),
        "leaf certificate \"CN=shop\": expired at 2026-06-01T00:00:00Z"
    );
}

#[test]
fn an_error_about_an_expired_certificate_names_its_position_in_the_chain() {
    let root = authority("root", None);
    let mut old = authority_params("near");
    old.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let near = Authority::signed_by(old, KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = params("shop").signed_by(&key, &near).unwrap().pem();
    assert_eq!(
        complaint(
            &key.serialize_pem(),
            &leaf,
            Some(&(near.pem() + &root.pem()))
        ),
        "certificate chain \"CN=near\": at position 1 expired at 2020-01-01T00:00:00Z"
    );
}

#[test]
fn a_certificate_without_a_subject_is_called_by_its_first_dns_name() {
    let key = KeyPair::generate().unwrap();
    let mut nameless = params("shop");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    nameless.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let leaf = nameless.self_signed(&key).unwrap().pem();
    let said = complaint(&key.serialize_pem(), &leaf, None);
    assert!(
        said.contains("shop.example.com") && said.contains("expired"),
        "{said}"
    );
}
