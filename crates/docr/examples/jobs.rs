//! The jobs around a registry, one after the other, against a sandbox: `cargo run -p docr --example jobs --features oci,retention`.
//!
//! Credentials for Docker and Kubernetes, will a push fit, deleting old images, collecting the garbage, and replacing
//! a certificate that is in use.

// Examples print what they do.
#![allow(clippy::print_stdout)]

use std::{error::Error, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr::{
    CertificatePair, Client, CreateCertificate, CreateRegistry, CredentialsRequest, DockerConfig,
    KubernetesSecret, PlannedPush, RegistryHandle, RepositoryName, TierSlug,
    retention::{OciManifests, RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::{CertificateSeed, Clock, Image, Sandbox};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const RULES: &str = r#"
    [[rule]]
    repositories = ["shop/*"]
    keep_newest = 2
"#;

#[tokio::main]
async fn main() -> Result {
    let clock = Clock::manual("2026-01-01T12:00:00Z".parse()?);
    let sandbox = Sandbox::builder().clock(clock.clone()).start().await?;
    let docr = Client::builder()
        .base_url(sandbox.url())
        .token(sandbox.token())
        .clock(Arc::new(SandboxTime(clock.clone())))
        .build()?;
    let name = "acme-images".parse()?;
    docr.registries()
        .create(CreateRegistry::new(name, TierSlug::Starter))
        .await?;
    let registry = docr.registry("acme-images".parse()?);
    for day in 1..=5 {
        let image = Image::new("shop/api").sized_layer(day, 40 << 20);
        sandbox.push("acme-images", image.tag(format!("build-{day}")))?;
        clock.advance(Duration::from_secs(86_400));
    }

    credentials(&docr, &registry).await?;
    preflight(&docr, &registry).await?;
    retention(&docr, &registry, sandbox.addr().to_string()).await?;
    certificates(&sandbox, &docr).await
}

async fn credentials(docr: &Client, registry: &RegistryHandle) -> Result {
    println!("-> credentials");
    let cache = registry.credentials_cache(CredentialsRequest::read_only());
    let credentials = cache.get().await?;

    let directory = tempfile::tempdir()?;
    let path = directory.path().join("config.json");
    std::fs::write(
        &path,
        r#"{"auths": {"ghcr.io": {"auth": "b2xk"}}, "psFormat": "table"}"#,
    )?;
    let mut config = DockerConfig::load(&path)?;
    config.insert(&credentials)?;
    config.save()?;
    println!("   Docker's config.json holds them, beside what it held before");

    let secret = KubernetesSecret::new(registry.name()).namespaces(["shop", "tools"]);
    let manifest = secret.manifest(&credentials)?;
    println!(
        "   a pull secret for two namespaces takes {} lines of YAML",
        manifest.expose().lines().count()
    );

    docr.revoke(&credentials).await?;
    cache.forget().await;
    println!("   they are revoked");
    Ok(())
}

async fn preflight(docr: &Client, registry: &RegistryHandle) -> Result {
    println!("-> will it fit?");
    let new: RepositoryName = "shop/web".parse()?;
    let push = PlannedPush::to(registry.name().clone())
        .repository(new)
        .bytes(400 << 20);
    let preflight = docr.registries().preflight(&push).await?;
    for obstacle in &preflight.obstacles {
        println!("   no: {obstacle}");
    }
    if let Some(tier) = &preflight.cheapest_tier {
        println!("   the cheapest tier in which it fits is {tier}");
        docr.registries().change_tier(tier.clone()).await?;
    }
    let preflight = docr.registries().preflight(&push).await?;
    println!(
        "   after the change it {}",
        if preflight.fits() {
            "fits"
        } else {
            "does not fit"
        }
    );
    Ok(())
}

async fn retention(docr: &Client, registry: &RegistryHandle, images_at: String) -> Result {
    println!("-> delete old images");
    let policy = RetentionPolicy::from_toml(RULES)?;
    let mut inventory = RegistryInventory::read_for(registry, &policy).await?;
    // What belongs together is in the manifests, which are read from the registry itself.
    let request = CredentialsRequest::read_only().expires_in(Duration::from_secs(3600));
    let credentials = registry.docker_credentials(request).await?;
    let reader = OciManifests::new(registry.name(), &credentials)?;
    let reader = reader.plain_http_host(images_at);
    inventory.read_manifests(&policy, &reader).await;
    let plan = RetentionPlan::compute(&policy, &inventory)?;
    for line in plan.to_string().lines() {
        println!("   {line}");
    }
    let execution = plan.execution(registry)?.reader(&reader);
    let report = execution.run(|step| println!("   {step}")).await;
    docr.revoke(&credentials).await?;

    println!("-> collect the garbage");
    let runs = registry.garbage_collections();
    if let Some(what) = report.garbage_collection() {
        let run = runs.start(what).await?;
        let mut changes = runs.watch(&run);
        while let Some(run) = changes.next().await {
            let run = run?;
            let status = run
                .status
                .as_ref()
                .map_or("unknown", |status| status.as_str());
            println!("   {status}: {} bytes freed", run.freed_bytes.unwrap_or(0));
        }
    }
    Ok(())
}

async fn certificates(sandbox: &Sandbox, docr: &Client) -> Result {
    println!("-> replace a certificate");
    sandbox
        .add_certificate(CertificateSeed::lets_encrypt("shop-2026", ["shop.example.com"]).in_use());
    let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
    // Here a program would give its load balancers the new id.
    let swap = async |pair: CertificatePair| -> Result<(), std::io::Error> {
        println!(
            "   {} is verified; the load balancers take it",
            pair.new.name
        );
        sandbox.set_certificate_in_use(&pair.old.name, false);
        Ok(())
    };
    let pair = docr
        .certificates()
        .rotate("shop-2026", wanted, swap)
        .await?;
    println!("   {} was deleted", pair.old.name);
    Ok(())
}

/// The sandbox's time: waiting for an hour takes none.
#[derive(Debug)]
struct SandboxTime(Clock);

impl docr::Clock for SandboxTime {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        let since = self.0.now().signed_duration_since(DateTime::UNIX_EPOCH);
        since.to_std().unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}
