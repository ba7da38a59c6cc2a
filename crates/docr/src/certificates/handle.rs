//! The handle of all certificates of an account: reading, adding, deleting.

use chrono::{DateTime, Utc};
use docr_api::types::{self, Certificate};

use super::create::{CreateCertificate, check_name};
use crate::{
    CertificateId, Identifies,
    call::{Core, Found, call, deleted, optional, request, with_options},
    ensured::{Ensured, ensure},
    error::{Error, ErrorKind, Result},
    list::{List, PageRequest, page_response},
};

/// The account's TLS certificates. Made by [`Client::certificates`](crate::Client::certificates); does no I/O by itself.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> docr::Result<()> {
/// for certificate in docr.certificates().list().all().await? {
///     println!("{}: {:?}, until {:?}", certificate.name, certificate.state, certificate.not_after);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Certificates {
    pub(super) core: Core,
}

with_options!(Certificates, core);

impl Certificates {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
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
                        }
                        None => call!(core, certificates_list.page(number).per_page(size)),
                    };
                    page_response!(response?, certificates)
                }
            },
        )
    }

    /// Reads the certificate with this name. Names are unique within an account, and unlike the id, the name is kept when
    /// Let's Encrypt renews a certificate. `GET /v2/certificates?name=`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let certificate = docr.certificates().get_by_name("shop-front").await?;
    /// println!("id {} at present", certificate.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: an empty name. [`is_not_found`](crate::Error::is_not_found), if the account has none with
    /// this name; see also [`get_by_name_opt`](Self::get_by_name_opt).
    pub async fn get_by_name(&self, name: &str) -> Result<Certificate> {
        let found = self.get_by_name_opt(name).await?;
        found.ok_or_else(|| {
            let summary = format!("the account has no certificate named {name:?}");
            Error::caused_by(None, ErrorKind::NotFound, summary)
        })
    }

    /// Like [`get_by_name`](Self::get_by_name), with `None` if the account has no certificate with this name.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let expiry = docr.certificates().get_by_name_opt("shop-front").await?.and_then(|found| found.not_after);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get_by_name`](Self::get_by_name), except "not found".
    pub async fn get_by_name_opt(&self, name: &str) -> Result<Option<Certificate>> {
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
    /// let id: docr::CertificateId = "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954".parse()?;
    /// let certificate = docr.certificates().get(&id).await?;
    /// println!("{} until {:?}", certificate.name, certificate.not_after);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none with this id. A Let's Encrypt
    /// certificate gets a new id at each renewal.
    pub async fn get(
        &self,
        which: &(impl Identifies<CertificateId> + ?Sized),
    ) -> Result<Certificate> {
        let id = which.identify()?;
        let id = id.as_str();
        let response = call!(self.core, certificates_get.certificate_id(id));
        Ok(response?.certificate)
    }

    /// Like [`get`](Self::get), with `None` if the account has no certificate with this id.
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// if docr.certificates().get_opt("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954").await?.is_none() {
    ///     println!("deleted, or renewed under another id");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get), except "not found".
    pub async fn get_opt(
        &self,
        which: &(impl Identifies<CertificateId> + ?Sized),
    ) -> Result<Option<Certificate>> {
        optional(self.get(which).await)
    }

    /// Adds a certificate. One from Let's Encrypt is pending at first; [`issue`](Self::issue) waits.
    /// `POST /v2/certificates`
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let read = std::fs::read_to_string;
    /// let wanted = CreateCertificate::custom("shop-2026", read("key.pem")?, read("cert.pem")?).chain(read("chain.pem")?);
    /// let certificate = docr.certificates().create(wanted).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Before a request is sent: those of [`CreateCertificate::check`].
    /// [`is_rejected`](crate::Error::is_rejected), if the name is in use, or a domain isn't managed here.
    pub async fn create(&self, wanted: CreateCertificate) -> Result<Certificate> {
        wanted.check(self.now())?;
        let look_up = async |core| {
            let found = Self { core }.get_by_name_opt(wanted.name()).await?;
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

    /// Ensures that the account has this certificate, by its name: reads it, and adds it if it is missing.
    /// `GET /v2/certificates?name=`, `POST /v2/certificates`
    ///
    /// However often and by however many programs it is called, there is one certificate in the end, and each gets it. One
    /// from Let's Encrypt may still be pending; [`wait_until_issued`](Self::wait_until_issued) waits.
    ///
    /// ```no_run
    /// use docr::CreateCertificate;
    ///
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// let certificates = docr.certificates();
    /// let wanted = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com"]);
    /// let certificate = certificates.ensure(wanted).await?.into_inner();
    /// let certificate = certificates.wait_until_issued(&certificate).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create). [`is_mismatch`](crate::Error::is_mismatch), if the certificate with this name has
    /// another type, other DNS names or another leaf: nothing is changed then, and [`Error::certificate`] returns it.
    pub async fn ensure(&self, wanted: CreateCertificate) -> Result<Ensured<Certificate>> {
        wanted.check(self.now())?;
        ensure(
            || self.get_by_name_opt(wanted.name()),
            |found| wanted.unless_different(found),
            self.create(wanted.clone()),
        )
        .await
    }

    /// Deletes a certificate. `DELETE /v2/certificates/{certificate_id}`
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> docr::Result<()> {
    /// docr.certificates().delete("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_in_use`](crate::Error::is_in_use), while a load balancer or CDN endpoint uses it;
    /// [`is_not_found`](crate::Error::is_not_found), if the account has none with this id.
    pub async fn delete(&self, which: &(impl Identifies<CertificateId> + ?Sized)) -> Result<()> {
        let id = which.identify()?;
        let id = id.as_str();
        let done = call!(self.core, certificates_delete.certificate_id(id));
        deleted(done)
    }

    /// Deletes the certificate with this name, whatever its id is now.
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
    /// Those of [`get_by_name`](Self::get_by_name) and [`delete`](Self::delete).
    pub async fn delete_by_name(&self, name: &str) -> Result<()> {
        self.delete(&self.get_by_name(name).await?).await
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.core.clock().now()
    }
}
