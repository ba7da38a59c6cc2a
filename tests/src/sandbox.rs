//! A sandbox in a known state: its clock is frozen and its ids are the same in each run, as snapshots need.

use std::{ops::Deref, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr::{
    Client, CreateRegistry, CredentialsRequest, GarbageCollectionType, ManualClock, Region,
    RegistryHandle, RegistryName, TierSlug,
    retention::{OciManifests, RegistryInventory, RetentionPolicy},
};
use docr_api::Operation;
use docr_sandbox::{CertificateSeed, Clock, Image, Sandbox, SandboxBuilder, ScriptedResponse};

use crate::calls::{Subjects, repository_name, tag};

/// The token of the first account.
pub const TOKEN: &str = "dop_v1_of_the_tests";

/// The instant at which every sandbox starts.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).expect("an instant in range")
}

/// A sandbox that checks each response against the spec: dropping it panics if one violated it.
#[derive(Debug)]
pub struct Checked(Sandbox);

impl Deref for Checked {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = self.0.violations();
            let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}

/// A sandbox with the tests' token, and its clock.
pub async fn start() -> (Checked, Clock) {
    start_with(|builder| builder).await
}

/// A sandbox with the tests' token and further options, and its clock.
pub async fn start_with(choose: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> (Checked, Clock) {
    let clock = Clock::manual(noon());
    let builder = Sandbox::builder()
        .token(TOKEN)
        .clock(clock.clone())
        .check_responses(true);
    let sandbox = choose(builder).start().await;
    let sandbox = sandbox.expect("a free port on the loopback");
    (Checked(sandbox), clock)
}

/// A client of the sandbox's first account.
pub fn client(sandbox: &Sandbox) -> Client {
    client_at(sandbox.url(), TOKEN)
}

/// A client of the server at `url`. Its clock starts with the sandbox's, and waiting takes no time.
pub fn client_at(url: &str, token: &str) -> Client {
    client_with_clock(url, token, Arc::new(ManualClock::at(noon())))
}

/// A client of the server at `url` with a custom clock.
pub fn client_with_clock(url: &str, token: &str, clock: Arc<dyn docr::Clock>) -> Client {
    let builder = Client::builder().base_url(url).token(token).clock(clock);
    builder.build().expect("a well-formed loopback URL")
}

/// A plain HTTP client for servers on this machine: it uses no proxy and reads no certificates.
pub fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    builder.build().expect("a client without certificates")
}

/// The sandbox's clock as a client's: waiting advances it.
#[derive(Debug)]
struct Shared(Clock, ManualClock);

impl docr::Clock for Shared {
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
        self.1.random()
    }
}

/// The sandbox's clock as a client's.
pub fn shared_clock(clock: &Clock) -> Arc<dyn docr::Clock> {
    Arc::new(Shared(clock.clone(), ManualClock::at(noon())))
}

/// A client that shares the sandbox's clock.
pub fn sharing(sandbox: &Sandbox, clock: &Clock) -> Client {
    client_with_clock(sandbox.url(), TOKEN, shared_clock(clock))
}

/// The name of the registry that [`furnish`] creates.
pub fn registry_name() -> RegistryName {
    RegistryName::new("acme-images").expect("a well-formed name")
}

/// The registry that the tests create.
pub fn wanted_registry() -> CreateRegistry {
    CreateRegistry::new(registry_name(), TierSlug::Basic).region(Region::Fra1)
}

/// A reader of manifests from the sandbox, with credentials as requested.
pub async fn document_reader(
    registry: &RegistryHandle,
    sandbox: &Sandbox,
    request: CredentialsRequest,
) -> OciManifests {
    let credentials = registry.docker_credentials(request).await;
    let credentials = credentials.expect("credentials");
    let reader = OciManifests::new(registry.name(), &credentials).expect("a reader");
    reader.plain_http_host(sandbox.addr().to_string())
}

/// What a plan by a policy needs to know of a registry, and the reader of its manifests.
pub async fn inventory(
    registry: &RegistryHandle,
    sandbox: &Sandbox,
    policy: &RetentionPolicy,
) -> (RegistryInventory, OciManifests) {
    let month = Duration::from_secs(30 * 86_400);
    let request = CredentialsRequest::read_only().expires_in(month);
    let reader = document_reader(registry, sandbox, request).await;
    let read = RegistryInventory::read_for(registry, policy).await;
    let mut inventory = read.expect("an inventory");
    inventory.read_manifests(policy, &reader).await;
    (inventory, reader)
}

/// Creates a registry in the sandbox.
pub async fn furnish(sandbox: &Sandbox) {
    let registry = client(sandbox).legacy_registry();
    registry
        .create(wanted_registry())
        .await
        .expect("an empty account");
}

/// The image that [`prepare`] pushes.
pub fn image() -> Image {
    let (repository, tag) = (repository_name(), tag());
    let image = Image::new(repository.as_str()).tag(tag.as_str());
    image.layer("a layer")
}

/// Prepares a sandbox for an operation to end with a status, and returns what its call refers to. Failures are scripted;
/// successes are the sandbox's own.
pub async fn prepare(sandbox: &Sandbox, operation: &Operation, status: u16) -> Subjects {
    furnish(sandbox).await;
    let pushed = sandbox.push("acme-images", image());
    pushed.expect("the image fits");
    let certificate = CertificateSeed::lets_encrypt("shop-front", ["shop.example.com"]);
    let mut subjects = Subjects {
        certificate: sandbox.add_certificate(certificate).parse().expect("an id"),
        cluster: sandbox.add_cluster().parse().expect("an id"),
        ..Subjects::default()
    };
    let docr = client(sandbox);
    match operation.id {
        "registry_create" | "registry_validate_name" | "registries_validate_name" => {
            docr.legacy_registry()
                .delete()
                .await
                .expect("the registry exists");
        }
        "registries_create" => {
            let registries = docr.registries();
            let change = registries.change_tier(TierSlug::Professional);
            change.await.expect("an empty registry fits every tier");
        }
        id if id.ends_with("get_garbageCollection") || id.ends_with("update_garbageCollection") => {
            let runs = docr.registry(registry_name()).garbage_collections();
            let started = runs
                .start(GarbageCollectionType::UnreferencedBlobsOnly)
                .await;
            let run = started.expect("no run is active");
            subjects.run = run.uuid.parse().expect("an id");
        }
        _ => {}
    }
    if status >= 400 {
        let scripted = sandbox.respond_next(operation.id, ScriptedResponse::status(status));
        scripted.expect("an operation of the spec");
    }
    subjects
}
