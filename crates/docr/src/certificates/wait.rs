//! Waits: for Let's Encrypt to issue a certificate, and for one to be no longer in use.

// Calculates with numbers and times from outside.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use docr_api::types::{Certificate, CertificateState as State, CertificateType};

use super::{
    create::{CreateCertificate, same_names},
    handle::Certificates,
};
use crate::{
    call::Core,
    error::{Error, ErrorKind, Result},
    text::clean,
};

/// The default limit of a wait.
const LIMIT: Duration = Duration::from_secs(10 * 60);
const FIRST: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(15);

impl Certificates {
    /// Adds a certificate and waits until it can be used: [`create`](Self::create) and
    /// [`wait_until_issued`](Self::wait_until_issued). `POST /v2/certificates`, `GET /v2/certificates/{certificate_id}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// use docr::CreateCertificate;
    ///
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// match docr.certificates().issue(wanted).await {
    ///     Ok(certificate) => println!("{} until {:?}", certificate.id, certificate.not_after),
    ///     Err(error) if error.is_certificate_failed() => println!("check the DNS records: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of both. A certificate that was added is kept, and [`Error::certificate`] returns it.
    pub async fn issue(&self, wanted: CreateCertificate) -> Result<Certificate> {
        let made = self.create(wanted).await?;
        self.wait_until_issued(&made).await
    }

    /// Waits until a certificate is verified, and returns it. Polls first after 3 seconds, then less and less often, up to
    /// every 15 seconds. `GET /v2/certificates/{certificate_id}`
    ///
    /// A certificate that was renewed under another id is looked up by its name.
    ///
    /// # Errors
    ///
    /// [`is_certificate_failed`](Error::is_certificate_failed), if it was not issued;
    /// [`is_wait_expired`](Error::is_wait_expired), if it is still pending at the
    /// [time limit](crate::CallOptions::wait_limit);
    /// [`is_not_found`](Error::is_not_found), if it was deleted; those of any call. [`Error::certificate`] returns the
    /// certificate as it was last seen.
    pub async fn wait_until_issued(&self, certificate: &Certificate) -> Result<Certificate> {
        let mut waits = self.waits();
        let mut current = certificate.clone();
        loop {
            match &current.state {
                Some(State::Verified) => return Ok(current),
                Some(State::Error) => {
                    let summary = "the certificate was not issued: its state is \"error\"";
                    let kind = ErrorKind::CertificateFailed;
                    return Err(Error::caused_by(None, kind, summary).about_certificate(&current));
                }
                _ => {}
            }
            if !waits.again().await {
                let state = clean(current.state.as_ref().map_or("unknown", State::as_str));
                let waited = waits.waited();
                let summary = format!("the certificate is still \"{state}\" after {waited:?}");
                let kind = ErrorKind::WaitExpired;
                return Err(Error::caused_by(None, kind, summary).about_certificate(&current));
            }
            let read = self.current(&current).await;
            current = read.map_err(|error| error.about_certificate(&current))?;
        }
    }

    /// Deletes a certificate when it is no longer in use. While it is, the call is repeated first after 3 seconds, then less
    /// and less often, up to every 15 seconds. `DELETE /v2/certificates/{certificate_id}`
    ///
    /// A certificate that was deleted already is a success. One that was renewed under another id is looked up by its name.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let certificates = docr.certificates();
    /// let old = certificates.get_by_name("shop-2026").await?;
    /// // ... take it out of the load balancers ...
    /// certificates.delete_when_unused(&old).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_wait_expired`](Error::is_wait_expired), if it is still in use at the
    /// [time limit](crate::CallOptions::wait_limit);
    /// [`is_forbidden`](Error::is_forbidden), at once, if it must not be deleted for any other reason; those of any
    /// call. [`Error::certificate`] returns the certificate.
    pub async fn delete_when_unused(&self, certificate: &Certificate) -> Result<()> {
        let mut waits = self.waits();
        let mut current = certificate.clone();
        loop {
            let Err(error) = self.delete(&current).await else {
                return Ok(());
            };
            if error.is_not_found() {
                let found = self.get_by_name_opt(&current.name).await;
                match found.map_err(|error| error.about_certificate(&current))? {
                    Some(found) if is_renewal(&found, &current) => current = found,
                    _ => return Ok(()),
                }
            } else if !error.is_in_use() {
                return Err(error.about_certificate(&current));
            } else if !waits.again().await {
                let summary = format!("the certificate is still in use after {:?}", waits.waited());
                let kind = ErrorKind::WaitExpired;
                let cause = Some(error);
                return Err(Error::caused_by(cause, kind, summary).about_certificate(&current));
            }
        }
    }

    /// The certificate as it is now, even under another id.
    pub(crate) async fn current(&self, certificate: &Certificate) -> Result<Certificate> {
        match self.get(certificate).await {
            Err(error) if error.is_not_found() => {
                match self.get_by_name_opt(&certificate.name).await? {
                    Some(found) if is_renewal(&found, certificate) => Ok(found),
                    _ => Err(error),
                }
            }
            read => read,
        }
    }

    fn waits(&self) -> Waits<'_> {
        Waits {
            core: &self.core,
            since: self.core.clock().monotonic(),
            limit: self.core.options.wait_limit.unwrap_or(LIMIT),
            next: FIRST,
        }
    }
}

/// Whether a certificate is the renewal of another one, and not just one with the same name.
fn is_renewal(found: &Certificate, before: &Certificate) -> bool {
    found.id != before.id
        && found.type_ == Some(CertificateType::LetsEncrypt)
        && before.type_ == found.type_
        && same_names(&found.dns_names, &before.dns_names)
}

/// Waits that grow, within a limit.
struct Waits<'a> {
    core: &'a Core,
    since: Duration,
    limit: Duration,
    next: Duration,
}

impl Waits<'_> {
    /// Waits; `false` if the limit is reached.
    async fn again(&mut self) -> bool {
        let left = self.limit.saturating_sub(self.waited());
        if left.is_zero() {
            return false;
        }
        self.core.pause(self.next.min(left)).await;
        self.next = self.next.mul_f64(1.5).min(LONGEST);
        true
    }

    fn waited(&self) -> Duration {
        self.core.clock().monotonic().saturating_sub(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(id: &str, of: &str, names: &[&str]) -> Certificate {
        let certificate =
            serde_json::json!({ "id": id, "name": "shop", "type": of, "dns_names": names });
        serde_json::from_value(certificate).unwrap()
    }

    #[test]
    fn a_renewal_is_another_certificate_of_lets_encrypt_for_the_same_names() {
        let names = ["a.example.com", "b.example.com"];
        let before = certificate("1", "lets_encrypt", &names);
        let is_renewal = |found: Certificate| is_renewal(&found, &before);
        assert!(is_renewal(certificate("2", "lets_encrypt", &names)));
        assert!(!is_renewal(certificate("1", "lets_encrypt", &names)));
        assert!(!is_renewal(certificate("2", "custom", &names)));
        assert!(!is_renewal(certificate("2", "lets_encrypt", &names[..1])));
        let custom = certificate("1", "custom", &names);
        let found = certificate("2", "lets_encrypt", &names);
        assert!(!super::is_renewal(&found, &custom));
        let found = certificate("2", "custom", &names);
        assert!(!super::is_renewal(&found, &custom));
    }
}
