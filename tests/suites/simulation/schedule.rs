//! What runs next: of all that clients wait for, one thing at a time, drawn from the seed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use docr::BudgetFuture;
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

    /// Sleeps from now on, also before it is polled.
    pub(super) fn sleep(
        &self,
        client: usize,
        duration: Duration,
        calls: Vec<Weak<Call>>,
    ) -> BudgetFuture<'static, ()> {
        let until = self.passed().saturating_add(duration);
        let (waiter, gone) = Waiter::new(client, until, calls);
        self.waiting().to_wake.push(waiter);
        self.changed.notify_one();
        Box::pin(async move {
            let _woken = gone.await;
        })
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
