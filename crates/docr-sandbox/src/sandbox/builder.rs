//! Configures and starts a sandbox.

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
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::start().await?;
    /// println!("{}", sandbox.url());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If no port can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with the default options.
    ///
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::builder().port(8080).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }
}

/// The options of a sandbox. Created by [`Sandbox::builder`].
///
/// ```
/// use docr_sandbox::{Clock, Sandbox};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = Clock::manual("2026-01-12T09:30:00Z".parse()?);
/// let builder = Sandbox::builder().token("dop_v1_local").clock(clock).check_responses(true);
/// let sandbox = builder.start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct SandboxBuilder {
    port: u16,
    token: Option<String>,
    clock: Clock,
    limits: RateLimits,
    connection_limits: ConnectionLimits,
    check_responses: bool,
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
    /// Sets the port to listen on. The default, 0, picks a free one.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().port(8080);
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the bearer token of the first account.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().token("dop_v1_local");
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the clock that everything in the sandbox follows. The default is the system's.
    ///
    /// ```
    /// use docr_sandbox::{Clock, Sandbox};
    ///
    /// let clock = Clock::at_rate(60);
    /// let builder = Sandbox::builder().clock(clock.clone());
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how many requests each token may make.
    ///
    /// ```
    /// use docr_sandbox::{RateLimits, Sandbox};
    ///
    /// let builder = Sandbox::builder().rate_limits(RateLimits { per_minute: 5, per_hour: 100 });
    /// ```
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Limits connections, and how long the sandbox waits for clients.
    ///
    /// ```
    /// use docr_sandbox::{ConnectionLimits, Sandbox};
    ///
    /// let limits = ConnectionLimits { connections: 16, ..ConnectionLimits::default() };
    /// let builder = Sandbox::builder().connection_limits(limits);
    /// ```
    pub fn connection_limits(mut self, limits: ConnectionLimits) -> Self {
        self.connection_limits = limits;
        self
    }

    /// Validates each response, except scripted ones, against the spec: see [`Sandbox::violations`].
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().check_responses(true);
    /// ```
    pub fn check_responses(mut self, yes: bool) -> Self {
        self.check_responses = yes;
        self
    }

    /// Sets the seed from which ids, tokens and credentials are generated. The same calls produce the same ones, with
    /// the default seed, too.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().seed(42);
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Serves HTTPS with a self-signed certificate: see [`Sandbox::certificate_pem`].
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().tls(true);
    /// ```
    pub fn tls(mut self, yes: bool) -> Self {
        self.tls = yes;
        self
    }

    /// Sets how long garbage collections take.
    ///
    /// ```
    /// use std::time::Duration;
    /// use docr_sandbox::{GcTiming, Sandbox};
    ///
    /// let timing = GcTiming { waiting: Duration::ZERO, ..GcTiming::default() };
    /// let builder = Sandbox::builder().gc_timing(timing);
    /// ```
    pub fn gc_timing(mut self, timing: GcTiming) -> Self {
        self.gc_timing = timing;
        self
    }

    /// Keeps the tags of a deleted manifest, which then point to nothing. By default they are deleted with it. What the
    /// service does is not documented.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().manifests_leave_tags(true);
    /// ```
    pub fn manifests_leave_tags(mut self, yes: bool) -> Self {
        self.manifests_leave_tags = yes;
        self
    }

    /// Sets how many of the newest requests are kept, 10,000 by default; fewer if these would take more than 64 MiB.
    /// With 0, [`Sandbox::requests`] is always empty.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().keep_requests(100);
    /// ```
    pub fn keep_requests(mut self, most: usize) -> Self {
        self.kept_requests = Some(most);
        self
    }

    /// Adds the sandbox's own host to the Docker credentials that it mints, beside `registry.digitalocean.com`, so that a
    /// client that merges them into Docker's configuration is logged in to the sandbox, too.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().credentials_for_own_host(true);
    /// ```
    pub fn credentials_for_own_host(mut self, yes: bool) -> Self {
        self.names_own_host = yes;
        self
    }

    /// Keeps everything in a directory: accounts, credentials (only as hashes), images, certificates and garbage
    /// collections. A later sandbox with the same directory continues where this one stopped, even if it was killed:
    /// whatever a response has confirmed is written. Only unfinished uploads and tokens of the registry's protocol are
    /// lost. The directory is created if it is missing; only one sandbox at a time can use it.
    ///
    /// A [`token`](Self::token) replaces that of the first account.
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().data("/var/lib/docr-sandbox");
    /// ```
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Starts with this content, which [`Sandbox::reset`] restores. With [`data`](Self::data) of an earlier sandbox it is
    /// added only if there is no registry and no certificate yet.
    ///
    /// ```
    /// use docr_sandbox::{Sandbox, Seed};
    ///
    /// let seed = Seed::from_json(r#"{ "accounts": [{ "registries": [{ "name": "acme" }] }] }"#)?;
    /// let builder = Sandbox::builder().content(seed);
    /// # Ok::<(), docr_sandbox::SeedError>(())
    /// ```
    pub fn content(mut self, seed: Seed) -> Self {
        self.content = Some(seed);
        self
    }

    /// Starts with the content of [`Sandbox::add_sample`], under the same condition as [`content`](Self::content).
    ///
    /// ```
    /// let builder = docr_sandbox::Sandbox::builder().sample(true);
    /// ```
    pub fn sample(mut self, yes: bool) -> Self {
        self.sample = yes;
        self
    }

    /// Sets how long Let's Encrypt takes to issue a certificate. The default is 10 seconds.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = docr_sandbox::Sandbox::builder().issuance(Duration::from_secs(60));
    /// ```
    pub fn issuance(mut self, takes: Duration) -> Self {
        self.issuance.takes = takes;
        self
    }

    /// Restricts Let's Encrypt to these domains and their subdomains. By default it issues for any domain.
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
    /// ```
    /// # async fn example() -> std::io::Result<()> {
    /// let sandbox = docr_sandbox::Sandbox::builder().token("dop_v1_local").start().await?;
    /// assert_eq!(sandbox.token(), "dop_v1_local");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the port or the directory can't be opened, the token can't be sent in an `Authorization` header, or the
    /// content is invalid ([`SeedError`](crate::SeedError)).
    pub async fn start(self) -> io::Result<Sandbox> {
        if self
            .token
            .as_deref()
            .is_some_and(|token| !is_bearer_token(token))
        {
            let message = "a bearer token may contain only letters, digits and -._~+/=";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let identity = self.tls.then(Identity::generate).transpose()?;
        let scheme = if self.tls { "https" } else { "http" };
        let (data, kept) = match &self.data {
            Some(directory) => {
                let (data, world) = Data::open(directory)?;
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
            check_responses: self.check_responses,
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
    /// Adds the initial content, and takes a snapshot to reset to.
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
            .field("check_responses", &self.check_responses)
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

/// Whether a text is a bearer token by RFC 6750.
pub(super) fn is_bearer_token(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
}
