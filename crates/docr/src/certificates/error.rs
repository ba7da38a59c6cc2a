//! Errors about a certificate.

use docr_api::types::Certificate;

use crate::error::{About, Error};

impl Error {
    /// The certificate that the wait was for, as it was last seen, or that has the name. Unless the kind is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), it exists, although the call failed.
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// if let Err(error) = docr.certificates().issue(wanted).await
    ///     && let Some(pending) = error.certificate()
    /// {
    ///     docr.certificates().delete(pending).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn certificate(&self) -> Option<&Certificate> {
        match self.subject()? {
            About::Certificate(certificate) => Some(certificate),
            _ => None,
        }
    }

    /// The error, about a certificate.
    pub(super) fn about_certificate(self, certificate: &Certificate) -> Self {
        self.about(About::Certificate(certificate.clone()))
    }
}
