//! TLS certificates.

#[cfg(feature = "certificate-check")]
mod check;
mod create;
mod rotate;
mod wait;

use std::time::Duration;

use chrono::{DateTime, Utc};
use docr_api::{
    operations,
    types::{self, Certificate},
};

use crate::{
    CertificateId, Client, Error, List, Result,
    call::{call, send},
    certificates::create::check_name,
    deleted,
    list::{PageRequest, page_answer},
    optional,
};

pub use create::CreateCertificate;
pub use rotate::{CertificatePair, RotateError};

/// The account's TLS certificates. Made by [`Client::certificates`]; does no I/O by itself.
#[derive(Clone, Debug)]
pub struct Certificates {
    pub(crate) client: Client,
    pub(crate) wait_limit: Duration,
}

impl Certificates {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            wait_limit: wait::LIMIT,
        }
    }

    /// Lists the certificates. `GET /v2/certificates`
    pub fn list(&self) -> List<Certificate> {
        self.listed(None)
    }

    fn listed(&self, name: Option<String>) -> List<Certificate> {
        let client = self.client.clone();
        List::new(
            &operations::CERTIFICATES_LIST,
            move |request: PageRequest| {
                let (client, name) = (client.clone(), name.clone());
                async move {
                    let name = name.as_deref();
                    let send = |api: docr_api::Client| async move {
                        let list = api.certificates_list();
                        let list = match name {
                            Some(name) => list.name(name),
                            None => list,
                        };
                        let page = list.page(request.page).per_page(request.per_page);
                        page.send().await
                    };
                    let answer = client.call(&operations::CERTIFICATES_LIST, send);
                    page_answer!(answer.await?, certificates)
                }
            },
        )
    }

    /// Reads the certificate of this name, `None` if there is none. Names are unique within an account, and
    /// unlike the id they stay when Let's Encrypt renews. `GET /v2/certificates?name=`
    ///
    /// # Errors
    ///
    /// Before a request is sent: an empty name.
    pub async fn by_name(&self, name: &str) -> Result<Option<Certificate>> {
        check_name(name)?;
        let mut found = self.listed(Some(name.to_owned())).items();
        while let Some(certificate) = found.next().await {
            let certificate = certificate?;
            if certificate.name == name {
                return Ok(Some(certificate));
            }
        }
        Ok(None)
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
        let id = id.as_str();
        let answer = call!(
            self.client,
            CERTIFICATES_GET,
            certificates_get.certificate_id(id)
        );
        Ok(answer.await?.certificate)
    }

    /// Like [`get`](Self::get), with `None` if the account has no certificate by this id.
    ///
    /// # Errors
    ///
    /// All but "not found".
    pub async fn get_opt(&self, id: &CertificateId) -> Result<Option<Certificate>> {
        optional(self.get(id).await)
    }

    /// Adds a certificate. One from Let's Encrypt is pending at first; [`issue`](Self::issue) waits.
    /// `POST /v2/certificates`
    ///
    /// # Errors
    ///
    /// Before a request is sent: what [`CreateCertificate::check`] refuses.
    /// [`is_rejected`](crate::Error::is_rejected), if the name is in use, or a domain isn't managed here.
    pub async fn create(&self, wanted: CreateCertificate) -> Result<Certificate> {
        wanted.check(self.now())?;
        let name = wanted.name().to_owned();
        let body = &wanted.into_body();
        let look_up = async |begin| {
            let found = self.by_name(&name).await?;
            Ok(found.filter(|certificate| certificate.created_at >= Some(begin)))
        };
        let send = send!(certificates_create.body(body.clone()));
        let operation = &operations::CERTIFICATES_CREATE;
        let made = |answer: types::CertificateResponse| answer.certificate;
        self.client.create(operation, send, made, look_up).await
    }

    /// Deletes a certificate. `DELETE /v2/certificates/{certificate_id}`
    ///
    /// # Errors
    ///
    /// [`is_forbidden`](crate::Error::is_forbidden), while a load balancer or CDN endpoint uses it
    /// ([`is_in_use`](crate::Error::is_in_use) too);
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none by this id.
    pub async fn delete(&self, id: &CertificateId) -> Result<()> {
        let id = id.as_str();
        let done = call!(
            self.client,
            CERTIFICATES_DELETE,
            certificates_delete.certificate_id(id)
        );
        deleted(done.await)
    }

    /// Deletes the certificate of this name, whatever its id is now.
    /// `GET /v2/certificates?name=`, `DELETE /v2/certificates/{certificate_id}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// docr.certificates().delete_by_name("shop-2026").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`by_name`](Self::by_name) and [`delete`](Self::delete).
    pub async fn delete_by_name(&self, name: &str) -> Result<()> {
        let certificate = self.existing(name).await?;
        self.delete(&certificate.id.parse()?).await
    }

    /// The certificate of this name, or "not found".
    pub(crate) async fn existing(&self, name: &str) -> Result<Certificate> {
        let found = self.by_name(name).await?;
        found.ok_or_else(|| Error::no_certificate(name))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.client.shared.clock.now()
    }
}
