//! What runs next: of all that clients wait for, one thing at a time, drawn from the seed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr::{BudgetFuture, NoTurn, ObservedResponse, RateBudget};
use docr_sandbox::Clock;
use docr_tests::sandbox::noon;
use fastrand::Rng;
use tokio::sync::{Notify, oneshot};

tokio::task_local! {
    /// Is set in what ends with a client's job: not in tasks that the job has spawned.
    pub(super) static IN_JOB: ();
}

/// How often all ready tasks are polled before the rest is taken to wait.
const TURNS: usize = 12;

/// Time, chance, and everything that waits.
#[derive(Debug)]
pub(super) struct Schedule {
    /// The sandbox's time, which moves when no task is ready.
    pub(super) clock: Clock,
    waiting: Mutex<Waiting>,
    /// Something has changed that [`until`](Self::until) may wait for.
    changed: Notify,
}

#[derive(Debug)]
struct Waiting {
    random: Rng,
    /// Pushes and requests so far.
    step: u64,
    to_send: Vec<Waiter<()>>,
    to_wake: Vec<Waiter<Duration>>,
    /// How many calls of each group there are.
    groups: Vec<usize>,
    /// Whose request was sent.
    sender: usize,
    /// Whether the request that was sent has reached the sandbox.
    has_arrived: bool,
    /// Whether the request that was sent has ended.
    has_ended: bool,
}

#[derive(Debug)]
struct Waiter<T> {
    client: usize,
    until: T,
    go: oneshot::Sender<()>,
    /// The calls that it is part of.
    calls: Vec<Weak<Call>>,
    ends_with_job: bool,
}

/// A call that may wait in another thread for others of its group, for the lock of a file. Those queue up behind the one
/// that waits in the schedule, so that the group stands still as soon as one of them does.
#[derive(Debug)]
pub(super) struct Call {
    schedule: Arc<Schedule>,
    group: usize,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.schedule.waiting().groups[self.group] -= 1;
        self.schedule.changed.notify_one();
    }
}

impl Waiting {
    fn is_settled(&self) -> bool {
        let to_send = self.to_send.iter().flat_map(|waiter| &waiter.calls);
        let to_wake = self.to_wake.iter().flat_map(|waiter| &waiter.calls);
        let waiting: Vec<_> = to_send.chain(to_wake).filter_map(Weak::upgrade).collect();
        let stands_still = |group| waiting.iter().any(|call| call.group == group);
        { self.groups.iter().enumerate() }.all(|(group, calls)| *calls == 0 || stands_still(group))
    }
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::manual(noon()),
            waiting: Mutex::new(Waiting {
                random: Rng::with_seed(seed),
                step: 0,
                to_send: Vec::new(),
                to_wake: Vec::new(),
                groups: Vec::new(),
                sender: 0,
                has_arrived: false,
                has_ended: false,
            }),
            changed: Notify::new(),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // A dropped wait is over.
        waiting.to_send.retain(|waiter| !waiter.go.is_closed());
        waiting.to_wake.retain(|waiter| !waiter.go.is_closed());
        waiting
    }

    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.waiting().random)
    }

    /// Whether it happens this time, by its share in a thousand.
    pub(super) fn chance(&self, thousandths: u32) -> bool {
        self.draw(|random| random.u32(..1_000)) < thousandths
    }

    pub(super) fn passed(&self) -> Duration {
        (self.clock.now() - noon()).to_std().unwrap_or_default()
    }

    /// How many pushes and requests there have been.
    pub(super) fn step(&self) -> u64 {
        self.waiting().step
    }

    /// Counts a push or a request, and returns its number.
    pub(super) fn next_step(&self) -> u64 {
        let mut waiting = self.waiting();
        waiting.step += 1;
        waiting.step
    }

    /// One of the requests that wait to be sent, by chance; `None` without any.
    pub(super) fn next_to_send(&self) -> Option<Ticket> {
        let mut waiting = self.waiting();
        let all = waiting.to_send.len();
        let place = (all > 0).then(|| waiting.random.usize(..all))?;
        let waiter = waiting.to_send.swap_remove(place);
        waiting.sender = waiter.client;
        (waiting.has_arrived, waiting.has_ended) = (false, false);
        Some(Ticket {
            client: waiter.client,
            ends_with_job: waiter.ends_with_job,
            go: waiter.go,
        })
    }

    /// When the first sleep is over.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let waiting = self.waiting();
        waiting.to_wake.iter().map(|waiter| waiter.until).min()
    }

    /// Wakes one sleeper whose time has come: of several, the one that went to sleep first.
    pub(super) fn wake(&self) {
        let now = self.passed();
        let mut waiting = self.waiting();
        let mut all = waiting.to_wake.iter();
        if let Some(place) = all.position(|waiter| waiter.until <= now) {
            let _dropped = waiting.to_wake.remove(place).go.send(());
        }
    }

    /// Whether a client waits for anything.
    pub(super) fn is_waiting(&self, client: usize) -> bool {
        let waiting = self.waiting();
        let mut to_send = waiting.to_send.iter();
        let mut to_wake = waiting.to_wake.iter();
        to_send.any(|waiter| waiter.client == client)
            || to_wake.any(|waiter| waiter.client == client)
    }

    /// Polls all tasks until each of them waits in the schedule, directly or behind one that does.
    pub(super) async fn quiet(&self) {
        loop {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.waiting().is_settled() {
                return;
            }
            self.changed.notified().await;
        }
    }

    /// The request that was sent has reached the sandbox.
    pub(super) fn arrived(&self) {
        self.waiting().has_arrived = true;
        self.changed.notify_one();
    }

    /// The request of a client has ended, if one was sent.
    pub(super) fn ended(&self, client: usize) {
        let mut waiting = self.waiting();
        waiting.has_ended |= waiting.sender == client;
        self.changed.notify_one();
    }

    /// Waits until the request that was sent has reached the sandbox, or ended before.
    pub(super) async fn until_arrived(&self) {
        self.until(|waiting| waiting.has_arrived || waiting.has_ended)
            .await;
    }

    /// Waits until the request that was sent has ended.
    pub(super) async fn until_ended(&self) {
        self.until(|waiting| waiting.has_ended).await;
    }

    async fn until(&self, is_so: impl Fn(&Waiting) -> bool) {
        while !is_so(&self.waiting()) {
            self.changed.notified().await;
        }
    }

    /// A group of calls that may wait for each other.
    pub(super) fn new_group(&self) -> usize {
        let groups = &mut self.waiting().groups;
        groups.push(0);
        groups.len() - 1
    }

    /// Begins a call of a group, which lasts until it is dropped.
    pub(super) fn begin_call(self: &Arc<Self>, group: usize) -> Arc<Call> {
        self.waiting().groups[group] += 1;
        Arc::new(Call {
            schedule: Arc::clone(self),
            group,
        })
    }

    /// Waits for its turn to send a request.
    pub(super) async fn wait_to_send(&self, client: usize, calls: Vec<Weak<Call>>) {
        let (waiter, gone) = Waiter::new(client, (), calls);
        self.waiting().to_send.push(waiter);
        self.changed.notify_one();
        let _sent = gone.await;
    }

    fn sleep(&self, waiter: Waiter<Duration>) {
        self.waiting().to_wake.push(waiter);
        self.changed.notify_one();
    }
}

impl<T> Waiter<T> {
    fn new(client: usize, until: T, calls: Vec<Weak<Call>>) -> (Self, oneshot::Receiver<()>) {
        let (go, gone) = oneshot::channel();
        let waiter = Self {
            client,
            until,
            go,
            calls,
            ends_with_job: IN_JOB.try_with(|()| ()).is_ok(),
        };
        (waiter, gone)
    }
}

/// A request that is about to be sent.
pub(super) struct Ticket {
    pub(super) client: usize,
    /// Whether nobody waits for its end when the client's job is killed.
    pub(super) ends_with_job: bool,
    go: oneshot::Sender<()>,
}

impl Ticket {
    pub(super) fn go(self) {
        let _dropped = self.go.send(());
    }
}

/// A rate budget, and the group of those who wait for their turn in it.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    pub(super) budget: Arc<dyn RateBudget>,
    pub(super) group: usize,
}

/// The clock and the rate budget of a client: the schedule's, with a date of its own.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) schedule: Arc<Schedule>,
    pub(super) client: usize,
    skew: Arc<Mutex<TimeDelta>>,
    turns: Turns,
    /// The call that everything by this hand is part of.
    call: Option<Weak<Call>>,
    /// The same, if it lasts as long as anything goes on by this hand.
    _lasting: Option<Arc<Call>>,
}

impl Hand {
    pub(super) fn new(schedule: &Arc<Schedule>, client: usize, turns: Turns) -> Self {
        Self {
            schedule: Arc::clone(schedule),
            client,
            skew: Arc::default(),
            turns,
            call: None,
            _lasting: None,
        }
    }

    /// A hand of the same client for one call.
    pub(super) fn during(&self, call: &Arc<Call>) -> Self {
        Self {
            call: Some(Arc::downgrade(call)),
            ..self.clone()
        }
    }

    /// A hand of the same client for one call that runs on when it is dropped.
    pub(super) fn during_all_of(&self, call: Arc<Call>) -> Self {
        Self {
            _lasting: Some(Arc::clone(&call)),
            ..self.during(&call)
        }
    }

    /// Sets the date of this client's machine.
    pub(super) fn set_skew(&self, skew: TimeDelta) {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = skew;
    }

    fn calls(&self) -> Vec<Weak<Call>> {
        self.call.iter().cloned().collect()
    }

    fn sleep_during(
        &self,
        calls: Vec<Weak<Call>>,
        duration: Duration,
    ) -> BudgetFuture<'static, ()> {
        let until = self.schedule.passed().saturating_add(duration);
        let (waiter, gone) = Waiter::new(self.client, until, calls);
        self.schedule.sleep(waiter);
        Box::pin(async move {
            let _woken = gone.await;
        })
    }
}

impl docr::Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        let skew = *self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.schedule.clock.now() + skew
    }

    fn monotonic(&self) -> Duration {
        self.schedule.passed()
    }

    fn sleep(&self, duration: Duration) -> BudgetFuture<'static, ()> {
        self.sleep_during(self.calls(), duration)
    }

    fn random(&self) -> f64 {
        self.schedule.draw(Rng::f64)
    }
}

/// The clock of a wait for a turn.
#[derive(Debug)]
struct TurnClock<'a> {
    hand: &'a Hand,
    turn: Arc<Call>,
}

impl docr::Clock for TurnClock<'_> {
    /// The date of the machine whose processes share the budget.
    fn now(&self) -> DateTime<Utc> {
        self.hand.schedule.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.hand.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BudgetFuture<'static, ()> {
        let mut calls = self.hand.calls();
        calls.push(Arc::downgrade(&self.turn));
        self.hand.sleep_during(calls, duration)
    }

    fn random(&self) -> f64 {
        self.hand.random()
    }
}

impl Hand {
    fn turn_clock(&self) -> TurnClock<'_> {
        TurnClock {
            hand: self,
            turn: self.schedule.begin_call(self.turns.group),
        }
    }
}

/// First the budget's turn, and then the schedule's.
impl RateBudget for Hand {
    fn acquire<'a>(
        &'a self,
        _: &'a dyn docr::Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(async move {
            let clock = self.turn_clock();
            self.turns.budget.acquire(&clock, within).await?;
            drop(clock);
            self.schedule.wait_to_send(self.client, self.calls()).await;
            Ok(())
        })
    }

    fn record<'a>(&'a self, _: &'a dyn docr::Clock) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            let clock = self.turn_clock();
            self.turns.budget.record(&clock).await;
            drop(clock);
            self.schedule.wait_to_send(self.client, self.calls()).await;
        })
    }

    fn observe<'a>(
        &'a self,
        _: &'a dyn docr::Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            let clock = self.turn_clock();
            self.turns.budget.observe(&clock, response).await;
        })
    }
}
