//! Log Docker in for one build, and out again: `cargo run -p docr --example docker_login`.
//!
//! The credential is valid for an hour, goes into Docker's `config.json` beside what is there, and is revoked at the end.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, fs, time::Duration};

use docr::{Client, CreateRegistry, CredentialsRequest, DockerConfig, TierSlug};
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

    // A program of yours takes `DockerConfig::default_path()?`.
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("config.json");
    fs::write(&path, r#"{"auths": {"ghcr.io": {"auth": "dXNlcjpw"}}}"#)?;

    // What can fail without a credential comes first.
    let mut docker = DockerConfig::load(&path)?;
    let for_a_build = CredentialsRequest::read_write().expires_in(Duration::from_secs(3600));
    let registry = docr.registry("acme-images".parse()?);
    let credentials = registry.docker_credentials(for_a_build).await?;
    docker.insert(&credentials)?;
    docker.save()?;
    let hosts = hosts(&path)?;
    println!("Docker has credentials for {}", hosts.join(" and "));
    println!("a credential never shows: {credentials:?}");
    if hosts != ["ghcr.io", "registry.digitalocean.com"] {
        return Err("the configuration does not hold both hosts".into());
    }

    docker.remove()?;
    docker.save()?;
    docr.revoke(&credentials).await?;
    println!("logged out: {} is left", self::hosts(&path)?.join(" and "));
    match sandbox.credentials().iter().all(|minted| minted.revoked) {
        true => println!("no valid credential is left behind"),
        false => return Err("a credential was left behind".into()),
    }
    Ok(())
}

/// The hosts that Docker has credentials for.
fn hosts(path: &std::path::Path) -> Result<Vec<String>, Box<dyn Error>> {
    let config: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let auths = config["auths"].as_object().ok_or("no auths")?;
    Ok(auths.keys().cloned().collect())
}
