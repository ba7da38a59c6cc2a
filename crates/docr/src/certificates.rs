//! TLS certificates.

use docr_api::{operations, types::Certificate};

use crate::{CertificateId, Client, Result};

/// The account's TLS certificates. Made by [`Client::certificates`]; does no I/O by itself.
#[derive(Clone, Debug)]
pub struct Certificates {
    client: Client,
}

impl Certificates {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads a certificate. `GET /v2/certificates/{certificate_id}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let id = "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954".parse()?;
    /// let certificate = docr.certificates().get(&id).await?;
    /// println!("{} until {:?}", certificate.name, certificate.not_after);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none by this id. A Let's Encrypt
    /// certificate gets a new id at each renewal.
    pub async fn get(&self, id: &CertificateId) -> Result<Certificate> {
        let send = |api: docr_api::Client| async move {
            api.certificates_get()
                .certificate_id(id.as_str())
                .send()
                .await
        };
        let operation = &operations::CERTIFICATES_GET;
        Ok(self.client.call(operation, send).await?.certificate)
    }

    /// Like [`get`](Self::get), with `None` if the account has no certificate by this id.
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(&self, id: &CertificateId) -> Result<Option<Certificate>> {
        match self.get(id).await {
            Ok(certificate) => Ok(Some(certificate)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a certificate. `DELETE /v2/certificates/{certificate_id}`
    ///
    /// # Errors
    ///
    /// [`is_forbidden`](crate::Error::is_forbidden), while a load balancer or CDN endpoint uses it;
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none by this id.
    pub async fn delete(&self, id: &CertificateId) -> Result<()> {
        let send = |api: docr_api::Client| async move {
            api.certificates_delete()
                .certificate_id(id.as_str())
                .send()
                .await
        };
        self.client
            .call(&operations::CERTIFICATES_DELETE, send)
            .await
    }
}
