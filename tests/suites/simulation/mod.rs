//! A fleet of clients on one token does all its jobs at once, for simulated days: requests are lost and refused, clients are
//! killed wherever they are, images are pushed at any time, dates jump, and the sandbox is restarted. Whatever happens,
//! nothing is created twice or lost, every live credential is held by somebody, images that are kept are whole, the rate
//! limit is kept, and every call ends by its deadline.
//!
//! The seed decides all of it. One request is sent at a time, and the next one is drawn, so that a seed runs the same way
//! each time. With an odd seed the clients share their rate budget in a file, with an even one in memory.
//! `DOCR_SIMULATION_SEEDS` sets how many seeds are run, 4 by default; `DOCR_SIMULATION_FIRST` sets the first of them:
//! `DOCR_SIMULATION_FIRST=<seed> DOCR_SIMULATION_SEEDS=1` replays the one that a failure names, and `DOCR_SIMULATION_SHOWN`
//! sets how many of the last events are shown.

mod credentials;
mod documents;
mod hand;
mod jobs;
mod pushes;
mod schedule;
mod state;
mod world;

use std::{
    collections::BTreeSet,
    env, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use chrono::TimeDelta;
use docr_sandbox::RecordedRequest;
use tokio::task::{JoinHandle, LocalSet};

use self::{
    credentials::HALF_OF_LIFE,
    documents::Documents,
    hand::Hand,
    jobs::{Actor, Done, Job, client_by},
    pushes::Pruning,
    schedule::{IN_JOB, Schedule, Ticket},
    world::{Fate, Figures, World},
};

/// Clients, the last two of which share credentials in files.
const CLIENTS: usize = 7;
const WITH_FILES: usize = 5;
/// Reads documents for all clients.
const READER: usize = CLIENTS;
const DAYS: u64 = 5;
const HOUR: Duration = Duration::from_secs(3_600);
/// How long something may take between a request's turn and its arrival.
const SHORT: Duration = Duration::from_millis(900);
/// More than it takes, whatever happens.
const MOST_STEPS: usize = 50_000;
/// In a thousand requests, so many meet a fault.
const FAULTS: u32 = 150;
/// How many lines of the trace are shown after a failure, by default.
const SHOWN: u64 = 60;
/// What creates something that must not be created twice.
const CREATES: [&str; 4] = [
    "registries_create",
    "certificates_create",
    "registries_run_garbageCollection",
    "registries_get_dockerCredentials",
];

type Ended = Result<Done, Box<dyn std::error::Error + Send + Sync>>;

/// A client, and what it does just now.
struct Place {
    actor: Actor,
    work: Option<Work>,
    /// When it begins the next job.
    next: Duration,
}

struct Work {
    job: Job,
    task: JoinHandle<Ended>,
    began: Duration,
    requests: u32,
    /// The operations that have created something.
    created: BTreeSet<String>,
}

struct Simulation {
    schedule: Arc<Schedule>,
    world: World,
    places: Vec<Place>,
    /// What has happened, to compare with a replay.
    trace: Vec<String>,
}

impl Simulation {
    async fn new(seed: u64) -> Self {
        let schedule = Schedule::new(seed);
        let world = World::new(&schedule).await;
        let mut budgets = world.budgets(seed % 2 == 1, CLIENTS + 1);
        let hand = Hand::new(&schedule, READER, budgets.remove(READER));
        let docr = client_by(&hand, world.sandbox().url());
        let documents = Documents::new(hand, docr, world.sandbox().addr().to_string());
        let in_files = schedule.new_group();
        let places = { budgets.into_iter().enumerate() }.map(|(client, turns)| Place {
            actor: Actor::new(&world, client, turns, &documents, in_files),
            work: None,
            next: HOUR * u32::try_from(client).unwrap(),
        });
        Self {
            places: places.collect(),
            schedule,
            world,
            trace: Vec::new(),
        }
    }

    async fn run(&mut self) {
        let end = 24 * HOUR * u32::try_from(DAYS).unwrap();
        for _ in 0..MOST_STEPS {
            self.schedule.quiet().await;
            self.take_ends().await;
            self.world.settle_edge();
            if self.begin_job(end) {
                continue;
            }
            if let Some(ticket) = self.schedule.next_to_send() {
                self.send(ticket).await;
                continue;
            }
            let idle = self.places.iter().filter(|place| place.work.is_none());
            let next_job = idle.map(|place| place.next).min();
            let next_job = next_job.filter(|next| *next < end);
            let Some(next) = [self.schedule.next_wake(), next_job]
                .into_iter()
                .flatten()
                .min()
            else {
                let is_working = self.places.iter().any(|place| place.work.is_some());
                assert!(!is_working, "a client waits for nothing");
                return self.finish();
            };
            let passed = self.schedule.passed();
            self.schedule.clock.advance(next.saturating_sub(passed));
            self.schedule.wake();
            self.happen().await;
        }
        panic!("it does not end");
    }

    /// Begins a job whose time has come, if there is one.
    fn begin_job(&mut self, end: Duration) -> bool {
        let now = self.schedule.passed();
        let is_due =
            |place: &&mut Place| place.work.is_none() && place.next <= now && place.next < end;
        let Some(place) = self.places.iter_mut().find(is_due) else {
            return false;
        };
        let jobs = match place.actor.hand.client {
            ..WITH_FILES => &Job::OF_MOST[..],
            _ => &Job::WITH_FILES,
        };
        let (job, number) = self
            .schedule
            .draw(|random| (*random.choice(jobs).unwrap(), random.u32(..)));
        self.trace
            .push(format!("{now:?} {:?} begins {job:?}", place.actor));
        let running = IN_JOB.scope((), place.actor.clone().run(job, number));
        place.work = Some(Work {
            job,
            task: tokio::task::spawn_local(running),
            began: now,
            requests: 0,
            created: BTreeSet::new(),
        });
        self.world.figures.jobs += 1;
        true
    }

    /// What happens beside the fleet.
    async fn happen(&mut self) {
        if self.schedule.chance(150) {
            self.push();
        }
        if self.schedule.chance(20) {
            self.trace.push("the sandbox is restarted".to_owned());
            self.world.restart().await;
        }
        if self.schedule.chance(20) {
            self.world.renew();
        }
        if self.schedule.chance(30) {
            let (client, days) = self
                .schedule
                .draw(|random| (random.usize(..WITH_FILES), random.i64(-2..3)));
            self.places[client]
                .actor
                .hand
                .set_skew(TimeDelta::days(days));
        }
        if self.schedule.chance(30) {
            let client = self.schedule.draw(|random| random.usize(..CLIENTS));
            self.kill(client).await;
        }
    }

    fn push(&mut self) {
        if let Some(pushed) = self.world.push() {
            let now = self.schedule.passed();
            self.trace.push(format!("{now:?} {pushed}"));
        }
    }

    /// Lets a request be sent, and waits for its end.
    async fn send(&mut self, ticket: Ticket) {
        let (client, ends_with_job) = (ticket.client, ticket.ends_with_job);
        // What a push takes makes the request late for its turn below the rate limit, which has a margin of a second.
        let is_short = self.schedule.rest_of_second() < SHORT;
        if ticket.is_alone && is_short && self.schedule.chance(60) {
            self.push();
        }
        let is_killed = client != READER && self.schedule.chance(20);
        self.world.prepare(if is_killed { 0 } else { FAULTS });
        ticket.go();
        if is_killed {
            self.schedule.until_arrived().await;
            self.kill(client).await;
        }
        if !(is_killed && ends_with_job) {
            self.schedule.until_ended().await;
        }
        for request in self.world.take_requests() {
            self.note(client, &request);
        }
        if is_killed {
            self.world.saved().await;
        }
    }

    /// Notes what a request has done.
    fn note(&mut self, client: usize, request: &RecordedRequest) {
        self.trace.push(format!(
            "{client} {} {} {}",
            request.method, request.path, request.status
        ));
        let Some(place) = self.places.get_mut(client) else {
            return self.world.note(request, &mut Pruning::default());
        };
        self.world
            .note(request, &mut place.actor.pruning.lock().unwrap());
        let is_done = self.world.fate(request) != Fate::NotDone;
        let revokes = place.work.as_ref().is_some_and(|work| work.job.revokes());
        if request.path == docr_api::OAUTH_REVOKE.path && !is_done && !revokes {
            self.world.credentials.unrevoked += 1;
        }
        let Some(work) = &mut place.work else {
            return;
        };
        work.requests += 1;
        let operation = request.operation.clone().unwrap_or_default();
        if CREATES.contains(&operation.as_str()) {
            assert!(
                !work.created.contains(&operation),
                "{:?} has created something, and is sent again: {}",
                work.job,
                request.path
            );
            if is_done {
                work.created.insert(operation);
            }
        }
    }

    async fn kill(&mut self, client: usize) {
        let place = &mut self.places[client];
        let Some(work) = place.work.take() else {
            return;
        };
        self.trace.push(format!("{:?} is killed", place.actor));
        self.world.figures.kills += 1;
        work.task.abort();
        let _killed = work.task.await;
        place.next = self.schedule.passed() + HOUR;
    }

    /// Takes the ends of jobs, and looks at what they leave.
    async fn take_ends(&mut self) {
        for client in 0..CLIENTS {
            let place = &mut self.places[client];
            let is_done = |work: &mut Work| work.task.is_finished();
            let Some(work) = place.work.take_if(is_done) else {
                continue;
            };
            let end = work
                .task
                .await
                .unwrap_or_else(|error| resume_unwind(error.into_panic()));
            let seconds = self
                .schedule
                .draw(|random| 3_600.0 + random.f64() * 11.0 * 3_600.0);
            let now = self.schedule.passed();
            place.next = match client {
                ..WITH_FILES => now + Duration::from_secs_f64(seconds),
                // Both at the same time, when what is in the file is to be renewed.
                _ => HALF_OF_LIFE * (now.div_duration_f64(HALF_OF_LIFE) as u32 + 1),
            };
            let (took, longest) = (now - work.began, work.job.longest(work.requests));
            assert!(
                took <= longest,
                "{:?} took {took:?}, and may take {longest:?}",
                work.job
            );
            self.world.settle_edge();
            let shown = match end {
                Ok(Done::Registry(name)) => {
                    self.world.lasts(&name);
                    name
                }
                // Edges follow one another, and the world knows which one is used.
                Ok(Done::Certificate(name)) if work.job == Job::Rotate => name,
                Ok(Done::Certificate(name)) => {
                    self.world.lasts(&name);
                    name
                }
                Ok(Done::Nothing) => "done".to_owned(),
                Err(error) => {
                    self.world.figures.failed_jobs += 1;
                    error.to_string()
                }
            };
            self.world.check();
            self.trace.push(format!("{:?}: {shown}", work.job));
        }
        let mut with_files = self.places[WITH_FILES..].iter();
        let is_idle = |place: &Place| {
            place.work.is_none() && !self.schedule.is_waiting(place.actor.hand.client)
        };
        if with_files.all(is_idle) {
            self.world.check_files();
        }
    }

    /// Looks at what is left at the end.
    fn finish(&mut self) {
        self.world.check();
        self.world.figures.days = DAYS;
        self.world.figures.raced = self.world.pushes.raced;
        let held = self
            .places
            .iter()
            .map(|place| place.actor.held.lock().unwrap());
        let (mut most, mut least) = (0, 0);
        for held in held {
            most += held.credentials.len();
            least += held.credentials.len() - usize::from(held.is_revoking);
        }
        let (credentials, sandbox) = (&self.world.credentials, self.world.sandbox());
        credentials.check_held(sandbox, least, most);
        self.world.check_files();
    }
}

/// Runs a seed; what has happened, and how often.
fn simulate(seed: u64) -> (Figures, Vec<String>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut simulation = Simulation::new(seed).await;
        simulation.run().await;
        (simulation.world.figures, mem::take(&mut simulation.trace))
    })
}

#[expect(clippy::print_stderr, reason = "a failure is to be explained")]
impl Drop for Simulation {
    /// Shows what has led to a failure.
    fn drop(&mut self) {
        if thread::panicking() {
            let shown = set("DOCR_SIMULATION_SHOWN").unwrap_or(SHOWN);
            let from = self.trace.len().saturating_sub(shown as usize);
            eprintln!("{}", self.trace[from..].join("\n"));
        }
    }
}

fn set(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_to_a_fleet_nothing_is_lost_doubled_or_left_behind() {
    let first = set("DOCR_SIMULATION_FIRST").unwrap_or(0);
    let seeds = set("DOCR_SIMULATION_SEEDS").unwrap_or(4);
    let next = AtomicU64::new(first);
    let all = Mutex::new(Figures::default());
    let simulate_each = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= first + seeds {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
                Ok((figures, _)) => all.lock().unwrap().add(figures),
                Err(panic) => {
                    next.store(first + seeds, Relaxed);
                    eprintln!("DOCR_SIMULATION_FIRST={seed} DOCR_SIMULATION_SEEDS=1 replays it");
                    resume_unwind(panic);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(simulate_each);
        }
    });
    let all = all.into_inner().unwrap();
    println!("{seeds} seeds from {first}: {all:?}");
    assert!(all.faults > 0 && all.kills > 0, "{all:?}");
}

#[test]
fn a_seed_runs_the_same_way_each_time() {
    for seed in [2, 3] {
        let ((_, once), (_, again)) = (simulate(seed), simulate(seed));
        for (place, (one, other)) in once.iter().zip(&again).enumerate() {
            assert_eq!(one, other, "seed {seed} at {place} of {}", once.len());
        }
        assert_eq!(once.len(), again.len(), "seed {seed}");
    }
}
