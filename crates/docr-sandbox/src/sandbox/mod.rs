//! The handle to a running sandbox.

mod as_registry;
pub(crate) mod builder;
mod control;
mod data;
mod doors;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod request_log;
mod router;
pub(crate) mod sample;
mod saving;
pub(crate) mod script;
pub(crate) mod seed;
pub(crate) mod service;
pub(crate) mod snapshot;
pub(crate) mod steering;
mod ui;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tempfile::TempDir;

use self::request_log::RecordedRequest;
use self::sample::Sample;
use self::script::{ScriptError, ScriptedResponse};
use self::service::Service;
use crate::http::conformance::Violation;
use crate::http::server::Server;
use crate::http::tls::Identity;
use crate::model::account::World;
use crate::model::certificate::{Certificate, CertificateSeed};
use crate::model::credential::MintedCredential;
use crate::model::image::{Image, PushError, Pushed};
use crate::model::tier::Usage;

/// A running sandbox. Dropping it stops the server.
///
/// ```
/// use docr_sandbox::{Image, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::builder().sample(true).start().await?;
/// let pushed = sandbox.push("sample", Image::new("shop/api").tag("v2").layer("files"))?;
/// assert!(pushed.digest.starts_with("sha256:"));
/// sandbox.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Sandbox {
    service: Arc<Service>,
    server: Server,
    url: String,
    token: String,
    identity: Option<Identity>,
    sample: Option<Sample>,
    _end: End,
}

/// What to do when the sandbox is dropped; clients may still hold connections.
struct End {
    service: Arc<Service>,
    /// The directory of the blobs, if it is deleted with the sandbox.
    _folder: Option<TempDir>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.service.close();
    }
}

impl Sandbox {
    /// The base URL, without a trailing slash.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let registries = format!("{}/v2/registries", sandbox.url());
    /// # }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that it listens on.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.addr().ip().is_loopback());
    /// # }
    /// ```
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// The certificate that clients must trust, in PEM; `None` without [`tls`](crate::SandboxBuilder::tls).
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::builder().tls(true).start().await?;
    /// assert!(sandbox.certificate_pem().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn certificate_pem(&self) -> Option<&str> {
        let identity = self.identity.as_ref()?;
        Some(&identity.certificate_pem)
    }

    /// The directory of the blobs. Without [`data`](crate::SandboxBuilder::data) it is deleted with the sandbox.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.storage().is_dir());
    /// # }
    /// ```
    pub fn storage(&self) -> &Path {
        self.service.directory.path()
    }

    /// The bearer token of the first account.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let authorization = format!("Bearer {}", sandbox.token());
    /// # }
    /// ```
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The content that [`sample`](crate::SandboxBuilder::sample) created at the start.
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::builder().sample(true).start().await?;
    /// assert_eq!(sandbox.sample().map(|sample| sample.registry.as_str()), Some("sample"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    /// Opens another, empty account and returns its bearer token.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let other = sandbox.add_account();
    /// assert_ne!(other, sandbox.token());
    /// # }
    /// ```
    pub fn add_account(&self) -> String {
        self.service.change(World::add_account)
    }

    /// The requests that received a response, in order: the newest ones, up to
    /// [`keep_requests`](crate::SandboxBuilder::keep_requests).
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let requests = sandbox.requests();
    /// assert!(requests.iter().all(|request| request.status < 500));
    /// # }
    /// ```
    pub fn requests(&self) -> Vec<RecordedRequest> {
        let entries: Vec<_> = self.service.state().requests.entries().cloned().collect();
        let secret_fields = &self.service.spec.secret_fields;
        entries
            .iter()
            .map(|entry| entry.read(secret_fields))
            .collect()
    }

    /// Clears the log of requests. They still count against the rate limits.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// sandbox.clear_requests();
    /// assert!(sandbox.requests().is_empty());
    /// # }
    /// ```
    pub fn clear_requests(&self) {
        self.service.state().requests.clear();
    }

    /// Queues a response for the next call of an operation that has a valid token and is within the rate limit. That
    /// call changes nothing. Several responses for one operation are sent in order.
    ///
    /// ```
    /// use docr_sandbox::ScriptedResponse;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::ScriptError> {
    /// sandbox.respond_next("registry_get", ScriptedResponse::status(503))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the spec has no such operation, or the response's status or headers can't be sent.
    pub fn respond_next(
        &self,
        operation_id: &str,
        response: ScriptedResponse,
    ) -> Result<(), ScriptError> {
        self.service.respond_next(operation_id, response)
    }

    /// The sandbox's own responses that violate the spec, each of them a bug of the sandbox. Always empty without
    /// [`check_responses`](crate::SandboxBuilder::check_responses).
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::builder().check_responses(true).start().await?;
    /// assert_eq!(sandbox.violations(), []);
    /// # Ok(())
    /// # }
    /// ```
    pub fn violations(&self) -> Vec<Violation> {
        self.service.state().violations.clone()
    }

    /// Pushes an image to a registry of any account, as a Docker client would.
    ///
    /// An existing tag moves; the manifest that it pointed to is kept. Each blob is stored once per registry. Storage
    /// usage counts blobs, not manifests, and what is deleted counts until a garbage collection.
    ///
    /// ```
    /// use docr_sandbox::Image;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::PushError> {
    /// let pushed = sandbox.push("acme", Image::new("shop/api").tag("v1").layer("files"))?;
    /// println!("{}", pushed.digest);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such registry, a garbage collection keeps it read-only, a name is malformed, or the tier has no
    /// room for the image.
    pub fn push(&self, registry: &str, image: Image) -> Result<Pushed, PushError> {
        self.push_tags(registry, image, std::iter::empty::<&str>())
    }

    /// Like [`push`](Self::push), and adds any number of tags to the manifest, a million if need be.
    ///
    /// ```
    /// use docr_sandbox::Image;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) -> Result<(), docr_sandbox::PushError> {
    /// let tags = (0..1000).map(|build| format!("build-{build}"));
    /// sandbox.push_tags("acme", Image::new("shop/api").layer("files"), tags)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for `push`.
    pub fn push_tags<T: AsRef<str>>(
        &self,
        registry: &str,
        image: Image,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<Pushed, PushError> {
        // Collected before the lock is taken: the iterator may use the sandbox.
        let tags = tags.into_iter().map(|tag| tag.as_ref().into()).collect();
        self.service.push(registry, &image, tags)
    }

    /// Adds to what the first account stores, until its last registry is deleted: its first registry shows the bytes,
    /// and the account isn't eligible for tiers that are too small for them.
    ///
    /// ```
    /// use docr_sandbox::Usage;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// sandbox.set_usage(Usage { storage_bytes: 600 << 20, repositories: 3 });
    /// # }
    /// ```
    pub fn set_usage(&self, usage: Usage) {
        let now = self.service.clock.now();
        self.service
            .change(|world| world.first().set_extra(usage, now));
    }

    /// Calls a hook with the method and the path of each request before it is processed, for instance to change the
    /// content of the sandbox while a client reads it, as others do at the real service. `None` removes the hook.
    ///
    /// ```
    /// # async fn example(sandbox: &docr_sandbox::Sandbox) {
    /// sandbox.before_each(Some(|method: &str, path: &str| println!("{method} {path}")));
    /// # }
    /// ```
    pub fn before_each(&self, hook: Option<impl Fn(&str, &str) + Send + Sync + 'static>) {
        let hook = hook.map(|hook| Arc::new(hook) as service::Hook);
        *self
            .service
            .hook
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Deletes a tag or, by its digest, a manifest from a repository, as a client would. `false` if it doesn't exist or
    /// a garbage collection is active.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let deleted = sandbox.delete("acme", "shop/api", "v1");
    /// # }
    /// ```
    pub fn delete(&self, registry: &str, repository: &str, reference: &str) -> bool {
        let now = self.service.clock.now();
        self.service.change(|world| {
            world.settle(now);
            let takes_tags = !world.manifests_leave_tags;
            let Some((account, place)) = world.find_registry(registry) else {
                return false;
            };
            let registry = &mut account.registries[place];
            if registry.active_run().is_some() {
                return false;
            }
            match reference.contains(':') {
                true => registry
                    .store
                    .remove_manifest(repository, reference, takes_tags),
                false => {
                    let repository = registry.store.repository_mut(repository);
                    repository.is_some_and(|repository| repository.untag(reference))
                }
            }
        })
    }

    /// Adds a certificate to the first account and returns its id.
    ///
    /// ```
    /// use docr_sandbox::CertificateSeed;
    ///
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let id = sandbox.add_certificate(CertificateSeed::custom("shop", ["shop.example.com"]));
    /// # }
    /// ```
    pub fn add_certificate(&self, seed: CertificateSeed) -> String {
        self.service.add_certificate(seed)
    }

    /// Marks a certificate of the first account, by its name, as in use or not: one in use can't be deleted. `false` if
    /// there is no such certificate.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.set_certificate_in_use("shop", true));
    /// # }
    /// ```
    pub fn set_certificate_in_use(&self, name: &str, in_use: bool) -> bool {
        self.change_certificate(name, |certificate| certificate.set_in_use(in_use))
    }

    /// Fails the issuance of a certificate of the first account, by its name: its state is `error` from then on. `false`
    /// if there is no such certificate.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.fail_certificate("shop"));
    /// # }
    /// ```
    pub fn fail_certificate(&self, name: &str) -> bool {
        self.change_certificate(name, Certificate::fail)
    }

    fn change_certificate(&self, name: &str, change: impl FnOnce(&mut Certificate)) -> bool {
        self.service.change(|world| {
            let found = world.certificate(name);
            found.map(|(certificate, _)| change(certificate)).is_some()
        })
    }

    /// Renews a Let's Encrypt certificate of the first account, by its name: it gets another id, fingerprint and expiry.
    /// Returns the new id; `None` if there is no such certificate, or it is a custom one, which is never renewed.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let new_id = sandbox.renew_certificate("blog");
    /// # }
    /// ```
    pub fn renew_certificate(&self, name: &str) -> Option<String> {
        let now = self.service.clock.now();
        self.service.change(|world| {
            let found = world.certificate(name);
            let (certificate, ids) = found.filter(|(certificate, _)| certificate.renews())?;
            certificate.renew(ids, now);
            Some(certificate.id.clone())
        })
    }

    /// Adds a Kubernetes cluster, named after its UUID, to the first account and returns the UUID.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let uuid = sandbox.add_cluster();
    /// assert!(sandbox.cluster_registries(&uuid).is_empty());
    /// # }
    /// ```
    pub fn add_cluster(&self) -> String {
        self.service.add_cluster(None)
    }

    /// Adds a Kubernetes cluster with a name to the first account and returns its UUID. Names need not be unique.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// let uuid = sandbox.add_named_cluster("staging");
    /// # }
    /// ```
    pub fn add_named_cluster(&self, name: impl Into<String>) -> String {
        self.service.add_cluster(Some(name.into()))
    }

    /// The registries that a cluster of the first account may pull from.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox, uuid: &str) {
    /// assert_eq!(sandbox.cluster_registries(uuid), ["acme"]);
    /// # }
    /// ```
    pub fn cluster_registries(&self, uuid: &str) -> Vec<String> {
        let world = &mut self.service.state().world;
        let cluster = world.first().clusters.get(uuid).into_iter();
        let registries = cluster.flat_map(|cluster| &cluster.registries);
        registries.cloned().collect()
    }

    /// The number of Docker credentials that were minted for the first account and are still
    /// [known](Self::credentials).
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert_eq!(sandbox.minted_credentials(), 1);
    /// # }
    /// ```
    pub fn minted_credentials(&self) -> usize {
        self.service.state().world.first().credentials.len()
    }

    /// The Docker credentials that were minted for the first account, in order. Beyond 10,000, expired and revoked ones
    /// are forgotten first, then the oldest.
    ///
    /// ```
    /// # fn example(sandbox: &docr_sandbox::Sandbox) {
    /// assert!(sandbox.credentials().iter().all(|credential| credential.revoked));
    /// # }
    /// ```
    pub fn credentials(&self) -> Vec<MintedCredential> {
        let world = &mut self.service.state().world;
        let credentials = world.first().credentials.iter();
        credentials.map(|credential| credential.minted).collect()
    }

    /// Stops the server. Returns once the port is free.
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::start().await?;
    /// sandbox.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("url", &self.url)
            .field("token", &"[redacted]")
            .finish_non_exhaustive()
    }
}
