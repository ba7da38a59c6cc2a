//! The handle that users hold.

mod as_registry;
pub(crate) mod builder;
mod data;
mod doors;
pub(crate) mod event;
pub(crate) mod request_log;
mod router;
pub(crate) mod sample;
mod saving;
pub(crate) mod script;
pub(crate) mod service;
mod ui;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use tempfile::TempDir;

use self::request_log::RecordedRequest;
use self::script::{ScriptError, ScriptedAnswer};
use self::service::Service;
use crate::http::conformance::Violation;
use crate::http::server::Server;
use crate::http::tls::Identity;
use crate::model::account::World;
use crate::model::certificate::{Certificate, CertificateSeed};
use crate::model::credential::MintedCredential;
use crate::model::image::{Image, PushError, Pushed};
use crate::model::push;
use crate::model::tier::Usage;

/// A running sandbox. Dropping it stops the server.
pub struct Sandbox {
    service: Arc<Service>,
    server: Server,
    url: String,
    token: String,
    identity: Option<Identity>,
    _events: OpenEvents,
    _folder: Folder,
}

/// Lets those who watch go when it is dropped: their connections would never end.
struct OpenEvents(Arc<Service>);

impl Drop for OpenEvents {
    fn drop(&mut self) {
        self.0.state().events.close();
    }
}

/// Where the files of blobs are. Dropped with the sandbox, though clients may hold connections still.
enum Folder {
    /// It is gone then.
    Temporary(#[allow(dead_code, reason = "is there to be dropped")] TempDir),
    /// It is left to the next sandbox then.
    Lasting(Arc<Service>),
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Self::Lasting(service) = self {
            service.close();
        }
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
        if self.service.spec.operation(operation_id).is_none() {
            let nearest = self.service.spec.nearest(operation_id).to_owned();
            return Err(ScriptError::UnknownOperation(
                operation_id.to_owned(),
                nearest,
            ));
        }
        let answer = answer.prepare()?;
        self.service
            .state()
            .scripts
            .entry(operation_id.to_owned())
            .or_default()
            .push_back(answer);
        Ok(())
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
        let now = self.service.clock.now();
        self.service
            .change(|world| push::push(world, registry, &image, tags, now))
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

    /// Takes a tag from a repository, or a manifest with all its tags if it is a digest, as a client does that deletes it.
    /// `false` if it isn't there, or a garbage collection is active.
    pub fn delete(&self, registry: &str, repository: &str, reference: &str) -> bool {
        let now = self.service.clock.now();
        self.service.change(|world| {
            world.settle(now);
            let Some((account, place)) = world.find_registry(registry) else {
                return false;
            };
            let registry = &mut account.registries[place];
            if registry.active_run().is_some() {
                return false;
            }
            match reference.contains(':') {
                true => registry.store.remove_manifest(repository, reference),
                false => {
                    let repository = registry.store.repository_mut(repository);
                    repository.is_some_and(|repository| repository.untag(reference))
                }
            }
        })
    }

    /// Puts a certificate into the first account and returns its id.
    pub fn add_certificate(&self, seed: CertificateSeed) -> String {
        let now = self.service.clock.now();
        self.service.change(|world| {
            let certificate = Certificate::new(seed, &mut world.ids, now);
            let id = certificate.id.clone();
            world.first().certificates.push(certificate);
            id
        })
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
            let mut all = world.first().certificates.iter_mut();
            let found = all.find(|certificate| certificate.name() == name);
            found.map(change).is_some()
        })
    }

    /// Renews a certificate of the first account by its name, as Let's Encrypt does after a while: it gets
    /// another id, fingerprint and expiry. Returns the new id, `None` if Let's Encrypt has no such certificate: one
    /// that was uploaded is never renewed.
    pub fn renew_certificate(&self, name: &str) -> Option<String> {
        let now = self.service.clock.now();
        self.service.change(|world| {
            let all = &world.first().certificates;
            let place = all
                .iter()
                .position(|certificate| certificate.name() == name && certificate.renews())?;
            let mut renewed = world.first().certificates.remove(place);
            renewed.renew(&mut world.ids, now);
            let id = renewed.id.clone();
            world.first().certificates.insert(place, renewed);
            Some(id)
        })
    }

    /// Puts a Kubernetes cluster into the first account and returns its UUID.
    pub fn add_cluster(&self) -> String {
        self.service.change(|world| {
            let uuid = world.ids.uuid();
            world.first().clusters.entry(uuid.clone()).or_default();
            uuid
        })
    }

    /// The registries that a cluster of the first account may pull from.
    pub fn cluster_registries(&self, uuid: &str) -> Vec<String> {
        let world = &mut self.service.state().world;
        let held = world.first().clusters.get(uuid).into_iter().flatten();
        held.cloned().collect()
    }

    /// How many Docker credentials were handed out to the first account.
    pub fn minted_credentials(&self) -> usize {
        self.service.state().world.first().credentials.len()
    }

    /// The Docker credentials that were handed out to the first account, in order.
    pub fn credentials(&self) -> Vec<MintedCredential> {
        let world = &mut self.service.state().world;
        let credentials = world.first().credentials.iter();
        credentials.map(|credential| credential.minted).collect()
    }

    /// The time it lives in.
    #[cfg(feature = "record")]
    pub(crate) fn clock(&self) -> &crate::model::clock::Clock {
        &self.service.clock
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
