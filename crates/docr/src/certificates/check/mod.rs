//! Whether the key, the leaf and the chain of a custom certificate belong together and are valid now.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use chrono::{DateTime, SecondsFormat, Utc};
use docr_api::types::CertificateCreateCustom;
use x509_parser::{
    error::PEMError, extensions::ParsedExtension, pem::Pem, prelude::X509Certificate,
};

use crate::InvalidInput;

const KEY: &str = "private key";
const LEAF: &str = "leaf certificate";
const CHAIN: &str = "certificate chain";

/// Checks a custom certificate, as far as possible offline.
pub(crate) fn check(
    wanted: &CertificateCreateCustom,
    now: DateTime<Utc>,
) -> Result<(), InvalidInput> {
    let key = private_key(wanted.private_key.expose())?;
    let leaf = certificates(LEAF, &wanted.leaf_certificate)?;
    let leaf = parsed(LEAF, &leaf)?;
    let [leaf] = leaf.as_slice() else {
        let rule = format!(
            "contains {} certificates; only the leaf belongs here, the others are the chain",
            leaf.len()
        );
        let first = leaf.first().map(subject).unwrap_or_default();
        return Err(InvalidInput::new(LEAF, first, rule));
    };
    check_key(&key, leaf)?;
    check_time(LEAF, leaf, "", now)?;
    if let Some(chain) = &wanted.certificate_chain {
        let chain = certificates(CHAIN, chain)?;
        check_chain(leaf, &parsed(CHAIN, &chain)?, now)?;
    }
    Ok(())
}

/// The only private key of a text. The parameters of an EC key, which OpenSSL writes before it, are skipped.
fn private_key(text: &str) -> Result<Pem, InvalidInput> {
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(encrypted());
    }
    let mut keys = Vec::new();
    for block in blocks(KEY, text)? {
        let rule = match block.label.as_str() {
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                keys.push(block);
                continue;
            }
            "EC PARAMETERS" => continue,
            "ENCRYPTED PRIVATE KEY" => return Err(encrypted()),
            "CERTIFICATE" => "contains a certificate; only the private key belongs here",
            "PUBLIC KEY" | "RSA PUBLIC KEY" => "is a public key",
            "OPENSSH PRIVATE KEY" => "is in OpenSSH's format; use PKCS#8, PKCS#1 or SEC1",
            _ => "contains PEM that is not a private key",
        };
        return Err(hidden(KEY, rule));
    }
    match keys.len() {
        1 => Ok(keys.swap_remove(0)),
        0 => Err(hidden(KEY, "contains the parameters of a key, but no key")),
        several => Err(hidden(
            KEY,
            format!("contains {several} private keys; one is needed"),
        )),
    }
}

fn encrypted() -> InvalidInput {
    let rule =
        "is encrypted; the service needs a key without a passphrase (`openssl pkey` removes it)";
    hidden(KEY, rule)
}

/// The certificates of a text; at least one, and nothing else.
fn certificates(field: &'static str, text: &str) -> Result<Vec<Pem>, InvalidInput> {
    let blocks = blocks(field, text)?;
    for block in &blocks {
        let rule = match block.label.as_str() {
            "CERTIFICATE" => continue,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                "contains a certificate request, which an authority must sign first"
            }
            label if label.ends_with("PRIVATE KEY") => {
                "contains a private key, which belongs in its own field"
            }
            _ => "contains PEM that is not a certificate",
        };
        return Err(hidden(field, rule));
    }
    Ok(blocks)
}

fn blocks(field: &'static str, text: &str) -> Result<Vec<Pem>, InvalidInput> {
    let blocks: Result<Vec<_>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let rule = match blocks {
        Ok(blocks) if blocks.is_empty() => "has no line that begins with \"-----BEGIN \"",
        Ok(blocks) => return Ok(blocks),
        Err(PEMError::IncompletePEM) => {
            "has no \"-----END\" line; BEGIN and END must be on lines of their own"
        }
        Err(PEMError::Base64DecodeError) => "is not base64 between its BEGIN and END lines",
        Err(_) => "has a malformed BEGIN line",
    };
    Err(hidden(field, rule))
}

fn parsed<'a>(
    field: &'static str,
    blocks: &'a [Pem],
) -> Result<Vec<X509Certificate<'a>>, InvalidInput> {
    let parse = |(index, block): (usize, &'a Pem)| {
        block.parse_x509().map_err(|_| {
            let rule = format!(
                "the certificate at position {} is not an X.509 certificate",
                index + 1
            );
            hidden(field, rule)
        })
    };
    blocks.iter().enumerate().map(parse).collect()
}

fn check_key(key: &Pem, leaf: &X509Certificate<'_>) -> Result<(), InvalidInput> {
    let candidates = public_keys(key);
    if candidates.is_empty() {
        let rule = "can't be read; supported are RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519";
        return Err(hidden(KEY, rule));
    }
    let of_leaf = leaf.public_key().subject_public_key.data.as_ref();
    if candidates.iter().any(|key| key == of_leaf) {
        return Ok(());
    }
    let rule = format!("is not the key of the leaf certificate {:?}", subject(leaf));
    Err(hidden(KEY, rule))
}

/// The public halves of a private key, one for each algorithm by which it can be parsed.
fn public_keys(key: &Pem) -> Vec<Vec<u8>> {
    let der = key.contents.as_slice();
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let ecdsa = curves.into_iter().filter_map(|curve| {
        let pair = match key.label.as_str() {
            "PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(curve, der),
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(curve, der),
            _ => return None,
        };
        Some(pair.ok()?.public_key().as_ref().to_vec())
    });
    let rsa = match key.label.as_str() {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(der).ok(),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).ok(),
        _ => None,
    };
    let ed25519 = match key.label.as_str() {
        "PRIVATE KEY" => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok(),
        _ => None,
    };
    ecdsa
        .chain(rsa.map(|pair| pair.public_key().as_ref().to_vec()))
        .chain(ed25519.map(|pair| pair.public_key().as_ref().to_vec()))
        .collect()
}

fn check_time(
    field: &'static str,
    certificate: &X509Certificate<'_>,
    place: &str,
    now: DateTime<Utc>,
) -> Result<(), InvalidInput> {
    let validity = certificate.validity();
    let (begin, end) = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    let rule = if end < now.timestamp() {
        format!("{place}expired at {}", shown(end))
    } else if begin > now.timestamp() {
        format!("{place}is not valid before {}", shown(begin))
    } else {
        return Ok(());
    };
    Err(InvalidInput::new(field, subject(certificate), rule))
}

/// Checks that each certificate of the chain issued the one before it, the first one the leaf.
fn check_chain(
    leaf: &X509Certificate<'_>,
    chain: &[X509Certificate<'_>],
    now: DateTime<Utc>,
) -> Result<(), InvalidInput> {
    let mut before = leaf;
    for (index, certificate) in chain.iter().enumerate() {
        let position = index + 1;
        let wrong = |rule: String| Err(InvalidInput::new(CHAIN, subject(certificate), rule));
        if certificate.as_raw() == leaf.as_raw() {
            let rule =
                format!("at position {position} is the leaf; the chain must begin with its issuer");
            return wrong(rule);
        }
        if let Some(twin) = chain[..index]
            .iter()
            .position(|c| c.as_raw() == certificate.as_raw())
        {
            let twin = twin + 1;
            return wrong(format!(
                "at position {position} is the same as at position {twin}"
            ));
        }
        if issued(certificate, before) {
            check_time(CHAIN, certificate, &format!("at position {position} "), now)?;
            before = certificate;
            continue;
        }
        let wanted = match index {
            0 => Cow::Borrowed("the leaf"),
            _ => Cow::Owned(format!("the certificate before it, {:?}", subject(before))),
        };
        let rule = match chain.iter().position(|other| issued(other, before)) {
            Some(last) if is_in_order(leaf, chain.iter().rev()) => {
                format!(
                    "at position {position} is the end of the chain, which is in reverse order: the issuer of the leaf must come first, and is at position {}",
                    last + 1
                )
            }
            Some(other) => format!(
                "at position {position} did not issue {wanted}; the one that did is at position {}",
                other + 1
            ),
            None => format!("at position {position} did not issue {wanted}, and no other one did"),
        };
        return wrong(rule);
    }
    Ok(())
}

fn is_in_order<'a>(
    leaf: &'a X509Certificate<'a>,
    mut chain: impl Iterator<Item = &'a X509Certificate<'a>>,
) -> bool {
    let mut before = leaf;
    chain.all(|certificate| issued(certificate, std::mem::replace(&mut before, certificate)))
}

/// Compares the names, and the key ids where both certificates have them: an issuer may have several certificates, and
/// several issuers may have the same name.
fn issued(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    let authority =
        certificate
            .iter_extensions()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(authority) => {
                    authority.key_identifier.as_ref()
                }
                _ => None,
            });
    let own = issuer
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id),
            _ => None,
        });
    let same_key = authority.zip(own).is_none_or(|(wanted, own)| wanted == own);
    certificate.issuer().as_raw() == issuer.subject().as_raw() && same_key
}

/// The certificate's name for people.
fn subject(certificate: &X509Certificate<'_>) -> String {
    let subject = certificate.subject().to_string();
    if !subject.is_empty() {
        return subject;
    }
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    names.map(ToString::to_string).next().unwrap_or_default()
}

fn shown(timestamp: i64) -> String {
    match DateTime::from_timestamp(timestamp, 0) {
        Some(instant) => instant.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => format!("second {timestamp} of the Unix epoch"),
    }
}

/// An error without the value, which may be a key in any field.
fn hidden(field: &'static str, rule: impl Into<String>) -> InvalidInput {
    InvalidInput::new(field, "[redacted]", rule)
}
