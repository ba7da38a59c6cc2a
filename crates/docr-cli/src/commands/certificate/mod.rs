//! `docr certificate`

mod create;
mod delete;
pub(crate) mod list;
mod rotate;
mod show;

use anyhow::Result;
use docr::{Certificate as Item, CertificateId, Certificates};

use crate::output::{About as _, NotThere, Subject};

noun! {
    /// Manage TLS certificates for load balancers and CDN endpoints.
    Certificate:
        List(list::List),
        Show(show::Show),
        Create(create::Create),
        Rotate(rotate::Rotate),
        Delete(delete::Delete),
}

/// Finds a certificate by name or id.
async fn find(certificates: &Certificates, which: &str) -> Result<Item> {
    let subject = || Subject::Certificate(which.to_owned());
    if let Ok(id) = which.parse::<CertificateId>()
        && let Some(found) = certificates.get_opt(&id).await?
    {
        return Ok(found);
    }
    let found = certificates.get_by_name_opt(which).await.about(subject)?;
    found.ok_or_else(|| NotThere(subject()).into())
}
