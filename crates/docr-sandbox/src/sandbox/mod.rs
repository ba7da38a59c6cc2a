//! The handle that users hold.

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
use self::script::{ScriptError, ScriptedAnswer};
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
pub struct Sandbox {
    service: Arc<Service>,
    server: Server,
    url: String,
    token: String,
    identity: Option<Identity>,
    sample: Option<Sample>,
    _end: End,
}

/// What happens when the sandbox is dropped, though clients may hold connections still.
struct End {
    service: Arc<Service>,
    /// Where the files of blobs are, if those end with it.
    _folder: Option<TempDir>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.service.close();
    }
}

impl Sandbox {
    /// The base URL, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// The certificate that a client must trust, PEM; `None` without [`tls`](crate::SandboxBuilder::tls).
    pub fn certificate_pem(&self) -> Option<&str> {
        let identity = self.identity.as_ref()?;
        Some(&identity.certificate_pem)
    }

    /// The folder with the files of blobs. Without [`data`](crate::SandboxBuilder::data) it is gone with the sandbox.
    pub fn storage(&self) -> &Path {
        self.service.directory.path()
    }

    /// The bearer token of the first account.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What [`sample`](crate::SandboxBuilder::sample) has put in when it was started.
    pub fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    /// Opens another account, with nothing in it, and returns its bearer token.
    pub fn add_account(&self) -> String {
        self.service.change(World::add_account)
    }

    /// The requests that were answered, in order: the newest ones, as many as
    /// [`keep_requests`](crate::SandboxBuilder::keep_requests) says.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        let entries: Vec<_> = self.service.state().requests.entries().cloned().collect();
        let secret_fields = &self.service.spec.secret_fields;
        entries
            .iter()
            .map(|entry| entry.read(secret_fields))
            .collect()
    }

    /// Forgets the requests so far. Rate limits still count them.
    pub fn clear_requests(&self) {
        self.service.state().requests.clear();
    }

    /// Queues a response: the operation's next call that has a good token and is within the rate limit gets it
    /// and changes nothing. Several responses for one operation are used up in order.
    ///
    /// # Errors
    ///
    /// When the spec has no such operation, or the response's status or headers can't be sent.
    pub fn answer_next(
        &self,
        operation_id: &str,
        answer: ScriptedAnswer,
    ) -> Result<(), ScriptError> {
        self.service.answer_next(operation_id, answer)
    }

    /// The sandbox's own responses that broke the spec: always empty unless
    /// [`check_answers`](crate::SandboxBuilder::check_answers) is on, and then a bug of the sandbox if it is not.
    pub fn violations(&self) -> Vec<Violation> {
        self.service.state().violations.clone()
    }

    /// Puts an image into a registry of any account, as a Docker client would push it.
    ///
    /// A tag that is there moves; the manifest it pointed to stays, without it. Blobs that the registry has are
    /// stored once. Storage counts blobs, not manifests, and what is deleted counts until a garbage collection.
    ///
    /// # Errors
    ///
    /// When there is no such registry or a garbage collection keeps it read-only, a name is malformed, or the tier
    /// does not include what is pushed.
    pub fn push(&self, registry: &str, image: Image) -> Result<Pushed, PushError> {
        self.push_tags(registry, image, std::iter::empty::<&str>())
    }

    /// Like [`push`](Self::push), and points many more tags to the manifest: a million is no trouble.
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
        // Read before the lock is taken: the iterator may use the sandbox.
        let tags = tags.into_iter().map(|tag| tag.as_ref().into()).collect();
        self.service.push(registry, &image, tags)
    }

    /// Lets the first account store so much on top of what is pushed, until its last registry is deleted. It
    /// decides with that which tiers the account may have, and its first registry shows the bytes.
    pub fn set_usage(&self, usage: Usage) {
        let now = self.service.clock.now();
        self.service
            .change(|world| world.first().set_extra(usage, now));
    }

    /// Runs this before each request is looked at, with its method and its path: to change what is in the sandbox while a
    /// client reads it, as others do at the real service. `None` ends it.
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

    /// Takes a tag from a repository, or a manifest if it is a digest, as a client does that deletes it.
    /// `false` if it isn't there, or a garbage collection is active.
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

    /// Puts a certificate into the first account and returns its id.
    pub fn add_certificate(&self, seed: CertificateSeed) -> String {
        self.service.add_certificate(seed)
    }

    /// Lets something use a certificate of the first account, by its name, or let go of it: one in use can't be
    /// deleted. `false` if there is no such certificate.
    pub fn set_certificate_in_use(&self, name: &str, in_use: bool) -> bool {
        self.change_certificate(name, |certificate| certificate.set_in_use(in_use))
    }

    /// Ends the issuance of a certificate of the first account, by its name, in the state `error`. `false` if there
    /// is no such certificate.
    pub fn fail_certificate(&self, name: &str) -> bool {
        self.change_certificate(name, Certificate::fail)
    }

    fn change_certificate(&self, name: &str, change: impl FnOnce(&mut Certificate)) -> bool {
        self.service.change(|world| {
            let found = world.certificate(name);
            found.map(|(certificate, _)| change(certificate)).is_some()
        })
    }

    /// Renews a certificate of the first account by its name, as Let's Encrypt does after a while: it gets
    /// another id, fingerprint and expiry. Returns the new id, `None` if Let's Encrypt has no such certificate: one
    /// that was uploaded is never renewed.
    pub fn renew_certificate(&self, name: &str) -> Option<String> {
        let now = self.service.clock.now();
        self.service.change(|world| {
            let found = world.certificate(name);
            let (certificate, ids) = found.filter(|(certificate, _)| certificate.renews())?;
            certificate.renew(ids, now);
            Some(certificate.id.clone())
        })
    }

    /// Puts a Kubernetes cluster into the first account and returns its UUID. It is named after that.
    pub fn add_cluster(&self) -> String {
        self.service.add_cluster(None)
    }

    /// Puts a Kubernetes cluster into the first account, by a name for clients that look it up, and returns its UUID.
    /// Several may have the same name.
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
    pub fn cluster_registries(&self, uuid: &str) -> Vec<String> {
        let world = &mut self.service.state().world;
        let cluster = world.first().clusters.get(uuid).into_iter();
        let registries = cluster.flat_map(|cluster| &cluster.registries);
        registries.cloned().collect()
    }

    /// How many Docker credentials were handed out to the first account, as far as they are [known](Self::credentials).
    pub fn minted_credentials(&self) -> usize {
        self.service.state().world.first().credentials.len()
    }

    /// The Docker credentials that were handed out to the first account, in order. Of more than 10,000, those that have
    /// expired or were revoked are forgotten, and then the oldest.
    pub fn credentials(&self) -> Vec<MintedCredential> {
        let world = &mut self.service.state().world;
        let credentials = world.first().credentials.iter();
        credentials.map(|credential| credential.minted).collect()
    }

    /// Stops the server. Returns when the port is free.
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
