//! `docr kubernetes-secret`

use anyhow::Result;
use docr::{CredentialsRequest, KubernetesSecret};
use serde_json::json;

use super::expiring;
use crate::{
    account::Account,
    cli::KubernetesSecretArguments,
    output::{Format, Outcome, show},
};

pub(crate) async fn run(
    account: &Account,
    format: Format,
    arguments: KubernetesSecretArguments,
) -> Result<Outcome> {
    let registry = account.registry().await?;
    let mut secret = KubernetesSecret::new(registry.name());
    if let Some(name) = arguments.name {
        secret = secret.name(name);
    }
    if !arguments.namespaces.is_empty() {
        secret = secret.namespaces(arguments.namespaces);
    }
    secret.check()?;
    let request = expiring(CredentialsRequest::read_only(), &arguments.expiry);
    let credentials = registry.docker_credentials(request).await?;
    let manifest = secret.manifest(&credentials)?;
    show(
        format,
        manifest.expose(),
        &json!({ "manifest": manifest.expose() }),
    )?;
    Ok(Outcome::Done)
}
