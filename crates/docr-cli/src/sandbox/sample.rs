//! The samples of the embedded sandbox: two weeks of builds of a small shop.

use std::time::Duration;

use docr::{Client, CreateRegistry, TierSlug};
use docr_sandbox::{CertificateSeed, Clock, Image, Sandbox};

/// The registry's name.
const REGISTRY: &str = "sample";
const DAY: Duration = Duration::from_secs(86_400);
/// The number of days with a build.
const BUILDS: u32 = 12;
/// How far filling advances the clock.
pub(crate) const SPAN: Duration = DAY.saturating_mul(BUILDS + 1);
const MIB: u64 = 1 << 20;

/// Fills a sandbox, day by day.
pub(crate) async fn fill(sandbox: &Sandbox, clock: &Clock, docr: &Client) -> anyhow::Result<()> {
    let wanted = CreateRegistry::new(REGISTRY.parse()?, TierSlug::Basic);
    docr.registries().create(wanted).await?;
    let base = |image: Image| image.sized_layer(1, 30 * MIB);
    sandbox.push(
        REGISTRY,
        base(Image::new("shop/web"))
            .sized_layer(90, 12 * MIB)
            .tag("v1"),
    )?;
    for day in 1..=u64::from(BUILDS) {
        let build = base(Image::new("shop/api")).sized_layer(10 + day, (3 + day % 3) * MIB);
        let mut tags = vec![format!("build-{day}")];
        if day % 4 == 0 {
            tags.push(format!("v1.{}", day / 4));
        }
        sandbox.push_tags(REGISTRY, build, tags)?;
        if day % 3 == 0 {
            let trial = base(Image::new("shop/web")).sized_layer(50 + day, 9 * MIB);
            sandbox.push(REGISTRY, trial.tag(format!("pr-{}", 40 + day)))?;
        }
        clock.advance(DAY);
    }
    let part = |architecture, seed| {
        let image = base(Image::new("shop/api")).platform("linux", architecture);
        image.sized_layer(seed, 5 * MIB)
    };
    let release = Image::index("shop/api")
        .child(part("amd64", 70))
        .child(part("arm64", 71));
    sandbox.push_tags(REGISTRY, release, ["v2.0", "latest"])?;
    sandbox.push(
        REGISTRY,
        Image::new("tools/builder")
            // The sandbox knows the digest of this one without hashing it.
            .sized_layer(9, 400 * MIB)
            .tag("2026-01"),
    )?;
    sandbox.add_certificate(CertificateSeed::lets_encrypt(
        "shop-front",
        ["shop.example.com", "*.shop.example.com"],
    ));
    sandbox.add_certificate(CertificateSeed::custom("mail", ["mail.example.com"]));
    sandbox.add_certificate(CertificateSeed::lets_encrypt("blog", ["blog.example.com"]).pending());
    sandbox.add_named_cluster("staging");
    clock.advance(DAY);
    Ok(())
}
