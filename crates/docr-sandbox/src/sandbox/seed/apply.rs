//! Applies a seed.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    AccountSeed, CertificateEntry, CertificateKind, CertificateState, ClusterSeed, ImageSeed,
    RegistrySeed, Seed, SeedError, Seeded, SeededAccount, SeededImage, SeededRegistry,
    SignatureKind,
};
use crate::model::account::World;
use crate::model::certificate::{Certificate, CertificateSeed};
use crate::model::cluster::Cluster;
use crate::model::image::Image;
use crate::model::push;
use crate::model::registry::Registry;
use crate::model::tier::{TIERS, Tier};
use crate::sandbox::builder::is_bearer_token;
use crate::sandbox::service::Service;
use crate::spec::Spec;

const DEFAULT_SIZE: u64 = 1 << 20;
const DEFAULT_PLATFORM: &str = "linux/amd64";

impl Service {
    pub(crate) fn seed(&self, seed: &Seed) -> Result<Seeded, SeedError> {
        self.sow(|sowing| sowing.accounts(seed))
    }

    /// Pushes an image to a registry of any account, with its signatures.
    pub(crate) fn push_seed(
        &self,
        registry: &str,
        image: &ImageSeed,
    ) -> Result<SeededImage, SeedError> {
        let push = |sowing: &mut Sowing<'_>| sowing.image("image", registry, image, 0);
        match image.signatures.is_empty() {
            // A single push is atomic by itself: the world need not be copied.
            true => self.change(|world| push(&mut self.sowing(world))),
            false => self.sow(push),
        }
    }

    /// Applies a change as a whole, or not at all.
    fn sow<T>(
        &self,
        act: impl FnOnce(&mut Sowing<'_>) -> Result<T, SeedError>,
    ) -> Result<T, SeedError> {
        self.change(|world| {
            let before = world.clone();
            let sown = act(&mut self.sowing(world));
            if sown.is_err() {
                *world = before;
            }
            sown
        })
    }

    fn sowing<'a>(&self, world: &'a mut World) -> Sowing<'a> {
        Sowing {
            world,
            spec: self.spec,
            now: self.clock.now(),
        }
    }
}

/// A seed that is being applied.
struct Sowing<'a> {
    world: &'a mut World,
    spec: &'a Spec,
    now: DateTime<Utc>,
}

impl Sowing<'_> {
    fn accounts(&mut self, seed: &Seed) -> Result<Seeded, SeedError> {
        let mut accounts = Vec::new();
        for (index, account) in seed.accounts.iter().enumerate() {
            accounts.push(self.account(&format!("accounts[{index}]"), account)?);
        }
        Ok(Seeded { accounts })
    }

    fn account(&mut self, at: &str, seed: &AccountSeed) -> Result<SeededAccount, SeedError> {
        let place = match &seed.token {
            None => 0,
            Some(token) if !is_bearer_token(token) => {
                let reason = "a bearer token may contain only letters, digits and -._~+/=";
                return Err(SeedError::new(format!("{at}.token"), reason));
            }
            Some(token) => match self.world.place_of(token) {
                Some(place) => place,
                None => self.world.open_account(token.clone()),
            },
        };
        self.tier(at, place, seed)?;
        if let Some(usage) = seed.usage {
            self.world.account(place).set_extra(usage, self.now);
        }
        let mut seeded = SeededAccount {
            token: self.world.account(place).tokens[0].secret.clone(),
            registries: Vec::new(),
            certificates: Vec::new(),
            clusters: Vec::new(),
        };
        for (index, registry) in seed.registries.iter().enumerate() {
            let at = format!("{at}.registries[{index}]");
            seeded.registries.push(self.registry(&at, place, registry)?);
        }
        for (index, certificate) in seed.certificates.iter().enumerate() {
            let at = format!("{at}.certificates[{index}]");
            let id = self.certificate(&at, place, certificate)?;
            seeded.certificates.push(id);
        }
        for (index, cluster) in seed.clusters.iter().enumerate() {
            let at = format!("{at}.clusters[{index}]");
            let id = self.cluster(&at, place, cluster)?;
            seeded.clusters.push(id);
        }
        Ok(seeded)
    }

    /// Subscribes an account that gets a registry.
    fn tier(&mut self, at: &str, place: usize, seed: &AccountSeed) -> Result<(), SeedError> {
        let (now, account) = (self.now, self.world.account(place));
        let subscribes = account.subscription.is_none() && !seed.registries.is_empty();
        let slug = match &seed.tier {
            Some(slug) => slug,
            None if subscribes => "professional",
            None => return Ok(()),
        };
        let at = format!("{at}.tier");
        let Some(tier) = Tier::by_slug(slug) else {
            let known: Vec<_> = TIERS.iter().map(|tier| tier.slug).collect();
            let reason = format!(
                "{slug:?} is not a subscription tier; valid tiers are {}",
                known.join(", ")
            );
            return Err(SeedError::new(at, reason));
        };
        let registries = account.registries.len() + seed.registries.len();
        account
            .check_tier(tier, registries)
            .map_err(|refusal| SeedError::new(at, refusal.message))?;
        account.subscribe(tier, now);
        Ok(())
    }

    fn registry(
        &mut self,
        at: &str,
        place: usize,
        seed: &RegistrySeed,
    ) -> Result<SeededRegistry, SeedError> {
        let region = seed.region.as_deref().unwrap_or("fra1");
        // The rules are those of the API.
        let request =
            json!({ "name": seed.name, "region": region, "subscription_tier_slug": "basic" });
        let operation = self.spec.operation("registries_create");
        let rule = operation.and_then(|operation| operation.body.as_ref());
        if let Some(wrong) = rule.and_then(|rule| rule.schema.faults(&request, "registry")) {
            return Err(SeedError::new(at, wrong));
        }
        if self.world.has_registry(&seed.name) {
            let reason = format!("a registry {:?} already exists", seed.name);
            return Err(SeedError::new(format!("{at}.name"), reason));
        }
        let first_push = seed.images.iter().filter_map(|image| image.pushed_at).min();
        let created_at = seed.created_at.or(first_push).unwrap_or(self.now);
        let registry = Registry::new(seed.name.clone(), region.to_owned(), created_at);
        self.world.account(place).registries.push(registry);
        let mut images = Vec::new();
        for (index, image) in seed.images.iter().enumerate() {
            let at = format!("{at}.images[{index}]");
            images.push(self.image(&at, &seed.name, image, index)?);
        }
        Ok(SeededRegistry {
            name: seed.name.clone(),
            images,
        })
    }

    fn image(
        &mut self,
        at: &str,
        registry: &str,
        seed: &ImageSeed,
        index: usize,
    ) -> Result<SeededImage, SeedError> {
        let now = seed.pushed_at.unwrap_or(self.now);
        let mut push = |image: &Image| {
            push::push(self.world, registry, image, Vec::new(), now)
                .map_err(|error| SeedError::new(at, error))
        };
        let pushed = push(&seed.image(at, index)?)?;
        let mut signatures = Vec::new();
        for kind in &seed.signatures {
            let signature = Image::new(&seed.repository).layer(format!("signs {}", pushed.digest));
            let signature = match kind {
                SignatureKind::CosignTag => {
                    signature.tag(format!("{}.sig", pushed.digest.replace(':', "-")))
                }
                SignatureKind::Referrer => signature.subject(&pushed.digest),
            };
            signatures.push(push(&signature)?.digest);
        }
        Ok(SeededImage {
            digest: pushed.digest,
            children: pushed.children,
            signatures,
        })
    }

    fn certificate(
        &mut self,
        at: &str,
        place: usize,
        seed: &CertificateEntry,
    ) -> Result<String, SeedError> {
        let mut others = self.world.account(place).certificates.iter();
        if others.any(|other| other.name() == seed.name) {
            let reason = format!("a certificate {:?} already exists", seed.name);
            return Err(SeedError::new(format!("{at}.name"), reason));
        }
        let created_at = seed.created_at.unwrap_or(self.now);
        let mut certificate = Certificate::new(seed.seed(), &mut self.world.ids, created_at);
        if let Some(end) = seed.not_after {
            certificate.expire_at(end);
        }
        let id = certificate.id.clone();
        self.world.account(place).certificates.push(certificate);
        Ok(id)
    }

    fn cluster(&mut self, at: &str, place: usize, seed: &ClusterSeed) -> Result<String, SeedError> {
        let unknown = seed
            .registries
            .iter()
            .find(|name| self.world.account(place).registry_place(name).is_none());
        if let Some(name) = unknown {
            let reason = format!("the account has no registry {name:?}");
            return Err(SeedError::new(format!("{at}.registries"), reason));
        }
        let uuid = self.world.ids.uuid();
        let mut cluster = Cluster::new(seed.name.clone(), self.now);
        cluster.registries.clone_from(&seed.registries);
        self.world
            .account(place)
            .clusters
            .insert(uuid.clone(), cluster);
        Ok(uuid)
    }
}

impl ImageSeed {
    fn image(&self, at: &str, index: usize) -> Result<Image, SeedError> {
        let content = match (&self.content, self.tags.as_slice()) {
            (Some(content), _) => content.clone(),
            (None, []) => format!("untagged {index}"),
            (None, tags) => tags.join(" "),
        };
        let mut parts = Vec::new();
        for platform in &self.platforms {
            let Some((os, architecture)) = platform.split_once('/') else {
                let reason =
                    format!("{platform:?} is not a platform; use for example {DEFAULT_PLATFORM:?}");
                return Err(SeedError::new(format!("{at}.platforms"), reason));
            };
            let text = format!("{} {content} {platform}", self.repository);
            parts.push(self.part(&text).platform(os, architecture));
        }
        let image = match (&self.manifest, parts.len()) {
            (Some(manifest), _) => Image::raw(&self.repository, manifest),
            (None, 0) => {
                let text = format!("{} {content} {DEFAULT_PLATFORM}", self.repository);
                self.part(&text)
            }
            (None, 1) => parts.remove(0),
            (None, _) => parts
                .into_iter()
                .fold(Image::index(&self.repository), Image::child),
        };
        let image = self.tags.iter().fold(image, Image::tag);
        Ok(match &self.subject {
            Some(digest) => image.subject(digest),
            None => image,
        })
    }

    /// An image for one platform with a layer of its own.
    fn part(&self, text: &str) -> Image {
        let size = self.size.unwrap_or(DEFAULT_SIZE);
        Image::new(&self.repository).sized_layer(number(text), size)
    }
}

/// A hash of a text (FNV-1a) that never changes.
fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl CertificateEntry {
    fn seed(&self) -> CertificateSeed {
        let seed = match self.kind {
            CertificateKind::LetsEncrypt => {
                CertificateSeed::lets_encrypt(&self.name, &self.dns_names)
            }
            CertificateKind::Custom => CertificateSeed::custom(&self.name, &self.dns_names),
        };
        let seed = match self.state {
            CertificateState::Verified => seed,
            CertificateState::Pending => seed.pending(),
            CertificateState::Error => seed.failed(),
        };
        match self.in_use {
            true => seed.in_use(),
            false => seed,
        }
    }
}
