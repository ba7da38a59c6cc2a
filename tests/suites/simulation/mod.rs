//! A fleet of clients on one token does all its jobs at once, for simulated days: requests get lost and refused, clients are
//! killed wherever they are, dates jump, and the sandbox is restarted. Whatever happens, nothing is made twice or lost, no
//! credential is good that nobody holds, images that are kept are whole, the rate limit is kept, and every call ends.
//!
//! A seed decides all of it. One request is under way at a time, and the one that is next is drawn, so that a seed goes the
//! same way each time. `DOCR_SIMULATION_SEEDS` says how many are run, 4 unless it is set; `DOCR_SIMULATION_FIRST` is the
//! first of them: `DOCR_SIMULATION_FIRST=<seed> DOCR_SIMULATION_SEEDS=1` replays the one that a failure names.

mod jobs;
mod schedule;
mod world;

use std::{
    collections::BTreeMap,
    env,
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
    jobs::{Actor, Done, Job},
    schedule::{Schedule, Ticket},
    world::{Fate, Figures, World},
};

const CLIENTS: usize = 5;
const DAYS: u64 = 5;
const HOUR: Duration = Duration::from_secs(3_600);
/// More than it takes, whatever happens.
const MOST_STEPS: usize = 50_000;
/// In a thousand requests, so many meet a fault.
const FAULTS: u32 = 150;
/// How often all tasks are given their turn until none can go on by itself.
const TURNS: usize = 24;
/// What makes something that must not be made twice.
const MAKERS: [&str; 4] = [
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
    /// What it has made so far.
    made: BTreeMap<String, usize>,
}

struct Simulation {
    schedule: Arc<Schedule>,
    world: World,
    places: Vec<Place>,
    /// What has happened, to be held against a replay.
    trace: Vec<String>,
}

impl Simulation {
    async fn new(seed: u64) -> Self {
        let schedule = Schedule::new(seed);
        let world = World::new(&schedule).await;
        let places = (0..CLIENTS).map(|client| Place {
            actor: Actor::new(&world, client),
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
            quiet().await;
            self.take_ends().await;
            self.world.settle_edge();
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
                assert!(!is_working, "somebody waits for nothing");
                return self.finish();
            };
            let passed = self.schedule.passed();
            self.schedule.clock.advance(next.saturating_sub(passed));
            self.schedule.wake();
            self.begin_jobs();
            self.happen().await;
        }
        panic!("it does not end");
    }

    /// Begins the jobs whose time has come.
    fn begin_jobs(&mut self) {
        let now = self.schedule.passed();
        for place in &mut self.places {
            if place.work.is_some() || place.next > now {
                continue;
            }
            let (job, number) = self
                .schedule
                .draw(|random| (random.choice(Job::ALL), random.u32(..)));
            let job = job.unwrap();
            self.trace
                .push(format!("{now:?} {:?} begins {job:?}", place.actor));
            place.work = Some(Work {
                job,
                task: tokio::task::spawn_local(place.actor.clone().run(job, number)),
                made: BTreeMap::new(),
            });
            self.world.figures.jobs += 1;
        }
    }

    /// What happens beside the fleet.
    async fn happen(&mut self) {
        if self.schedule.chance(150) {
            self.world.push();
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
                .draw(|random| (random.usize(..CLIENTS), random.i64(-2..3)));
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

    /// Lets a request be sent, and waits for its end.
    async fn send(&mut self, ticket: Ticket) {
        let client = ticket.client;
        let is_killed = self.schedule.chance(20);
        self.world.prepare(if is_killed { 0 } else { FAULTS });
        ticket.go();
        if is_killed {
            while !self.world.has_arrived() && !self.schedule.has_ended() {
                tokio::task::yield_now().await;
            }
            self.kill(client).await;
        }
        // A task that mints goes on when its client is killed; of other requests nobody sees the end.
        let is_over = || {
            let sandbox = self.world.sandbox();
            is_killed && sandbox.requests().iter().any(|request| !mints(request))
        };
        while !self.schedule.has_ended() && !is_over() {
            tokio::task::yield_now().await;
        }
        let requests = self.world.take_requests();
        for request in requests {
            self.note(client, &request);
        }
    }

    /// Notes what a request has done.
    fn note(&mut self, client: usize, request: &RecordedRequest) {
        let operation = request.operation.clone().unwrap_or_default();
        self.trace.push(format!(
            "{client} {} {} {}",
            request.method, request.path, request.status
        ));
        let fate = self.world.fate(request);
        if fate == Fate::NotDone || !MAKERS.contains(&operation.as_str()) {
            return;
        }
        if mints(request) && fate == Fate::Untold {
            self.world.figures.lost_credentials += 1;
        }
        if let Some(work) = &mut self.places[client].work {
            let made = work.made.entry(operation).or_default();
            *made += 1;
            assert_eq!(
                *made, 1,
                "{:?} makes the same twice: {}",
                work.job, request.path
            );
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

    /// Takes in what has ended, and looks at what is left.
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
            let hours = self.schedule.draw(|random| random.u32(1..12));
            place.next = self.schedule.passed() + hours * HOUR;
            self.world.settle_edge();
            self.world.check();
            let state = self.world.state();
            let shown = match end {
                Ok(Done::Registry(name)) => {
                    assert!(
                        state.registries().contains(&name.as_str()),
                        "{name} is lost"
                    );
                    name
                }
                Ok(Done::Certificate(name)) => {
                    assert!(
                        state.certificates().contains(name.as_str()),
                        "{name} is lost"
                    );
                    name
                }
                Ok(Done::Nothing) => "done".to_owned(),
                Err(error) => {
                    self.world.figures.failed_jobs += 1;
                    error.to_string()
                }
            };
            self.trace.push(format!("{:?}: {shown}", work.job));
        }
    }

    /// Looks at what is left when nobody does anything any more.
    fn finish(&mut self) {
        self.world.check();
        self.world.figures.days = DAYS;
        let held = self
            .places
            .iter()
            .map(|place| place.actor.held.lock().unwrap());
        let (mut most, mut least) = (0, 0);
        for held in held {
            most += held.credentials.len();
            least += held.credentials.len() - usize::from(held.is_revoking);
        }
        let live = self.world.live();
        let lost = usize::try_from(self.world.figures.lost_credentials).unwrap();
        assert!(
            live >= least,
            "{live} credentials are good, and {least} are held"
        );
        assert!(
            live <= most + lost,
            "{live} credentials are good, {most} are held, and of {lost} nobody can know"
        );
    }
}

fn mints(request: &RecordedRequest) -> bool {
    request.operation.as_deref() == Some("registries_get_dockerCredentials")
}

/// Gives all tasks their turn until none of them can go on by itself.
async fn quiet() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Runs a seed; what has happened, and how often.
fn simulate(seed: u64) -> (Figures, Vec<String>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut simulation = Simulation::new(seed).await;
        simulation.run().await;
        (simulation.world.figures, simulation.trace)
    })
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
fn a_seed_goes_the_same_way_each_time() {
    let (_, once) = simulate(3);
    let (_, again) = simulate(3);
    for (place, (one, other)) in once.iter().zip(&again).enumerate() {
        assert_eq!(one, other, "at {place} of {}", once.len());
    }
    assert_eq!(once.len(), again.len());
}
