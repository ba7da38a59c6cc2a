//! `docr kubernetes-secret`

use anyhow::Result;
use clap::Args;
use docr::CredentialsRequest;
use serde_json::json;

use super::expiry::Expiry;
use crate::{
    account::AccountArguments,
    output::{Format, Outcome, show},
};

/// Print a pull secret for Kubernetes, to be piped to `kubectl apply -f -`.
#[derive(Args)]
pub(crate) struct KubernetesSecret {
    /// Name of the secret [default: registry- and the registry's name].
    #[arg(long)]
    name: Option<String>,
    /// Namespace of the secret, more than once for several [default: kube-system, from where DigitalOcean's
    /// Kubernetes copies it to all].
    #[arg(long = "namespace", short)]
    namespaces: Vec<String>,
    #[command(flatten)]
    expiry: Expiry,
}

impl KubernetesSecret {
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        let account = account.open(format).await?;
        let registry = account.registry().await?;
        let mut secret = docr::KubernetesSecret::new(registry.name());
        if let Some(name) = self.name {
            secret = secret.name(name);
        }
        if !self.namespaces.is_empty() {
            secret = secret.namespaces(self.namespaces);
        }
        secret.check()?;
        let request = self.expiry.apply(CredentialsRequest::read_only());
        let credentials = registry.docker_credentials(request).await?;
        let manifest = secret.manifest(&credentials)?;
        show(
            format,
            manifest.expose(),
            &json!({ "manifest": manifest.expose() }),
        )?;
        Ok(Outcome::Done)
    }
}
