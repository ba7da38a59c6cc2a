//! The sandbox that all share, with what befalls it, and what may never be seen in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use docr_sandbox::{
    CertificateSeed, Fault, Image, RateLimits, RecordedRequest, Sandbox, ScriptedAnswer,
};
use docr_tests::{
    raw_server::RefusingPort,
    sandbox::{TOKEN, registry_name},
};
use serde_json::Value;

use super::schedule::{PER_HOUR, PER_MINUTE, Schedule};

pub(super) const REPOSITORIES: [&str; 2] = ["shop/api", "shop/web"];
/// How many tags of each repository are kept.
pub(super) const KEPT: usize = 2;
const HTML: &str = "<h1>Bad gateway</h1>";

pub(super) struct World {
    pub(super) schedule: Arc<Schedule>,
    /// `None` while it is down.
    sandbox: Option<Sandbox>,
    port: RefusingPort,
    folder: tempfile::TempDir,
    /// What was pushed to each repository: the tags, the newest last.
    pushed: BTreeMap<&'static str, Vec<String>>,
    pub(super) edge: Arc<Mutex<Edge>>,
    has_arrived: Arc<AtomicBool>,
    /// What a request comes to that meets the fault.
    fate: Fate,
    pub(super) figures: Figures,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Done,
    /// It is done, and the client is not told.
    Untold,
    NotDone,
}

/// A load balancer, which uses one certificate at a time.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) certificate: String,
    /// What it is to use from now on.
    pub(super) next: Option<String>,
    /// How many certificates it was to have.
    pub(super) count: u32,
    pub(super) is_rotating: bool,
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) requests: u64,
    pub(super) faults: u64,
    pub(super) jobs: u64,
    pub(super) failed_jobs: u64,
    pub(super) kills: u64,
    pub(super) restarts: u64,
    pub(super) days: u64,
    /// Credentials of which the response was lost.
    pub(super) lost_credentials: u64,
}

impl Figures {
    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.faults += other.faults;
        self.jobs += other.jobs;
        self.failed_jobs += other.failed_jobs;
        self.kills += other.kills;
        self.restarts += other.restarts;
        self.days += other.days;
        self.lost_credentials += other.lost_credentials;
    }
}

impl World {
    pub(super) async fn new(schedule: &Arc<Schedule>) -> Self {
        let mut world = Self {
            schedule: Arc::clone(schedule),
            sandbox: None,
            port: RefusingPort::take(),
            folder: tempfile::tempdir().unwrap(),
            pushed: BTreeMap::new(),
            edge: Arc::new(Mutex::new(Edge {
                certificate: "edge-0".to_owned(),
                next: None,
                count: 0,
                is_rotating: false,
            })),
            has_arrived: Arc::default(),
            fate: Fate::default(),
            figures: Figures::default(),
        };
        world.start().await;
        let certificate = CertificateSeed::lets_encrypt("edge-0", ["shop.example.com"]);
        world.sandbox().add_certificate(certificate.in_use());
        world
    }

    async fn start(&mut self) {
        let builder = Sandbox::builder()
            .token(TOKEN)
            .clock(self.schedule.clock.clone())
            .port(self.port.address().port())
            .rate_limits(RateLimits {
                per_minute: PER_MINUTE,
                per_hour: PER_HOUR,
            })
            .data(self.folder.path());
        let sandbox = builder.start().await.unwrap();
        let has_arrived = Arc::clone(&self.has_arrived);
        sandbox.before_each(Some(move |_: &str, _: &str| {
            has_arrived.store(true, SeqCst)
        }));
        self.sandbox = Some(sandbox);
    }

    pub(super) async fn restart(&mut self) {
        self.figures.restarts += 1;
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.stop().await;
        }
        self.start().await;
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// Whether the request that was let go has come so far.
    pub(super) fn has_arrived(&self) -> bool {
        self.has_arrived.load(SeqCst)
    }

    /// Lets something befall the next request, or not.
    pub(super) fn prepare(&mut self, share: u32) {
        self.has_arrived.store(false, SeqCst);
        if !self.schedule.chance(share) {
            return;
        }
        self.figures.faults += 1;
        let answer = |status: u16| Fault::answer(ScriptedAnswer::html(status, HTML));
        let kind = self.schedule.draw(|random| random.u32(..10));
        self.fate = match kind {
            5 | 7 => Fate::Untold,
            8 => Fate::Done,
            _ => Fate::NotDone,
        };
        let fault = match kind {
            0 => answer(500),
            1 => answer(502),
            2 => answer(503),
            3 => Fault::answer(ScriptedAnswer::status(429).header("retry-after", "7")),
            4 => {
                // The second is beyond every deadline.
                let wait = self.schedule.draw(|random| random.choice(["20", "1800"]));
                let busy = ScriptedAnswer::html(503, HTML).header("retry-after", wait.unwrap());
                Fault::answer(busy)
            }
            5 => Fault::lost(),
            6 => Fault::reset(),
            7 => Fault::cut_off(self.schedule.draw(|random| random.u64(..60))),
            8 => Fault::latency(Duration::from_millis(1)),
            // A success that says nothing. Where something is done that would be a lie which nobody can see through.
            _ => Fault::answer(ScriptedAnswer::json(200, serde_json::json!({})))
                .method("GET")
                .path("/v2/certificates"),
        };
        self.sandbox().add_fault(fault.times(1)).unwrap();
    }

    /// The requests that have come since, of which there is one unless it never arrived.
    pub(super) fn take_requests(&mut self) -> Vec<RecordedRequest> {
        let sandbox = self.sandbox();
        let requests = sandbox.requests();
        sandbox.clear_requests();
        sandbox.clear_faults();
        self.figures.requests += requests.len() as u64;
        for request in &requests {
            assert!(
                request.status != 429 || request.fault.is_some(),
                "the rate limit was exceeded"
            );
        }
        requests
    }

    /// What has come of a request.
    pub(super) fn fate(&self, request: &RecordedRequest) -> Fate {
        match request.fault {
            _ if !(200..300).contains(&request.status) => Fate::NotDone,
            Some(_) => self.fate,
            None => Fate::Done,
        }
    }

    /// Pushes an image of its own content, as a build does: of one platform or two.
    pub(super) fn push(&mut self) {
        let place = self
            .schedule
            .draw(|random| random.usize(..REPOSITORIES.len()));
        let repository = REPOSITORIES[place];
        let number = self.schedule.draw(|random| random.u64(..));
        let part = |number| Image::new(repository).sized_layer(number, 1_000);
        let image = match number % 3 {
            0 => Image::index(repository)
                .child(part(number))
                .child(part(number ^ 1)),
            _ => part(number),
        };
        let tags = self.pushed.entry(repository).or_default();
        let tag = format!("build-{}", tags.len());
        self.schedule.clock.advance(Duration::from_secs(1));
        let sandbox = self.sandbox.as_ref().unwrap();
        // A garbage collection keeps the registry read-only, and before it is made there is none.
        if sandbox
            .push(registry_name().as_str(), image.tag(tag.as_str()))
            .is_ok()
        {
            tags.push(tag);
        }
    }

    /// What the load balancer was told is done.
    pub(super) fn settle_edge(&self) {
        let mut edge = self.edge.lock().unwrap();
        if let Some(next) = edge.next.take() {
            assert!(
                self.sandbox().set_certificate_in_use(&next, true),
                "{next} is gone"
            );
            self.sandbox()
                .set_certificate_in_use(&edge.certificate, false);
            edge.certificate = next;
        }
    }

    /// Renews the certificate of the load balancer, as Let's Encrypt does.
    pub(super) fn renew(&self) {
        let certificate = self.edge.lock().unwrap().certificate.clone();
        self.sandbox().renew_certificate(&certificate);
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn state(&self) -> State {
        State::of(self.folder())
    }

    /// Credentials that are good and don't end soon: those of a month, and not the few hours' of the caches.
    pub(super) fn live(&self) -> usize {
        let credentials = self.sandbox().credentials();
        { credentials.iter() }
            .filter(|minted| !minted.revoked && minted.expiry_seconds > 86_400)
            .count()
    }

    /// What holds at any time.
    pub(super) fn check(&self) {
        let state = self.state();
        state.is_whole();
        for (repository, tags) in &self.pushed {
            let there = state.tags(repository);
            for tag in tags.iter().rev().take(KEPT) {
                assert!(there.contains(tag.as_str()), "{repository}:{tag} is lost");
            }
        }
        let edge = self.edge.lock().unwrap();
        let certificates = state.certificates();
        assert!(
            certificates.contains(edge.certificate.as_str()),
            "{edge:?} is without its certificate"
        );
    }
}

/// What is written down of the account.
pub(super) struct State(Value);

impl State {
    pub(super) fn of(folder: &Path) -> Self {
        let text = fs::read(folder.join("state.json")).unwrap();
        let mut world: Value = serde_json::from_slice(&text).unwrap();
        Self(world["accounts"][0].take())
    }

    /// The document of a manifest.
    pub(super) fn document(&self, repository: &str, digest: &str) -> Option<String> {
        let mut all = self.repositories();
        let found = all.find(|found| found["name"] == repository)?;
        found["manifests"][digest]["text"]
            .as_str()
            .map(str::to_owned)
    }

    fn array<'a>(value: &'a Value) -> impl Iterator<Item = &'a Value> + use<'a> {
        value.as_array().into_iter().flatten()
    }

    pub(super) fn registries(&self) -> Vec<&str> {
        let names = Self::array(&self.0["registries"]).map(|registry| registry["name"].as_str());
        names.map(Option::unwrap).collect()
    }

    pub(super) fn certificates(&self) -> BTreeSet<&str> {
        let all = Self::array(&self.0["certificates"]);
        all.map(|certificate| certificate["seed"]["name"].as_str().unwrap())
            .collect()
    }

    fn repositories(&self) -> impl Iterator<Item = &Value> {
        let registries = Self::array(&self.0["registries"]);
        registries.flat_map(|registry| Self::array(&registry["store"]["repositories"]))
    }

    fn tags(&self, name: &str) -> BTreeSet<&str> {
        let mut all = self.repositories();
        let repository = all.find(|repository| repository["name"] == name);
        let tags = repository.and_then(|repository| repository["tags"].as_object());
        tags.into_iter()
            .flat_map(|tags| tags.keys().map(String::as_str))
            .collect()
    }

    /// Each tag leads to an image that is there with all its parts.
    fn is_whole(&self) {
        for repository in self.repositories() {
            let manifests = &repository["manifests"];
            for (name, tag) in repository["tags"].as_object().unwrap() {
                let digest = tag["digest"].as_str().unwrap();
                let parts = Self::array(&manifests[digest]["children"]);
                let parts = parts.map(|part| part.as_str().unwrap());
                for needed in parts.chain([digest]) {
                    assert!(manifests[needed].is_object(), "{name} lacks {needed}");
                }
            }
        }
    }
}
