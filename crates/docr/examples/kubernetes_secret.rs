//! Pull secrets for two namespaces of a Kubernetes cluster: `cargo run -p docr --example kubernetes_secret`.
//!
//! In your program the manifest goes to `kubectl apply -f -`, or with the feature `kubernetes` to a client as objects.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, time::Duration};

use docr::{
    Client, Clock as _, CreateRegistry, CredentialsRequest, KubernetesSecret, SystemClock, TierSlug,
};
use docr_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .build()?;
    let wanted = CreateRegistry::new("acme-images".parse()?, TierSlug::Basic);
    docr.registries().create(wanted).await?;
    let registry = docr.registry("acme-images".parse()?);

    // A cluster only pulls. Names are checked before anything is minted.
    let lifetime = Duration::from_secs(30 * 24 * 3600);
    let secret = KubernetesSecret::new(registry.name())
        .namespaces(["shop", "tools"])
        .expires_at(SystemClock.now() + lifetime);
    secret.check()?;
    let request = CredentialsRequest::read_only().expires_in(lifetime);
    let credentials = registry.docker_credentials(request).await?;
    let manifest = secret.manifest(&credentials)?;

    // `expose` is the one way to the text of a secret.
    for line in manifest.expose().lines() {
        match line.split_once(".dockerconfigjson: ") {
            Some((indent, _)) => println!("{indent}.dockerconfigjson: [left out here]"),
            None => println!("{line}"),
        }
    }
    match manifest.expose().matches("kind: Secret").count() {
        2 => Ok(()),
        count => Err(format!("{count} secrets for two namespaces").into()),
    }
}
