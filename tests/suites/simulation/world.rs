//! The sandbox that all clients share, what happens to it, and what must hold there at any time.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use docr::{FileBudget, LocalBudget};
use docr_sandbox::{
    CertificateSeed, Fault, RateLimits, RecordedRequest, Sandbox, ScriptedResponse,
};
use docr_tests::{raw_server::RefusingPort, sandbox::TOKEN};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    credentials::Credentials,
    hand::Turns,
    pushes::{Pruning, Pushes},
    schedule::Schedule,
    state::State,
};

/// What the token allows: so much less than the service does that it is used up now and then.
const PER_MINUTE: u32 = 12;
const PER_HOUR: u32 = 120;
const HTML: &str = "<h1>Bad gateway</h1>";

pub(super) struct World {
    pub(super) schedule: Arc<Schedule>,
    /// `None` while it is down.
    sandbox: Option<Sandbox>,
    port: RefusingPort,
    folder: tempfile::TempDir,
    pub(super) pushes: Pushes,
    pub(super) credentials: Credentials,
    /// Registries and certificates that were reported to be there, and that nobody deletes.
    lasting: BTreeSet<String>,
    pub(super) edge: Arc<Mutex<Edge>>,
    /// What a request comes to that meets the fault.
    fate: Fate,
    pub(super) figures: Figures,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Done,
    /// It is done, and the response lost.
    Lost,
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
    pub(super) pushes: u64,
    pub(super) deletions: u64,
    /// Tags that were pushed after the last look, and deleted.
    pub(super) raced: u64,
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
        self.pushes += other.pushes;
        self.deletions += other.deletions;
        self.raced += other.raced;
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
            pushes: Pushes::default(),
            credentials: Credentials::default(),
            lasting: BTreeSet::new(),
            edge: Arc::new(Mutex::new(Edge {
                certificate: "edge-0".to_owned(),
                next: None,
                count: 0,
                is_rotating: false,
            })),
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
            .data(self.data());
        let sandbox = builder.start().await.unwrap();
        let schedule = Arc::clone(&self.schedule);
        sandbox.before_each(Some(move |_: &str, _: &str| schedule.arrived()));
        self.sandbox = Some(sandbox);
    }

    /// Stops the sandbox, and starts another one with what it has saved.
    pub(super) async fn restart(&mut self) {
        self.figures.restarts += 1;
        let Some(sandbox) = self.sandbox.take() else {
            return;
        };
        let before = sandbox.credentials();
        sandbox.stop().await;
        self.start().await;
        assert_eq!(self.sandbox().credentials(), before, "after a restart");
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// The budgets of so many clients: one that they share, or the same file for each of them.
    pub(super) fn budgets(&self, is_in_files: bool, clients: usize) -> Vec<Turns> {
        let limits = docr::RateLimits::new(PER_MINUTE, PER_HOUR);
        let shared = Turns {
            budget: Arc::new(LocalBudget::limited_to(limits)),
            waits: self.schedule.new_group(),
            reports: self.schedule.new_group(),
        };
        let in_file = || {
            let budget = FileBudget::new(self.folder().join("budgets"), &TOKEN.into());
            Turns {
                budget: Arc::new(budget.limits(limits)),
                waits: self.schedule.new_group(),
                reports: self.schedule.new_group(),
            }
        };
        let turns = |_| match is_in_files {
            true => in_file(),
            false => shared.clone(),
        };
        (0..clients).map(turns).collect()
    }

    /// Applies a fault to the next request, or none.
    pub(super) fn prepare(&mut self, share: u32) {
        if !self.schedule.chance(share) {
            return;
        }
        self.figures.faults += 1;
        let response = |status: u16| Fault::response(ScriptedResponse::html(status, HTML));
        let kind = self.schedule.draw(|random| random.u32(..10));
        self.fate = match kind {
            5 | 7 => Fate::Lost,
            8 => Fate::Done,
            _ => Fate::NotDone,
        };
        let fault = match kind {
            0 => response(500),
            1 => response(502),
            2 => response(503),
            3 => Fault::response(ScriptedResponse::status(429).header("retry-after", "7")),
            4 => {
                // The second is beyond every deadline.
                let wait = self.schedule.draw(|random| random.choice(["20", "1800"]));
                let busy = ScriptedResponse::html(503, HTML).header("retry-after", wait.unwrap());
                Fault::response(busy)
            }
            5 => Fault::lost(),
            6 => Fault::reset(),
            7 => Fault::cut_off(self.schedule.draw(|random| random.u64(..60))),
            8 => Fault::latency(Duration::from_millis(1)),
            // A success without what was asked for. For a call that changes something this would be a lie that nobody can
            // see through.
            _ => Fault::response(ScriptedResponse::json(200, serde_json::json!({})))
                .method("GET")
                .path("/v2/certificates"),
        };
        self.sandbox().add_fault(fault.times(1)).unwrap();
    }

    /// The requests since the last time: one, unless it never arrived, or several of the registry's own protocol.
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

    /// Notes what a request of a client has listed, deleted or minted.
    pub(super) fn note(&mut self, request: &RecordedRequest, pruning: &mut Pruning) {
        let fate = self.fate(request);
        let is_done = fate != Fate::NotDone;
        let schedule = Arc::clone(&self.schedule);
        self.pushes.note(request, is_done, pruning, &schedule);
        self.figures.deletions += u64::from(is_done && request.method == "DELETE");
        if mints(request) && fate == Fate::Lost {
            self.figures.lost_credentials += 1;
            let sandbox = self.sandbox.as_ref().unwrap();
            self.credentials.lost_newest(sandbox);
        }
    }

    /// Waits until the sandbox has saved what the requests before have changed, though nobody waits for their responses.
    pub(super) async fn saved(&self) {
        let mut stream = TcpStream::connect(self.sandbox().addr()).await.unwrap();
        let request = b"GET /v2/registries HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        // Without a token: it counts for nobody's limit.
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        self.sandbox().clear_requests();
    }

    /// Pushes an image, and returns which; `None` while the registry takes none.
    pub(super) fn push(&mut self) -> Option<String> {
        let sandbox = self.sandbox.as_ref().unwrap();
        let pushed = self.pushes.push(&self.schedule, sandbox)?;
        self.figures.pushes += 1;
        Some(pushed)
    }

    /// Lets the load balancer use the certificate that it was given.
    pub(super) fn settle_edge(&self) {
        let mut edge = self.edge.lock().unwrap();
        if let Some(next) = edge.next.take() {
            assert!(
                self.sandbox().set_certificate_in_use(&next, true),
                "{next} is missing"
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

    /// For files of clients.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.folder().join("sandbox")
    }

    /// Notes a registry or a certificate that was reported to be there, and that nobody deletes.
    pub(super) fn lasts(&mut self, name: &str) {
        self.lasting.insert(name.to_owned());
    }

    /// What holds while nobody uses the credentials in files.
    pub(super) fn check_files(&self) {
        let now = self.schedule.clock.now();
        self.credentials.check_in_files(self.sandbox(), now);
        let files = fs::read_dir(self.folder().join("credentials"));
        let names: Vec<_> = { files.into_iter().flatten() }
            .map(|file| file.unwrap().file_name())
            .collect();
        assert!(names.len() <= 2, "a file and its lock: {names:?}");
    }

    /// What holds at any time.
    pub(super) fn check(&self) {
        let state = State::of(&self.data());
        self.pushes.check(&state);
        let (registries, certificates) = (state.registries(), state.certificates());
        for name in &self.lasting {
            let name = name.as_str();
            assert!(
                registries.contains(name) || certificates.contains(name),
                "{name} is lost"
            );
        }
        let edge = self.edge.lock().unwrap();
        assert!(
            certificates.contains(edge.certificate.as_str()),
            "{edge:?} is without its certificate"
        );
    }
}

fn mints(request: &RecordedRequest) -> bool {
    request.operation.as_deref() == Some("registries_get_dockerCredentials")
}
