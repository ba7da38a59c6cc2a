//! How a sandbox is set up and started.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use std::{fmt, io};

use super::data::Data;
use super::event::Events;
use super::fault::Faults;
use super::request_log::{KEPT, RequestLog};
use super::router::router;
use super::sample::Sample;
use super::seed::Seed;
use super::service::{Held, Service};
use super::{End, Sandbox};
use crate::http::limits::ConnectionLimits;
use crate::http::server::Server;
use crate::http::tls::Identity;
use crate::http::written::WrittenPages;
use crate::model::account::{Account, World};
use crate::model::api_token::ApiToken;
use crate::model::certificate::Issuance;
use crate::model::clock::Clock;
use crate::model::collection::GcTiming;
use crate::model::ids::Ids;
use crate::model::rate::RateLimits;
use crate::spec::Spec;
use crate::storage::Directory;

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, with a default token.
    ///
    /// # Errors
    ///
    /// When no port can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Begins a sandbox of which something is chosen.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }
}

/// Chooses how a sandbox behaves. Made by [`Sandbox::builder`].
#[derive(Clone, Default)]
#[must_use]
pub struct SandboxBuilder {
    port: u16,
    token: Option<String>,
    clock: Clock,
    limits: RateLimits,
    connection_limits: ConnectionLimits,
    check_answers: bool,
    seed: u64,
    tls: bool,
    gc_timing: GcTiming,
    issuance: Issuance,
    manifests_leave_tags: bool,
    kept_requests: Option<usize>,
    names_own_host: bool,
    data: Option<PathBuf>,
    content: Option<Seed>,
    sample: bool,
}

impl SandboxBuilder {
    /// Listens on this port. The default, 0, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Gives the first account this bearer token.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Lives in the time of this clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Allows each token so many requests.
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves so many connections, and waits so long for their clients.
    pub fn connection_limits(mut self, limits: ConnectionLimits) -> Self {
        self.connection_limits = limits;
        self
    }

    /// Holds each response, scripted ones excepted, against the spec; see [`Sandbox::violations`].
    pub fn check_answers(mut self, yes: bool) -> Self {
        self.check_answers = yes;
        self
    }

    /// Draws ids, tokens and credentials from this seed. The same seed and the same calls give the same ones,
    /// also with the default seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Speaks HTTPS, with a certificate of its own making: see [`Sandbox::certificate_pem`].
    pub fn tls(mut self, yes: bool) -> Self {
        self.tls = yes;
        self
    }

    /// Lets garbage collections take so long.
    pub fn gc_timing(mut self, timing: GcTiming) -> Self {
        self.gc_timing = timing;
        self
    }

    /// Leaves the tags of a manifest that is deleted, which lead nowhere then. The default takes them along. Which of
    /// these the service does is not documented.
    pub fn manifests_leave_tags(mut self, yes: bool) -> Self {
        self.manifests_leave_tags = yes;
        self
    }

    /// Keeps record of so many requests, the newest ones; fewer if those would take more than 64 MiB. The default is
    /// 10,000. With 0 [`Sandbox::requests`] stays empty.
    pub fn keep_requests(mut self, most: usize) -> Self {
        self.kept_requests = Some(most);
        self
    }

    /// Hands out Docker credentials for its own host, beside those for `registry.digitalocean.com`, so that what merges
    /// them into Docker's configuration logs in here as well. They are the same.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().credentials_for_own_host(true);
    /// ```
    pub fn credentials_for_own_host(mut self, yes: bool) -> Self {
        self.names_own_host = yes;
        self
    }

    /// Keeps everything in a folder: accounts, credentials (of which only hashes are written), images, certificates,
    /// collections. A sandbox that is started with the same folder goes on where this one ends, also when it was
    /// killed: what it has said to be done is written. Only uploads that are under way, and tokens of the registry's
    /// protocol, are lost. The folder is made if it isn't there; one sandbox at a time can use it.
    ///
    /// With a [`token`](Self::token) the first account has that one from then on.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().data("/var/lib/docr-sandbox");
    /// ```
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Begins with this content. [`Sandbox::reset`] brings it back. Where a sandbox of before has left
    /// [`data`](Self::data), the seed is put in only if that has no registry and no certificate yet.
    pub fn content(mut self, seed: Seed) -> Self {
        self.content = Some(seed);
        self
    }

    /// Begins with sample content, as [`Sandbox::add_sample`] puts it in, on the same condition as
    /// [`content`](Self::content).
    pub fn sample(mut self, yes: bool) -> Self {
        self.sample = yes;
        self
    }

    /// Lets Let's Encrypt take so long for a certificate. The default is 10 seconds.
    pub fn issuance(mut self, takes: Duration) -> Self {
        self.issuance.takes = takes;
        self
    }

    /// Lets Let's Encrypt issue for these domains, and names below them, only. Without it all domains are managed.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().managed_domains(["example.com"]);
    /// ```
    pub fn managed_domains<D: Into<String>>(
        mut self,
        domains: impl IntoIterator<Item = D>,
    ) -> Self {
        self.issuance.domains = Some(domains.into_iter().map(Into::into).collect());
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    ///
    /// When the port or a temporary folder can't be opened, an `Authorization` header cannot carry the token, or the
    /// content is refused ([`SeedError`](crate::SeedError)).
    pub async fn start(self) -> io::Result<Sandbox> {
        if self
            .token
            .as_deref()
            .is_some_and(|token| !is_bearer_token(token))
        {
            let message = "a bearer token is made of letters, digits and -._~+/=";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let identity = self.tls.then(Identity::generate).transpose()?;
        let scheme = if self.tls { "https" } else { "http" };
        let (data, kept) = match &self.data {
            Some(folder) => {
                let (data, world) = Data::open(folder)?;
                (Some(data), world)
            }
            None => (None, None),
        };
        let mut world = match kept {
            Some(mut world) => {
                if let Some(token) = self.token {
                    world.first().tokens[0] = ApiToken::full(token);
                }
                world
            }
            None => World::new(self.token, Ids::new(self.seed, 0), Ids::new(self.seed, 2)),
        };
        world.gc_timing = self.gc_timing;
        world.issuance = self.issuance;
        world.manifests_leave_tags = self.manifests_leave_tags;
        let token = world.first().tokens[0].secret.clone();
        let (directory, folder) = match &data {
            Some(data) => (Arc::clone(&data.directory), None),
            None => {
                let (directory, folder) = Directory::temporary()?;
                (directory, Some(folder))
            }
        };
        let service = Arc::new(Service {
            spec: Spec::embedded()?,
            clock: self.clock,
            check_answers: self.check_answers,
            scheme,
            state: Mutex::new(Held {
                world,
                version: 1,
                request_ids: Ids::new(self.seed, 1),
                limits: self.limits,
                scripts: HashMap::new(),
                faults: Faults::default(),
                snapshots: BTreeMap::new(),
                requests: RequestLog::new(self.kept_requests.unwrap_or(KEPT)),
                events: Events::default(),
                violations: Vec::new(),
            }),
            pages: WrittenPages::default(),
            hook: Mutex::default(),
            directory,
            data,
            start: OnceLock::new(),
            names_own_host: self.names_own_host,
        });
        let sample = service.begin(self.content.as_ref(), self.sample)?;
        let server = Server::start(
            self.port,
            router(Arc::clone(&service)),
            identity.as_ref(),
            self.connection_limits,
        )
        .await?;
        Ok(Sandbox {
            url: format!("{scheme}://{}", server.addr),
            server,
            token,
            identity,
            sample,
            _end: End {
                service: Arc::clone(&service),
                _folder: folder,
            },
            service,
        })
    }
}

impl Service {
    /// Puts in what there is to begin with, and remembers that.
    fn begin(&self, seed: Option<&Seed>, sample: bool) -> io::Result<Option<Sample>> {
        let is_new = {
            let world = &self.state().world;
            let empty = |account: &Account| {
                account.registries.is_empty() && account.certificates.is_empty()
            };
            world.accounts().iter().all(empty)
        };
        if let Some(seed) = seed.filter(|_| is_new) {
            self.seed(seed)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        }
        let sample = (sample && is_new).then(|| self.add_sample()).transpose();
        let sample = sample.map_err(io::Error::other)?;
        self.save()?;
        let start = self.snapshot();
        self.start.get_or_init(|| start);
        Ok(sample)
    }
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("port", &self.port)
            .field("token", &self.token.as_ref().map(|_| "[redacted]"))
            .field("clock", &self.clock)
            .field("rate_limits", &self.limits)
            .field("connection_limits", &self.connection_limits)
            .field("check_answers", &self.check_answers)
            .field("seed", &self.seed)
            .field("tls", &self.tls)
            .field("gc_timing", &self.gc_timing)
            .field("issuance", &self.issuance)
            .field("manifests_leave_tags", &self.manifests_leave_tags)
            .field("keep_requests", &self.kept_requests)
            .field("data", &self.data)
            .field("content", &self.content)
            .field("sample", &self.sample)
            .finish()
    }
}

/// The grammar of RFC 6750.
pub(super) fn is_bearer_token(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
}
