//! What the clients of the fleet do.

use std::{
    error::Error,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{
    Client, Clock as _, CreateCertificate, CreateRegistry, CredentialsCache, CredentialsRequest,
    Digest, DockerCredentials, GarbageCollectionType, Region, RegistryHandle, RepositoryName,
    TierSlug, reqwest,
    retention::{
        ManifestDocument, ManifestReader, RegistryInventory, RetentionPlan, RetentionPolicy,
    },
};
use docr_tests::sandbox::{TOKEN, registry_name};

use super::{
    schedule::Hand,
    world::{Edge, KEPT, State, World},
};

/// How long a call may wait for its turn.
const TURN: Duration = Duration::from_secs(10 * 60);
/// How long a call may take: until its turn, and from then to its deadline.
const CALL: Duration = Duration::from_secs(10 * 60 + 2 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    EnsureRegistry,
    EnsureCertificate,
    Rotate,
    Prune,
    Collect,
    Mint,
    Revoke,
    Cached,
    Poll,
}

impl Job {
    pub(super) const ALL: [Self; 9] = [
        Self::EnsureRegistry,
        Self::EnsureCertificate,
        Self::Rotate,
        Self::Prune,
        Self::Collect,
        Self::Mint,
        Self::Revoke,
        Self::Cached,
        Self::Poll,
    ];
}

/// What a job says when it has succeeded.
#[derive(Debug)]
pub(super) enum Done {
    Nothing,
    /// There is a registry by this name.
    Registry(String),
    /// There is a certificate by this name.
    Certificate(String),
}

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A client of the fleet. What it holds outlives its jobs, which are killed now and then.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) hand: Hand,
    docr: Client,
    cache: CredentialsCache,
    pub(super) held: Arc<Mutex<Held>>,
    edge: Arc<Mutex<Edge>>,
    documents: Documents,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) credentials: Vec<DockerCredentials>,
    /// Whether revoking the last one was begun: then it may be done.
    pub(super) is_revoking: bool,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.hand.client)
    }
}

impl Actor {
    pub(super) fn new(world: &World, client: usize) -> Self {
        let hand = Hand::new(&world.schedule, client);
        let schedule = Arc::clone(&hand.schedule);
        let http = reqwest::Client::builder().pool_max_idle_per_host(0);
        let builder = Client::builder()
            .base_url(world.sandbox().url())
            .token(TOKEN)
            .clock(Arc::new(hand.clone()))
            .rate_budget(Arc::new(hand.clone()))
            .on_attempt(move |_| schedule.ended())
            .http(http.tls_certs_only([]));
        let docr = builder.build().unwrap();
        let docr = docr.with(|calls| calls.paced(true).turn_limit(TURN));
        let hours = CredentialsRequest::read_only().expires_in(Duration::from_secs(6 * 3_600));
        Self {
            cache: docr.registry(registry_name()).credentials_cache(hours),
            docr,
            hand,
            held: Arc::default(),
            edge: Arc::clone(&world.edge),
            documents: Documents(world.folder().to_owned()),
        }
    }

    fn registry(&self) -> RegistryHandle {
        self.docr.registry(registry_name())
    }

    pub(super) async fn run(self, job: Job, number: u32) -> Result<Done> {
        match job {
            Job::EnsureRegistry => self.ensure_registry(number).await,
            Job::EnsureCertificate => self.ensure_certificate(number).await,
            Job::Rotate => self.rotate().await,
            Job::Prune => self.prune().await,
            Job::Collect => self.collect().await,
            Job::Mint => self.mint().await,
            Job::Revoke => self.revoke().await,
            Job::Cached => {
                self.within(CALL, self.cache.get()).await?;
                Ok(Done::Nothing)
            }
            Job::Poll => {
                for _ in 0..number % 5 {
                    self.within(CALL, self.docr.registries().options()).await?;
                }
                Ok(Done::Nothing)
            }
        }
    }

    /// A call ends by its deadline, as well or badly as it may.
    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = docr::Result<T>>,
    ) -> docr::Result<T> {
        let begin = self.hand.monotonic();
        let end = call.await;
        let took = self.hand.monotonic() - begin;
        assert!(
            took <= limit,
            "a call took {took:?}, and not {limit:?} at the most"
        );
        end
    }

    async fn ensure_registry(&self, number: u32) -> Result<Done> {
        let (name, tier) = match number % 2 {
            0 => (registry_name(), TierSlug::Professional),
            _ => ("acme-mirror".parse()?, TierSlug::Professional),
        };
        let wanted = CreateRegistry::new(name, tier).region(Region::Fra1);
        let registries = self.docr.registries();
        let ensured = self.within(4 * CALL, registries.ensure(wanted));
        let registry = ensured.await?;
        Ok(Done::Registry(registry.get().name.clone()))
    }

    async fn ensure_certificate(&self, number: u32) -> Result<Done> {
        let name = format!("service-{}", number % 3);
        let wanted = CreateCertificate::lets_encrypt(name, ["service.example.com"]);
        let certificates = self.docr.certificates();
        let ensured = self.within(4 * CALL, certificates.ensure(wanted));
        let certificate = ensured.await?;
        Ok(Done::Certificate(certificate.get().name.clone()))
    }

    async fn rotate(&self) -> Result<Done> {
        let (old, new) = {
            let mut edge = self.edge.lock().unwrap();
            if edge.is_rotating {
                return Ok(Done::Nothing);
            }
            edge.is_rotating = true;
            edge.count += 1;
            (edge.certificate.clone(), format!("edge-{}", edge.count))
        };
        let _free = FreeAfterwards(Arc::clone(&self.edge));
        let wanted = CreateCertificate::lets_encrypt(&new, ["shop.example.com"]);
        let edge = Arc::clone(&self.edge);
        let swap = async move |pair: docr::CertificatePair| {
            edge.lock().unwrap().next = Some(pair.new.name);
            Ok::<_, docr::Error>(())
        };
        self.docr.certificates().rotate(&old, wanted, swap).await?;
        Ok(Done::Certificate(new))
    }

    async fn prune(&self) -> Result<Done> {
        let rules = format!("[[rule]]\nkeep_newest = {KEPT}\ndelete_untagged = true");
        let policy = RetentionPolicy::from_toml(&rules)?;
        let registry = self.registry();
        let mut inventory = RegistryInventory::read_for(&registry, &policy).await?;
        inventory.read_manifests(&policy, &self.documents).await;
        let plan = RetentionPlan::compute(&policy, &inventory)?;
        let execution = plan.execution(&registry)?.concurrency(2);
        let report = execution.run(|_| {}).await;
        drop(report);
        Ok(Done::Nothing)
    }

    async fn collect(&self) -> Result<Done> {
        let runs = self.registry().garbage_collections();
        let what = GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs;
        let run = self.within(3 * CALL, runs.start(what)).await?;
        runs.watch(&run).wait().await?;
        Ok(Done::Nothing)
    }

    async fn mint(&self) -> Result<Done> {
        let minting = self
            .registry()
            .docker_credentials(CredentialsRequest::read_write())
            .await?;
        self.held.lock().unwrap().credentials.insert(0, minting);
        Ok(Done::Nothing)
    }

    async fn revoke(&self) -> Result<Done> {
        let Some(credentials) = ({
            let mut held = self.held.lock().unwrap();
            held.is_revoking = !held.credentials.is_empty();
            held.credentials.last().cloned()
        }) else {
            return Ok(Done::Nothing);
        };
        match self.within(CALL, self.docr.revoke(&credentials)).await {
            // Revoked by a call that was killed.
            Err(error) if !error.is_unauthorized() => return Err(error.into()),
            _ => {}
        }
        let mut held = self.held.lock().unwrap();
        held.credentials.pop();
        held.is_revoking = false;
        Ok(Done::Nothing)
    }
}

struct FreeAfterwards(Arc<Mutex<Edge>>);

impl Drop for FreeAfterwards {
    fn drop(&mut self) {
        self.0.lock().unwrap().is_rotating = false;
    }
}

/// The documents of manifests, as they are in the sandbox.
#[derive(Clone)]
struct Documents(PathBuf);

impl ManifestReader for Documents {
    async fn read(&self, repository: &RepositoryName, digest: &Digest) -> Result<ManifestDocument> {
        let document = State::of(&self.0).document(repository.as_str(), digest.as_str());
        let document = document.ok_or("there is no such manifest")?;
        Ok(ManifestDocument::from_bytes(None, document.as_bytes()))
    }
}
