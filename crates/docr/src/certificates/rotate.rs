//! Replacing a certificate that is in use.

use std::{error, fmt};

use docr_api::types::Certificate;

use super::{create::CreateCertificate, handle::Certificates};
use crate::{
    error::{Error, InvalidInput},
    text::clean,
};

/// The two certificates of [`Certificates::rotate`].
///
/// ```
/// /// The names of which the new certificate has more than the old one.
/// fn added(pair: &docr::CertificatePair) -> Vec<&String> {
///     pair.new.dns_names.iter().filter(|name| !pair.old.dns_names.contains(name)).collect()
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CertificatePair {
    /// The certificate to replace.
    pub old: Certificate,
    /// Its replacement.
    pub new: Certificate,
}

/// Where [`Certificates::rotate`] stopped. `E` is the error of the caller's own part.
///
/// ```no_run
/// use docr::RotateError;
///
/// fn report(error: RotateError<std::io::Error>) {
///     if let RotateError::NotCovered { missing, .. } = &error {
///         println!("add these names: {}", missing.join(", "));
///     }
///     if let Some(pair) = error.pair() {
///         println!("clean up: {} or {}", pair.old.id, pair.new.id);
///     }
///     if error.error().is_some_and(|error| error.is_wait_expired()) {
///         println!("run it again later");
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum RotateError<E> {
    /// No new certificate was created, and the old one is unchanged. After
    /// [`is_ambiguous`](Error::is_ambiguous) check whether there is a new one.
    NotCreated(Error),
    /// The new certificate was created but not issued. The old one is unchanged. Delete the new one, or wait longer with
    /// [`Certificates::wait_until_issued`].
    NotIssued {
        /// Both certificates.
        pair: Box<CertificatePair>,
        /// Why the wait ended.
        source: Error,
    },
    /// The new certificate was issued, but lacks some DNS names of the old one. Nothing was swapped or deleted. If that is
    /// intended, swap the two where they are used, and delete the old one with [`Certificates::delete_when_unused`];
    /// otherwise delete the new one.
    NotCovered {
        /// Both certificates.
        pair: Box<CertificatePair>,
        /// The DNS names of the old certificate that the new one lacks.
        missing: Vec<String>,
    },
    /// The caller's part failed. Both certificates exist, and nothing was deleted.
    NotSwapped {
        /// Both certificates.
        pair: Box<CertificatePair>,
        /// The error of the caller's part.
        source: E,
    },
    /// The caller's part is done, but the old certificate was not deleted. Delete it with
    /// [`Certificates::delete_when_unused`].
    NotDeleted {
        /// Both certificates.
        pair: Box<CertificatePair>,
        /// Why it could not be deleted; [`is_wait_expired`](Error::is_wait_expired), if it was in use all the time.
        source: Error,
    },
}

impl Certificates {
    /// Replaces a certificate: adds the new one and waits until it is issued, calls `swap` to swap the two wherever the old
    /// one is used, and deletes the old one when it is no longer in use.
    /// `POST /v2/certificates`, `GET` and `DELETE /v2/certificates/{certificate_id}`
    ///
    /// Each of the two waits takes at most the limit of [`CallOptions::wait_limit`](crate::CallOptions::wait_limit). Deleting is
    /// repeated only while the service reports that the certificate is in use. Dropping this future undoes nothing.
    ///
    /// ```no_run
    /// # async fn use_in_load_balancers(old: &str, new: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use docr::{CreateCertificate, RotateError};
    ///
    /// let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
    /// let swap = async |pair: docr::CertificatePair| use_in_load_balancers(&pair.old.id, &pair.new.id).await;
    /// match docr.certificates().rotate("shop-2026", wanted, swap).await {
    ///     Ok(pair) => println!("{} is replaced by {}", pair.old.name, pair.new.name),
    ///     Err(RotateError::NotDeleted { pair, .. }) => println!("delete {} later", pair.old.name),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RotateError`] reports how far it went, and contains both certificates as soon as there are two.
    /// [`RotateError::NotCreated`]: the two names are the same, which the service doesn't allow; the errors of
    /// [`create`](Self::create); no certificate with the old name, as [`is_not_found`](Error::is_not_found); a new
    /// certificate that lacks DNS names of the old one.
    pub async fn rotate<E, F>(
        &self,
        old: &str,
        wanted: CreateCertificate,
        swap: impl FnOnce(CertificatePair) -> F,
    ) -> Result<CertificatePair, RotateError<E>>
    where
        F: Future<Output = Result<(), E>>,
    {
        let (old, created) = match self.begin_rotation(old, wanted).await {
            Ok(both) => both,
            Err(error) => return Err(RotateError::NotCreated(error)),
        };
        let pair = match self.make_ready(&old, &created).await {
            Ok(pair) => pair,
            Err(source) => {
                let new = source.certificate().cloned().unwrap_or(created);
                let pair = Box::new(CertificatePair { old, new });
                return Err(RotateError::NotIssued { pair, source });
            }
        };
        let missing = uncovered(&pair.old.dns_names, &pair.new.dns_names);
        if !missing.is_empty() {
            let pair = Box::new(pair);
            return Err(RotateError::NotCovered { pair, missing });
        }
        if let Err(source) = swap(pair.clone()).await {
            let pair = Box::new(pair);
            return Err(RotateError::NotSwapped { pair, source });
        }
        match self.delete_when_unused(&pair.old).await {
            Ok(()) => Ok(pair),
            Err(source) => {
                let pair = Box::new(pair);
                Err(RotateError::NotDeleted { pair, source })
            }
        }
    }

    /// Checks what [`rotate`](Self::rotate) checks before it creates anything, and returns the old certificate. Changes
    /// nothing. `GET /v2/certificates?name=`
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
    /// let old = docr.certificates().check_rotation("shop-2026", &wanted).await?;
    /// println!("{} will replace {} ({})", wanted.name(), old.name, old.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors that `rotate` returns as [`RotateError::NotCreated`], except those of the request that creates.
    pub async fn check_rotation(
        &self,
        old: &str,
        wanted: &CreateCertificate,
    ) -> crate::Result<Certificate> {
        if wanted.name() == old {
            let rule = "is the old certificate's name; names are unique, so choose another one";
            return Err(InvalidInput::new("certificate name", old, rule).into());
        }
        wanted.check(self.now())?;
        let old = self.get_by_name(old).await?;
        let missing = wanted
            .dns_names()
            .map(|names| uncovered(&old.dns_names, names))
            .unwrap_or_default();
        if !missing.is_empty() {
            let (names, name) = (clean(&missing.join(", ")), clean(&old.name));
            let rule = format!(
                "lack {names}, which the certificate \"{name}\" has; add them, or create the new \
                 certificate separately, swap the two, and delete the old one"
            );
            let names = wanted.dns_names().unwrap_or_default().join(", ");
            return Err(InvalidInput::new("DNS names", names, rule).into());
        }
        Ok(old)
    }

    /// The old certificate, and the new one just added.
    async fn begin_rotation(
        &self,
        old: &str,
        wanted: CreateCertificate,
    ) -> crate::Result<(Certificate, Certificate)> {
        let old = self.check_rotation(old, &wanted).await?;
        Ok((old, self.create(wanted).await?))
    }

    /// Waits for the new one. Meanwhile the old one may have been renewed, and the caller needs its current id.
    async fn make_ready(
        &self,
        old: &Certificate,
        new: &Certificate,
    ) -> Result<CertificatePair, Error> {
        let new = self.wait_until_issued(new).await?;
        let old = match self.current(old).await {
            Err(error) if error.is_not_found() => old.clone(),
            read => read.map_err(|error| error.about_certificate(&new))?,
        };
        Ok(CertificatePair { old, new })
    }
}

/// The DNS names that a certificate with some others doesn't cover.
fn uncovered(names: &[String], by: &[String]) -> Vec<String> {
    let covers = |name: &str, by: &str| {
        let is_below = |parent: &str| {
            name.split_once('.')
                .is_some_and(|(label, rest)| label != "*" && rest.eq_ignore_ascii_case(parent))
        };
        by.eq_ignore_ascii_case(name) || by.strip_prefix("*.").is_some_and(is_below)
    };
    let left = names
        .iter()
        .filter(|name| !by.iter().any(|by| covers(name, by)));
    left.cloned().collect()
}

impl<E> RotateError<E> {
    /// Both certificates; `None` if no new one was created.
    pub fn pair(&self) -> Option<&CertificatePair> {
        match self {
            Self::NotCreated(_) => None,
            Self::NotIssued { pair, .. }
            | Self::NotCovered { pair, .. }
            | Self::NotSwapped { pair, .. }
            | Self::NotDeleted { pair, .. } => Some(pair),
        }
    }

    /// The error of this crate's part; `None` if the caller's part failed or the new certificate lacks names.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::NotCreated(source)
            | Self::NotIssued { source, .. }
            | Self::NotDeleted { source, .. } => Some(source),
            Self::NotCovered { .. } | Self::NotSwapped { .. } => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for RotateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |f: &mut fmt::Formatter<'_>, pair: &CertificatePair, old: &str| {
            let shown = |certificate: &Certificate| {
                let (name, id) = (clean(&certificate.name), clean(&certificate.id));
                format!("\"{name}\" ({id})")
            };
            let (gone, new) = (shown(&pair.old), shown(&pair.new));
            write!(f, "; {gone} {old}, and {new} exists")
        };
        match self {
            Self::NotCreated(source) => {
                write!(
                    f,
                    "no new certificate was created, and the old one is unchanged: {source}"
                )
            }
            Self::NotIssued { pair, source } => {
                write!(f, "the new certificate was not issued: {source}")?;
                end(f, pair, "is unchanged")
            }
            Self::NotCovered { pair, missing } => {
                let missing = missing.join(", ");
                write!(
                    f,
                    "the new certificate lacks {missing}, and was not swapped in"
                )?;
                end(f, pair, "is unchanged")
            }
            Self::NotSwapped { pair, source } => {
                write!(f, "the certificates were not swapped: {source}")?;
                end(f, pair, "was not deleted")
            }
            Self::NotDeleted { pair, source } => {
                write!(
                    f,
                    "the certificates were swapped, but the old one was not deleted: {source}"
                )?;
                end(f, pair, "still exists")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> error::Error for RotateError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // The message contains the cause's already.
        self.error()?.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_covered_only_by_itself_and_its_parents_wildcard() {
        let left = |names: &[&str], by: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            uncovered(&owned(names), &owned(by))
        };
        let none: [&str; 0] = [];
        assert_eq!(left(&["a.example.com"], &["A.example.com"]), none);
        assert_eq!(
            left(&["a.example.com", "b.example.com"], &["*.Example.com"]),
            none
        );
        assert_eq!(left(&["example.com"], &["*.example.com"]), ["example.com"]);
        assert_eq!(
            left(&["a.b.example.com"], &["*.example.com"]),
            ["a.b.example.com"]
        );
        assert_eq!(left(&["*.b.com"], &["*.com", "a.b.com"]), ["*.b.com"]);
        assert_eq!(left(&["*.b.com"], &["*.b.com"]), none);
        assert_eq!(left(&["a.com"], &[]), ["a.com"]);
    }

    fn certificate(name: &str) -> Certificate {
        let certificate = serde_json::json!({
            "id": "892071a0-bb95-49bc-8021-3afd67a210bf",
            "name": name,
            "type": "custom",
            "state": "verified",
        });
        serde_json::from_value(certificate).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_swapped_if_the_old_certificate_cannot_be_read_again() {
        let ready = async |response| {
            let url = crate::served::serve([response]);
            let docr = crate::Client::builder().base_url(url).token("dop_v1_0123");
            let certificates = docr.build().unwrap().certificates();
            let (old, new) = (certificate("old"), certificate("new"));
            certificates.make_ready(&old, &new).await
        };
        let error = ready(("403 Forbidden", "{}")).await.unwrap_err();
        assert_eq!(error.status(), Some(403));
        assert!(error.to_string().contains("\"new\""), "{error}");
        let body =
            r#"{"certificate":{"id":"892071a0-bb95-49bc-8021-3afd67a210bf","name":"renewed"}}"#;
        let pair = ready(("200 OK", body)).await.unwrap();
        assert_eq!((&*pair.old.name, &*pair.new.name), ("renewed", "new"));
    }

    #[test]
    fn the_source_is_the_one_behind_the_error_in_the_message() {
        let source = Error::configuration("it can't be stored", Some("full".into()));
        let error = RotateError::<String>::NotCreated(source);
        let cause = error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("full"));
        let pair = Box::new(CertificatePair {
            old: certificate("old"),
            new: certificate("new"),
        });
        let source = "busy".to_owned();
        let error = RotateError::NotSwapped { pair, source };
        assert!(error::Error::source(&error).is_none());
    }
}
