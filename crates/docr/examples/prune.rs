//! Delete old images by rules: `cargo run -p docr --example prune --features oci,retention`.
//!
//! What is kept stays usable: protected tags, the parts of a multi-platform image, and what a cluster runs.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, time::Duration};

use docr::{
    Client, CredentialsRequest,
    retention::{OciManifests, RegistryInventory, RetentionPlan, RetentionPolicy, in_use},
};
use docr_sandbox::{Sandbox, Seed};

const IMAGES: &str = r#"{"accounts": [{"registries": [{"name": "acme-images", "images": [
    {"repository": "shop/api", "tags": ["v1.0.0"], "platforms": ["linux/amd64", "linux/arm64"],
     "signatures": ["cosign_tag"], "pushed_at": "2026-01-01T12:00:00Z"},
    {"repository": "shop/api", "tags": ["build-1"], "pushed_at": "2026-01-02T12:00:00Z"},
    {"repository": "shop/api", "tags": ["build-2"], "pushed_at": "2026-01-03T12:00:00Z"},
    {"repository": "shop/api", "tags": ["build-3"], "pushed_at": "2026-01-04T12:00:00Z"}
]}]}]}"#;

const RULES: &str = r#"
    max_delete = "50%"

    [[rule]]
    repositories = ["shop/*"]
    keep_newest = 1
    protect_tags = ["v[0-9]*"]
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::from_json(IMAGES)?;
    let sandbox = Sandbox::builder().content(seed).start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .build()?;

    let registry = docr.registry("acme-images".parse()?);
    let mut policy = RetentionPolicy::from_toml(RULES)?;
    // `kubectl get pods -A -o jsonpath=...` prints these.
    policy.in_use = in_use("registry.digitalocean.com/acme-images/shop/api:build-1")?;

    let mut inventory = RegistryInventory::read_for(&registry, &policy).await?;
    let request = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
    let credentials = registry.docker_credentials(request).await?;
    // Without the last call the manifests are read from registry.digitalocean.com.
    let reader = OciManifests::new(registry.name(), &credentials)?
        .plain_http_host(sandbox.addr().to_string());
    inventory.read_manifests(&policy, &reader).await;
    let plan = RetentionPlan::compute(&policy, &inventory)?;
    println!("{plan}\n{}", plan.kept_table());

    let execution = plan.execution(&registry)?.reader(&reader);
    let report = execution.run(|step| println!("{step}")).await;
    docr.revoke(&credentials).await?;
    println!("{report}");
    let tags = registry
        .repository("shop/api".parse()?)
        .tags()
        .all()
        .await?;
    let mut tags: Vec<_> = tags.into_iter().map(|tag| tag.tag).collect();
    tags.sort();
    tags.retain(|tag| !tag.ends_with(".sig"));
    match tags == ["build-1", "build-3", "v1.0.0"] && report.is_complete() {
        true => Ok(()),
        false => Err(format!("other tags are left than planned: {tags:?}").into()),
    }
}
