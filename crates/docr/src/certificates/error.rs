//! What a certificate can fail with.

use docr_api::types::Certificate;

use crate::error::{About, Error};

impl Error {
    /// The certificate that was waited for, as it was last seen. Unless the kind is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), it is there, although the call failed.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self.subject()? {
            About::Certificate(certificate) => Some(certificate),
            About::Run(_) => None,
        }
    }

    /// The error, about a certificate.
    pub(super) fn about_certificate(self, certificate: &Certificate) -> Self {
        self.about(About::Certificate(certificate.clone()))
    }

    /// Whether a certificate can't be deleted because something uses it.
    pub fn is_in_use(&self) -> bool {
        // The service has no name of its own for this, but two ways to say it.
        const SAID: [&str; 2] = [
            "Make sure the certificate is not in use before deleting it",
            "being used by one or more load balancers",
        ];
        let message = self.api_message().unwrap_or_default();
        self.status() == Some(403) && SAID.iter().any(|said| message.contains(said))
    }
}
