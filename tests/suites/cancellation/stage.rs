//! A sandbox in which calls are dropped, and the state that they leave.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    future::poll_fn,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr::{
    Certificates, Client, CredentialFiles, CredentialsCache, CredentialsRequest,
    GarbageCollections, LegacyRegistry, Registries, RegistryHandle, RepositoryHandle, reqwest,
};
use docr_sandbox::{
    CertificateSeed, Clock, Fault, GcTiming, Image, Sandbox, ScriptedResponse, Snapshot,
};
use docr_tests::{
    calls::{repository_name, tag},
    sandbox::{TOKEN, noon, registry_name, shared_clock},
};
use serde_json::Value;
use tokio::runtime::{Builder, Handle, Runtime};

pub(super) type Done = Result<(), Box<dyn Error + Send + Sync>>;

const GC_TIMING: GcTiming = GcTiming {
    requested: Duration::from_secs(1),
    waiting: Duration::from_secs(4),
    scanning: Duration::from_secs(1),
    deleting: Duration::from_secs(1),
    cancelling: Duration::from_secs(1),
};

/// What happens to the first request of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disruption {
    None,
    /// It is handled, and its response is lost.
    LostResponse,
    /// It gets a 503 and is not handled.
    Refusal,
}

/// A sandbox with some of everything. It has its own runtime: the runtime of a call only has the tasks of the call.
pub(super) struct Scene {
    runtime: Runtime,
    sandbox: Arc<Sandbox>,
    clock: Clock,
    start: Snapshot,
    certificate: String,
    cluster: String,
    directory: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let _inside = runtime.enter();
        let clock = Clock::manual(noon());
        // Responses are not checked against the description here: all other suites do that.
        let builder = Sandbox::builder().token(TOKEN).clock(clock.clone());
        // Waits end after a few polls.
        let builder = builder
            .gc_timing(GC_TIMING)
            .issuance(Duration::from_secs(5));
        let sandbox = runtime.block_on(builder.data(data).start()).unwrap();
        let certificate = CertificateSeed::lets_encrypt("shop-front", ["shop.example.com"]);
        let certificate = sandbox.add_certificate(certificate);
        let cluster = sandbox.add_cluster();
        let docr = client(&sandbox, &clock);
        runtime.block_on(async {
            let wanted = docr::CreateRegistry::new(registry_name(), docr::TierSlug::Professional);
            docr.registries().create(wanted).await.unwrap();
        });
        for (seed, tag) in (1..).zip(["v1.4.1", tag().as_str()]) {
            let image = Image::new(repository_name().as_str()).sized_layer(seed, 1_000);
            sandbox.push("acme-images", image.tag(tag)).unwrap();
            clock.advance(Duration::from_secs(86_400));
        }
        Self {
            start: sandbox.snapshot(),
            sandbox: Arc::new(sandbox),
            runtime,
            clock,
            certificate,
            cluster,
            directory,
        }
    }

    /// Resets the sandbox, and returns what calls are made with.
    pub(super) fn begin(&self) -> Stage {
        self.sandbox.before_each(None::<fn(&str, &str)>);
        self.sandbox.clear_faults();
        self.sandbox.restore(&self.start);
        let kept = self.directory.path().join("kept");
        if kept.exists() {
            fs::remove_dir_all(&kept).unwrap();
        }
        fs::create_dir(&kept).unwrap();
        let files = CredentialFiles::new(kept.join("credentials"));
        let docr = client(&self.sandbox, &self.clock);
        let registry = docr.registry(registry_name());
        Stage {
            cache: registry.credentials_cache(wanted_credentials()),
            files,
            docr,
            sandbox: Arc::clone(&self.sandbox),
            clock: self.clock.clone(),
            certificate: self.certificate.clone(),
            cluster: self.cluster.clone(),
            directory: kept,
        }
    }

    /// Disrupts the next request.
    pub(super) fn disrupt(&self, disruption: Disruption) {
        let fault = match disruption {
            Disruption::None => return,
            Disruption::LostResponse => Fault::lost(),
            Disruption::Refusal => Fault::response(ScriptedResponse::html(503, "<h1>Busy</h1>")),
        };
        self.sandbox.add_fault(fault.times(1)).unwrap();
    }

    pub(super) fn clear_faults(&self) {
        self.sandbox.clear_faults();
    }

    /// The state of the sandbox, without id counters and credentials.
    pub(super) fn state(&self) -> String {
        state(self.directory.path())
    }

    /// Records the state of the sandbox before each request.
    pub(super) fn record_states(&self) -> Arc<Mutex<BTreeSet<String>>> {
        let states = Arc::new(Mutex::new(BTreeSet::new()));
        let (recorded, directory) = (Arc::clone(&states), self.directory.path().to_owned());
        self.sandbox.before_each(Some(move |_: &str, _: &str| {
            recorded.lock().unwrap().insert(state(&directory));
        }));
        states
    }

    /// How many credentials are live.
    pub(super) fn live(&self) -> usize {
        let credentials = self.sandbox.credentials();
        { credentials.iter() }
            .filter(|minted| !minted.revoked)
            .count()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.sandbox.before_each(None::<fn(&str, &str)>);
        let _inside = self.runtime.enter();
    }
}

fn state(directory: &Path) -> String {
    let text = fs::read(directory.join("data").join("state.json")).unwrap();
    let mut world: Value = serde_json::from_slice(&text).unwrap();
    let fields = world.as_object_mut().unwrap();
    // Counters of ids: a failed request may use some up.
    fields.retain(|name, _| !name.ends_with("ids"));
    // Revoked credentials remain on record; live ones are counted by `live`.
    for account in world["accounts"].as_array_mut().unwrap() {
        account["credentials"].take();
    }
    world.to_string()
}

/// What calls are made with.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) docr: Client,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) clock: Clock,
    pub(super) certificate: String,
    pub(super) cluster: String,
    pub(super) files: CredentialFiles,
    pub(super) cache: CredentialsCache,
    /// For files of the test.
    pub(super) directory: PathBuf,
}

impl Stage {
    pub(super) fn registry(&self) -> RegistryHandle {
        self.docr.registry(registry_name())
    }

    pub(super) fn registries(&self) -> Registries {
        self.docr.registries()
    }

    pub(super) fn legacy(&self) -> LegacyRegistry {
        self.docr.legacy_registry()
    }

    pub(super) fn repository(&self) -> RepositoryHandle {
        self.registry().repository(repository_name())
    }

    pub(super) fn certificates(&self) -> Certificates {
        self.docr.certificates()
    }

    pub(super) fn runs(&self) -> GarbageCollections {
        self.registry().garbage_collections()
    }

    pub(super) fn clock(&self) -> Hesitant {
        Hesitant(shared_clock(&self.clock))
    }

    /// Whether the files hold credentials.
    pub(super) fn has_kept(&self) -> bool {
        let kept = self.files.kept(&self.registry(), wanted_credentials());
        kept.is_some()
    }
}

pub(super) fn wanted_credentials() -> CredentialsRequest {
    CredentialsRequest::read_only()
}

/// A client that keeps no idle connections.
fn client(sandbox: &Sandbox, clock: &Clock) -> Client {
    let builder = Client::builder()
        .base_url(sandbox.url())
        .token(TOKEN)
        .clock(Arc::new(Hesitant(shared_clock(clock))))
        .http(
            reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .tls_certs_only([]),
        );
    builder.build().unwrap()
}

/// A clock with waits that are pending once: a call can be dropped in them.
#[derive(Clone, Debug)]
pub(super) struct Hesitant(pub(super) Arc<dyn docr::Clock>);

impl docr::Clock for Hesitant {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::yield_now().await;
            clock.sleep(duration).await;
        })
    }

    fn random(&self) -> f64 {
        self.0.random()
    }
}

/// A runtime for one call. Dropping it waits for blocking tasks.
pub(super) fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// Polls a call until it completes, or drops it when it has been pending so many times.
pub(super) async fn drop_at<T>(pending: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    let mut left = pending;
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(end) => Poll::Ready(Some(end)),
        Poll::Pending => {
            left -= 1;
            match left {
                0 => Poll::Ready(None),
                _ => Poll::Pending,
            }
        }
    })
    .await
}

/// Waits until no task of a call is running.
#[allow(
    clippy::disallowed_methods,
    reason = "tasks run in real time, which no manual clock controls"
)]
pub(super) async fn settled() {
    let metrics = Handle::current().metrics();
    while metrics.num_alive_tasks() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
