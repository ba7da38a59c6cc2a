//! `docr credentials kubernetes-secret`

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use clap::Args;
use docr::CredentialsRequest;

use super::expiry::Expiry;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "For all namespaces of a cluster, to pipe to kubectl apply -f -",
        "docr credentials kubernetes-secret --expires-in 90d",
    ),
    (
        "For two namespaces",
        "docr credentials kubernetes-secret --name pull --namespace shop --namespace tools",
    ),
];

/// Print a Kubernetes pull secret, to pipe to `kubectl apply -f -`.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct KubernetesSecret {
    /// Name of the secret [default: registry-REGISTRY].
    #[arg(long)]
    name: Option<String>,
    /// Namespace of the secret; repeat for several [default: kube-system, from which DigitalOcean Kubernetes copies it
    /// to all namespaces].
    #[arg(long = "namespace", short)]
    namespaces: Vec<String>,
    #[command(flatten)]
    expiry: Expiry,
}

impl KubernetesSecret {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let request = self.expiry.apply(CredentialsRequest::read_only())?;
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let mut secret = docr::KubernetesSecret::new(registry.name());
        if let Some(name) = self.name {
            secret = secret.name(name);
        }
        if !self.namespaces.is_empty() {
            secret = secret.namespaces(self.namespaces);
        }
        secret.check()?;
        if self.expiry.is_dry_run() {
            return self.expiry.show_dry_run(&registry, output).await;
        }
        let interrupt = Interrupt::listen()?;
        let now = account.now();
        let Some(minted) = account.mint(&registry, request, &interrupt).await? else {
            return Ok(Outcome::Interrupted);
        };
        let lifetime = minted.credentials()?.expires_in();
        let expiry = lifetime
            .and_then(|lifetime| now.checked_add_signed(TimeDelta::from_std(lifetime).ok()?));
        if let Some(expiry) = expiry {
            secret = secret.expires_at(expiry);
        }
        let printed = minted.print(|credentials| {
            Ok(match output.is_json() {
                false => secret.manifest(credentials)?,
                true => secret.manifest_json(credentials)?,
            })
        });
        printed.await.context("cannot print the secret")?;
        match expiry {
            Some(expiry) => {
                let expiry = expiry.format("%Y-%m-%d at %H:%M UTC");
                output.note(format_args!("The credentials expire on {expiry}."));
            }
            None => output.note("The credentials never expire."),
        }
        Ok(Outcome::Done)
    }
}
