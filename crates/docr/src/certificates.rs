//! TLS certificates.

use docr_api::{
    Secret, operations,
    types::{self, Certificate, CertificateType},
};

use crate::{
    CertificateId, Client, InvalidInput, List, Result,
    call::{call, send},
    deleted,
    list::{PageRequest, page_answer},
    optional,
};

/// The account's TLS certificates. Made by [`Client::certificates`]; does no I/O by itself.
#[derive(Clone, Debug)]
pub struct Certificates {
    client: Client,
}

impl Certificates {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
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

    /// Adds a certificate. One from Let's Encrypt is pending at first. `POST /v2/certificates`
    ///
    /// # Errors
    ///
    /// Before a request is sent: an empty name, no DNS names, an empty key or certificate.
    /// [`is_rejected`](crate::Error::is_rejected), if the name is in use, a domain isn't managed here, or key and
    /// certificate don't fit.
    pub async fn create(&self, wanted: CreateCertificate) -> Result<Certificate> {
        let body = &wanted.into_body()?;
        let look_up = async |begin| {
            let found = self.by_name(name_of(body)).await?;
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
    /// [`is_forbidden`](crate::Error::is_forbidden), while a load balancer or CDN endpoint uses it;
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
}

/// The certificate that [`Certificates::create`] adds.
///
/// ```
/// use docr::CreateCertificate;
///
/// let issued = CreateCertificate::lets_encrypt("shop-front", ["shop.example.com", "*.shop.example.com"]);
///
/// # let (key, leaf, chain) = ("-----BEGIN", "-----BEGIN", "-----BEGIN");
/// let owned = CreateCertificate::custom("shop-front", key, leaf).chain(chain);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CreateCertificate(types::CertificateCreate);

impl CreateCertificate {
    /// A certificate that Let's Encrypt issues for these names, wildcards included. DigitalOcean must manage
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

    /// A certificate from elsewhere with its key, both PEM.
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

    /// The chain from the leaf's issuer up, PEM. Nothing for a certificate from Let's Encrypt, which has its own.
    pub fn chain(mut self, chain: impl Into<String>) -> Self {
        if let types::CertificateCreate::Custom(custom) = &mut self.0 {
            custom.certificate_chain = Some(chain.into());
        }
        self
    }

    fn into_body(self) -> Result<types::CertificateCreate, InvalidInput> {
        match &self.0 {
            types::CertificateCreate::LetsEncrypt(wanted) => {
                check_name(&wanted.name)?;
                if wanted.dns_names.is_empty() {
                    let rule = "none is given; a certificate is for at least one name";
                    return Err(InvalidInput::new("DNS names", "", rule));
                }
                for name in &wanted.dns_names {
                    check_dns_name(name)?;
                }
            }
            types::CertificateCreate::Custom(wanted) => {
                check_name(&wanted.name)?;
                check_pem("private key", wanted.private_key.expose())?;
                check_pem("leaf certificate", &wanted.leaf_certificate)?;
                if let Some(chain) = &wanted.certificate_chain {
                    check_pem("certificate chain", chain)?;
                }
            }
        }
        Ok(self.0)
    }
}

fn name_of(body: &types::CertificateCreate) -> &str {
    match body {
        types::CertificateCreate::LetsEncrypt(wanted) => &wanted.name,
        types::CertificateCreate::Custom(wanted) => &wanted.name,
    }
}

fn check_name(name: &str) -> Result<(), InvalidInput> {
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
                "at position {} is a character that no DNS name has",
                index + 1
            );
            Err(InvalidInput::at("DNS name", name, index + 1, rule))
        }
        None if name.is_empty() => Err(InvalidInput::new("DNS name", name, "is empty")),
        None => Ok(()),
    }
}

/// The value is not part of the error: it may be a key.
fn check_pem(field: &'static str, pem: &str) -> Result<(), InvalidInput> {
    if pem.trim_start().starts_with("-----BEGIN ") {
        return Ok(());
    }
    let shown = if pem.is_empty() { "" } else { "[redacted]" };
    Err(InvalidInput::new(
        field,
        shown,
        "is not PEM, which begins with \"-----BEGIN \"",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(wanted: CreateCertificate) -> String {
        wanted
            .into_body()
            .map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn a_certificate_that_cannot_be_is_refused_and_its_key_is_not_shown() {
        assert_eq!(
            complaint(CreateCertificate::lets_encrypt(" ", ["a.example"])),
            "certificate name \" \": is empty"
        );
        assert!(complaint(CreateCertificate::lets_encrypt("a", [""; 0])).contains("none is given"));
        assert!(
            complaint(CreateCertificate::lets_encrypt("a", ["https://a"])).contains("position 6")
        );
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
