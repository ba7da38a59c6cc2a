//! The handle of all certificates of an account: reading, adding, deleting.

use std::time::Duration;

use chrono::{DateTime, Utc};
use docr_api::types::{self, Certificate};

use super::create::{CreateCertificate, check_name};
use crate::{
    CertificateId,
    call::{Core, Found, call, deleted, optional, request},
    error::{Error, ErrorKind, Result},
    list::{List, PageRequest, page_answer},
};

/// How long to wait at all, unless told otherwise.
const WAIT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The account's TLS certificates. Made by [`Client::certificates`](crate::Client::certificates); does no I/O by itself.
#[derive(Clone, Debug)]
pub struct Certificates {
    pub(super) core: Core,
    pub(super) wait_limit: Duration,
}

impl Certificates {
    pub(crate) fn new(core: Core) -> Self {
        Self {
            core,
            wait_limit: WAIT_LIMIT,
        }
    }

    /// Lists the certificates. `GET /v2/certificates`
    pub fn list(&self) -> List<Certificate> {
        self.listed(None)
    }

    fn listed(&self, name: Option<String>) -> List<Certificate> {
        let core = self.core.clone();
        List::new(
            docr_api::operations::certificates_list(),
            move |page: PageRequest| {
                let (core, name) = (core.clone(), name.clone());
                async move {
                    let (number, size) = (page.page, page.per_page);
                    let response = match name.as_deref() {
                        Some(name) => {
                            call!(
                                core,
                                certificates_list.name(name).page(number).per_page(size)
                            )
                            .await
                        }
                        None => call!(core, certificates_list.page(number).per_page(size)).await,
                    };
                    page_answer!(response?, certificates)
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
        let answer = call!(self.core, certificates_get.certificate_id(id));
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
        let look_up = async |core| {
            let certificates = Self {
                core,
                wait_limit: self.wait_limit,
            };
            let found = certificates.by_name(wanted.name()).await?;
            let found = found.filter(|certificate| wanted.is_met_by(certificate));
            Ok(found.map(|made| Found {
                at: made.created_at,
                made,
            }))
        };
        let body = wanted.body();
        let create = request!(certificates_create.body(body)).hiding(wanted.private_key().cloned());
        let made = |response: types::CertificateResponse| response.certificate;
        self.core.create(create, made, look_up).await
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
        let done = call!(self.core, certificates_delete.certificate_id(id));
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
        found.ok_or_else(|| {
            let summary = format!("the account has no certificate by the name {name:?}");
            Error::caused_by(None, ErrorKind::NotFound, summary)
        })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.core.clock().now()
    }
}
