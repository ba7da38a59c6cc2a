//! Sample content for trying clients out.

use super::Sandbox;
use super::service::Service;
use crate::model::account::Subscription;
use crate::model::certificate::CertificateSeed;
use crate::model::image::{Image, PushError};
use crate::model::registry::Registry;
use crate::model::tier::Tier;

/// The content that [`Sandbox::add_sample`] added.
///
/// ```
/// # fn example(sample: &docr_sandbox::Sample) {
/// println!("registry {}, cluster {}, certificate {}", sample.registry, sample.cluster, sample.certificate);
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// The name of the registry.
    pub registry: String,
    /// The UUID of a Kubernetes cluster.
    pub cluster: String,
    /// The id of a certificate.
    pub certificate: String,
}

impl Service {
    /// Creates a registry on the professional tier in the first account, unless its name is taken.
    fn open_registry(&self, name: &str) {
        let now = self.clock.now();
        let Some(tier) = Tier::by_slug("professional") else {
            return;
        };
        self.change(|world| {
            if world.has_registry(name) {
                return;
            }
            let account = world.first();
            account
                .registries
                .push(Registry::new(name.to_owned(), "fra1".to_owned(), now));
            account.subscription.get_or_insert(Subscription {
                tier,
                created_at: now,
                updated_at: now,
            });
        });
    }

    pub(super) fn add_sample(&self) -> Result<Sample, PushError> {
        const REGISTRY: &str = "sample";
        const MIB: u64 = 1 << 20;
        self.open_registry(REGISTRY);
        let push = |image: Image| self.push(REGISTRY, &image, Vec::new());
        let base = |image: Image| image.sized_layer(1, 30 * MIB);
        for (seed, tag) in [(2, "v1.0.0"), (3, "v1.1.0"), (4, "v1.1.0"), (5, "v1.2.0")] {
            let image = base(Image::new("shop/api"))
                .sized_layer(seed, 4 * MIB)
                .tag(tag);
            push(image)?;
        }
        let part = |architecture, seed| {
            base(Image::new("shop/api"))
                .platform("linux", architecture)
                .sized_layer(seed, 5 * MIB)
        };
        let index = Image::index("shop/api")
            .child(part("amd64", 6))
            .child(part("arm64", 7));
        push(index.tag("latest"))?;
        push(
            base(Image::new("shop/web"))
                .sized_layer(8, 2 * MIB)
                .tag("latest"),
        )?;
        push(
            Image::new("tools/builder")
                .sized_layer(9, 400 * MIB)
                .tag("2026-01"),
        )?;
        Ok(Sample {
            registry: REGISTRY.to_owned(),
            cluster: self.add_cluster(Some(REGISTRY.to_owned())),
            certificate: self.add_certificate(CertificateSeed::lets_encrypt(
                "shop-front",
                ["shop.example.com"],
            )),
        })
    }
}

impl Sandbox {
    /// Adds sample content to the first account: a cluster, a certificate and, on the professional tier, a registry
    /// `sample`. In it `shop/api` has several tags, an untagged manifest and an image for two platforms; `shop/web` and
    /// `tools/builder` have one tag each.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::PushError> {
    /// let sample = sandbox.add_sample()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PushError`], if an existing registry `sample` can't take the images.
    pub fn add_sample(&self) -> Result<Sample, PushError> {
        self.service.add_sample()
    }
}
