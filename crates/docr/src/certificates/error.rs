//! What a certificate can fail with.

use docr_api::types::Certificate;

use crate::error::{About, Error};

impl Error {
    /// The certificate that was waited for, as it was last seen, or that has the name. Unless the kind is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), it is there, although the call failed.
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
