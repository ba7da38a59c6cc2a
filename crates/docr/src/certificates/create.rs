//! The certificate to add, and what is checked before it is sent.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use docr_api::{
    Secret,
    types::{self, Certificate, CertificateType},
};
use sha1::{Digest as _, Sha1};

use crate::{
    error::{Error, ErrorKind, InvalidInput, Result},
    text::{clean, hex},
};

/// The certificate that [`Certificates::create`](crate::Certificates::create) adds.
///
/// ```
/// use docr::CreateCertificate;
///
/// let issued = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com", "*.shop.example.com"]);
///
/// # let (key, leaf, chain) = ("-----BEGIN", "-----BEGIN", "-----BEGIN");
/// let owned = CreateCertificate::custom("shop-front", key, leaf).chain(chain);
/// ```
#[derive(Clone)]
#[must_use]
pub struct CreateCertificate(types::CertificateCreate);

impl CreateCertificate {
    /// A certificate that Let's Encrypt issues for these DNS names, which may be wildcards. DigitalOcean must manage
    /// their domains.
    pub fn lets_encrypt<N: Into<String>>(
        name: impl Into<String>,
        dns_names: impl IntoIterator<Item = N>,
    ) -> Self {
        Self(types::CertificateCreate::LetsEncrypt(
            types::CertificateCreateLetsEncrypt {
                name: name.into(),
                type_: Some(CertificateType::LetsEncrypt),
                dns_names: dns_names.into_iter().map(Into::into).collect(),
            },
        ))
    }

    /// A certificate from elsewhere with its private key, both PEM.
    pub fn custom(
        name: impl Into<String>,
        private_key: impl Into<Secret>,
        leaf_certificate: impl Into<String>,
    ) -> Self {
        Self(types::CertificateCreate::Custom(
            types::CertificateCreateCustom {
                name: name.into(),
                type_: Some(CertificateType::Custom),
                private_key: private_key.into(),
                leaf_certificate: leaf_certificate.into(),
                certificate_chain: None,
            },
        ))
    }

    /// The chain from the leaf's issuer upwards, PEM. Ignored for a certificate from Let's Encrypt, which has its own.
    pub fn chain(mut self, chain: impl Into<String>) -> Self {
        if let types::CertificateCreate::Custom(custom) = &mut self.0 {
            custom.certificate_chain = Some(chain.into());
        }
        self
    }

    /// The name.
    ///
    /// ```
    /// let wanted = docr::CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// assert_eq!(wanted.name(), "shop-front");
    /// ```
    pub fn name(&self) -> &str {
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(wanted) => &wanted.name,
            types::CertificateCreate::Custom(wanted) => &wanted.name,
        }
    }

    /// Checks it as [`create`](crate::Certificates::create) does before a request is sent, with the client's clock for
    /// `now`. Use it to reject a file early.
    ///
    /// One from Let's Encrypt needs a name and at least one DNS name, a custom one a name and PEM. With the feature
    /// `certificate-check` the PEM is checked, too: the private key is not encrypted and belongs to the leaf; there is one
    /// leaf; each certificate of the chain issued the one before it, the first one the leaf; and each certificate is valid
    /// now.
    ///
    /// ```
    /// # #[cfg(feature = "certificate-check")] {
    /// use docr::{Clock as _, CreateCertificate, SystemClock};
    ///
    /// # let (key, leaf) = ("-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----");
    /// let wanted = CreateCertificate::custom("shop-front", key, leaf);
    /// let error = wanted.check(SystemClock.now()).unwrap_err();
    /// assert_eq!(error.field(), "private key");
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] with the field and the rule that it breaks. It never contains the key or a certificate, but it may
    /// contain a certificate's subject.
    #[cfg_attr(not(feature = "certificate-check"), expect(unused_variables))]
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidInput> {
        check_name(self.name())?;
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(wanted) => {
                if wanted.dns_names.is_empty() {
                    let rule = "is empty; a certificate needs at least one name";
                    return Err(InvalidInput::new("DNS names", "", rule));
                }
                for name in &wanted.dns_names {
                    check_dns_name(name)?;
                }
            }
            types::CertificateCreate::Custom(wanted) => {
                check_pem("private key", wanted.private_key.expose())?;
                check_pem("leaf certificate", &wanted.leaf_certificate)?;
                if let Some(chain) = &wanted.certificate_chain {
                    check_pem("certificate chain", chain)?;
                }
                #[cfg(feature = "certificate-check")]
                super::check::check(wanted, now)?;
            }
        }
        Ok(())
    }

    pub(crate) fn body(&self) -> &types::CertificateCreate {
        &self.0
    }

    /// The private key, which no error may show.
    pub(crate) fn private_key(&self) -> Option<&Secret> {
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(_) => None,
            types::CertificateCreate::Custom(wanted) => Some(&wanted.private_key),
        }
    }

    /// The requested DNS names; `None` for a custom certificate, which contains them.
    pub(crate) fn dns_names(&self) -> Option<&[String]> {
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(wanted) => Some(&wanted.dns_names),
            types::CertificateCreate::Custom(_) => None,
        }
    }

    /// The existing certificate, or the error that it differs from this one.
    pub(super) fn unless_different(&self, found: Certificate) -> Result<Certificate> {
        if self.is_met_by(&found) {
            return Ok(found);
        }
        let is_same_type = found.type_.as_ref() == Some(&self.certificate_type());
        let difference = match (self.dns_names(), is_same_type) {
            (_, false) => {
                let is = found
                    .type_
                    .as_ref()
                    .map_or("unknown", CertificateType::as_str);
                format!("its type is {}", clean(is))
            }
            (Some(_), true) => format!("it is for {}", clean(&found.dns_names.join(", "))),
            (None, true) => "it has another leaf certificate".to_owned(),
        };
        let name = clean(&found.name);
        let summary = format!("the account has a certificate named {name}, but {difference}");
        let error = Error::caused_by(None, ErrorKind::Mismatch, summary);
        Err(error.about_certificate(&found))
    }

    fn certificate_type(&self) -> CertificateType {
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(_) => CertificateType::LetsEncrypt,
            types::CertificateCreate::Custom(_) => CertificateType::Custom,
        }
    }

    /// Whether a certificate is as requested, judged by name, type, DNS names and fingerprint.
    pub(crate) fn is_met_by(&self, certificate: &Certificate) -> bool {
        let is_same = match &self.0 {
            types::CertificateCreate::LetsEncrypt(wanted) => {
                same_names(&wanted.dns_names, &certificate.dns_names)
            }
            types::CertificateCreate::Custom(wanted) => {
                certificate.sha1_fingerprint.is_some()
                    && fingerprint(&wanted.leaf_certificate)
                        == certificate.sha1_fingerprint.as_deref().map(hex_digits)
            }
        };
        let is_same_type = certificate.type_.as_ref() == Some(&self.certificate_type());
        is_same && is_same_type && certificate.name == self.name()
    }
}

impl fmt::Debug for CreateCertificate {
    /// The key may have been passed in place of the certificate: neither is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateCertificate")
            .field("name", &self.name())
            .field("dns_names", &self.dns_names())
            .finish_non_exhaustive()
    }
}

/// Whether two lists have the same DNS names, in any order and case.
pub(crate) fn same_names(a: &[String], b: &[String]) -> bool {
    let names = |all: &[String]| -> BTreeSet<String> {
        all.iter().map(|name| name.to_ascii_lowercase()).collect()
    };
    names(a) == names(b)
}

/// The SHA-1 of the first certificate of a PEM text, as hexadecimal digits; `None` for other text.
fn fingerprint(pem: &str) -> Option<String> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_whitespace().collect();
    Some(hex(&Sha1::digest(BASE64.decode(body).ok()?)))
}

/// A fingerprint without separators.
fn hex_digits(text: &str) -> String {
    let digits = text.chars().filter(char::is_ascii_hexdigit);
    digits.collect::<String>().to_ascii_lowercase()
}

pub(crate) fn check_name(name: &str) -> Result<(), InvalidInput> {
    if name.trim().is_empty() {
        return Err(InvalidInput::new("certificate name", name, "is empty"));
    }
    Ok(())
}

fn check_dns_name(name: &str) -> Result<(), InvalidInput> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | ',');
    match name.chars().position(wrong) {
        Some(index) => {
            let rule = format!(
                "the character at position {} is not allowed in a DNS name",
                index + 1
            );
            Err(InvalidInput::at("DNS name", name, index + 1, rule))
        }
        None if name.is_empty() => Err(InvalidInput::new("DNS name", name, "is empty")),
        None => Ok(()),
    }
}

/// The value is not part of the error, since it may be a key.
fn check_pem(field: &'static str, pem: &str) -> Result<(), InvalidInput> {
    if pem.trim_start().starts_with("-----BEGIN ") {
        return Ok(());
    }
    let shown = if pem.is_empty() { "" } else { "[redacted]" };
    Err(InvalidInput::new(
        field,
        shown,
        "is not PEM; it must begin with \"-----BEGIN \"",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(wanted: CreateCertificate) -> String {
        wanted
            .check(DateTime::UNIX_EPOCH)
            .map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[test]
    fn an_invalid_certificate_is_refused_without_showing_its_key() {
        assert_eq!(
            complaint(CreateCertificate::lets_encrypt(" ", ["a.example"])),
            "certificate name \" \": is empty"
        );
        assert!(
            complaint(CreateCertificate::lets_encrypt("a", [""; 0]))
                .contains("is empty; a certificate needs")
        );
        assert!(
            complaint(CreateCertificate::lets_encrypt("a", ["https://a"])).contains("position 6")
        );
        assert_eq!(
            complaint(CreateCertificate::lets_encrypt("a", [""])),
            "DNS name \"\": is empty"
        );
        for name in ["a b", "a\u{7}b", "a/b", "a:b", "a,b"] {
            let wanted = CreateCertificate::lets_encrypt("a", [name]);
            let error = wanted.check(DateTime::UNIX_EPOCH).unwrap_err();
            assert_eq!(error.position(), Some(2));
            assert!(
                error.to_string().contains("position 2 is not allowed"),
                "{error}"
            );
        }
        let hidden = complaint(CreateCertificate::custom("a", "hunter2", "-----BEGIN"));
        assert!(
            hidden.starts_with("private key") && !hidden.contains("hunter2"),
            "{hidden}"
        );
        let wanted = CreateCertificate::custom("a", "-----BEGIN PRIVATE KEY-----hunter2", "leaf");
        assert!(!format!("{wanted:?}").contains("hunter2"));
        assert!(complaint(wanted).starts_with("leaf certificate"));
    }
}
