//! What the clients of the fleet do.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{
    Client, Clock as _, CreateCertificate, CreateRegistry, CredentialFiles, CredentialsCache,
    CredentialsRequest, DockerCredentials, ErrorKind, GarbageCollectionType, Region,
    RegistryHandle, TierSlug, reqwest,
    retention::{RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_tests::sandbox::{TOKEN, registry_name};

use super::{
    credentials::IN_FILES,
    documents::Documents,
    hand::{Hand, Turns},
    pushes::{KEPT, Pruning},
    world::{Edge, World},
};

/// How long a call may wait for its turn.
const TURN: Duration = Duration::from_secs(10 * 60);
/// How long a call may take: until its turn, and from then to its deadline.
const CALL: Duration = Duration::from_secs(10 * 60 + 2 * 60);
/// How long a call may take that waits for another client's with the same file.
const BEHIND_ANOTHER: Duration = Duration::from_secs(2 * (10 * 60 + 2 * 60));
/// How long anything is waited for that the service does by itself.
const WAIT: Duration = Duration::from_secs(10 * 60);
/// A garbage collection takes longer.
const SHORT_WAIT: Duration = Duration::from_secs(60);

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
    /// Credentials from files that several clients share.
    FromFiles,
    RevokeFiles,
}

impl Job {
    pub(super) const OF_MOST: [Self; 9] = [
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
    pub(super) const WITH_FILES: [Self; 4] = [
        Self::FromFiles,
        Self::FromFiles,
        Self::FromFiles,
        Self::RevokeFiles,
    ];

    /// How long a job of so many requests may take.
    pub(super) fn longest(self, requests: u32) -> Duration {
        let waits = match self {
            Self::Rotate => 2,
            Self::Collect => 1,
            _ => 0,
        };
        // A few calls have no request: those without a turn.
        waits * WAIT + (requests + 4) * CALL
    }

    pub(super) fn revokes(self) -> bool {
        matches!(self, Self::Revoke | Self::RevokeFiles)
    }
}

/// What a job that has succeeded reports.
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
    url: String,
    docr: Client,
    cache: CredentialsCache,
    pub(super) held: Arc<Mutex<Held>>,
    pub(super) pruning: Arc<Mutex<Pruning>>,
    edge: Arc<Mutex<Edge>>,
    documents: Documents,
    files: CredentialFiles,
    /// The group of the calls that use the files.
    in_files: usize,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) credentials: Vec<DockerCredentials>,
    /// Whether revoking the last one was begun: then it may be revoked.
    pub(super) is_revoking: bool,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.hand.client)
    }
}

impl Actor {
    pub(super) fn new(
        world: &World,
        client: usize,
        turns: Turns,
        documents: &Documents,
        in_files: usize,
    ) -> Self {
        let hand = Hand::new(&world.schedule, client, turns);
        let url = world.sandbox().url().to_owned();
        let docr = client_by(&hand, &url);
        let hours = CredentialsRequest::read_only().expires_in(Duration::from_secs(6 * 3_600));
        Self {
            cache: docr.registry(registry_name()).credentials_cache(hours),
            docr,
            hand,
            url,
            held: Arc::default(),
            pruning: Arc::default(),
            edge: Arc::clone(&world.edge),
            documents: documents.clone(),
            files: CredentialFiles::new(world.folder().join("credentials")),
            in_files,
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
            Job::Prune => self.prune(number).await,
            Job::Collect => self.collect(number).await,
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
            Job::FromFiles => {
                let call = self.hand.schedule.begin_call(self.in_files, None);
                let registry = self.registry_by(&self.hand.during(&call));
                let got = self.files.get(&registry, in_files());
                self.within(BEHIND_ANOTHER, got).await?;
                Ok(Done::Nothing)
            }
            Job::RevokeFiles => {
                let call = self.hand.schedule.begin_call(self.in_files, None);
                let registry = self.registry_by(&self.hand.during_all_of(call));
                let revoked = self.files.revoke(&registry, in_files());
                self.within(BEHIND_ANOTHER, revoked).await?;
                Ok(Done::Nothing)
            }
        }
    }

    /// The registry by a client of its own, as in a program that is run for one call.
    fn registry_by(&self, hand: &Hand) -> RegistryHandle {
        client_by(hand, &self.url).registry(registry_name())
    }

    /// A call ends by its deadline, with a success or an error.
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
        if let Err(error) = &end {
            assert_ne!(error.kind(), ErrorKind::Storage, "{error}");
        }
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
        let certificates = { self.docr.certificates() }.with(|calls| calls.wait_limit(WAIT));
        certificates.rotate(&old, wanted, swap).await?;
        Ok(Done::Certificate(new))
    }

    async fn prune(&self, number: u32) -> Result<Done> {
        let rules = format!("[[rule]]\nkeep_newest = {KEPT}\ndelete_untagged = true");
        let policy = RetentionPolicy::from_toml(&rules)?;
        let registry = self.registry();
        let mut inventory = RegistryInventory::read_for(&registry, &policy).await?;
        inventory.read_manifests(&policy, &self.documents).await;
        let plan = RetentionPlan::compute(&policy, &inventory)?;
        let step = self.hand.schedule.step();
        self.pruning.lock().unwrap().plans_at(step);
        let execution = plan.execution(&registry)?.concurrency(2);
        let execution = execution.manifests_first(number % 2 == 1);
        let report = execution.reader(&self.documents).run(|_| {}).await;
        drop(report);
        Ok(Done::Nothing)
    }

    async fn collect(&self, number: u32) -> Result<Done> {
        let wait = match number % 3 {
            0 => SHORT_WAIT,
            _ => WAIT,
        };
        let runs = { self.registry().garbage_collections() }.with(|calls| calls.wait_limit(wait));
        let what = GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs;
        let run = self.within(3 * CALL, runs.start(what)).await?;
        self.within(wait + CALL, runs.watch(&run).wait()).await?;
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

pub(super) fn client_by(hand: &Hand, url: &str) -> Client {
    let (schedule, client) = (Arc::clone(&hand.schedule), hand.client);
    let http = reqwest::Client::builder().pool_max_idle_per_host(0);
    let builder = Client::builder()
        .base_url(url)
        .token(TOKEN)
        .clock(Arc::new(hand.clone()))
        .rate_budget(Arc::new(hand.clone()))
        .on_attempt(move |_| schedule.ended(client))
        .http(http.tls_certs_only([]));
    let docr = builder.build().unwrap();
    docr.with(|calls| calls.paced(true).turn_limit(TURN))
}

fn in_files() -> CredentialsRequest {
    CredentialsRequest::read_only().expires_in(IN_FILES)
}
