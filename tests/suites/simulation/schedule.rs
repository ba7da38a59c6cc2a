//! What runs next: of all that clients wait for, one thing at a time, drawn from the seed.

use std::{
    collections::BTreeSet,
    iter,
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
    /// How many groups of calls there are.
    groups: usize,
    /// The calls of groups.
    calls: Vec<Weak<Call>>,
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
    /// The call that it is part of.
    call: Option<Weak<Call>>,
    ends_with_job: bool,
}

/// A call that may wait for others of its group outside of the schedule: for a lock, in another thread perhaps. Those queue
/// up behind the one that waits in the schedule, so that all stand still as soon as one does.
#[derive(Debug)]
pub(super) struct Call {
    schedule: Arc<Schedule>,
    group: usize,
    outer: Option<Weak<Call>>,
}

impl Call {
    /// The groups of this call and of those that it is part of.
    fn groups(self: Arc<Self>) -> impl Iterator<Item = usize> {
        let outer = |call: &Arc<Self>| call.outer.as_ref().and_then(Weak::upgrade);
        iter::successors(Some(self), outer).map(|call| call.group)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.schedule.changed.notify_one();
    }
}

impl Waiting {
    /// Whether all calls stand still.
    fn is_settled(&self) -> bool {
        let to_send = self.to_send.iter().map(|waiter| &waiter.call);
        let to_wake = self.to_wake.iter().map(|waiter| &waiter.call);
        let waiting = to_send.chain(to_wake).flatten().filter_map(Weak::upgrade);
        let mut still: BTreeSet<_> = waiting.flat_map(Call::groups).collect();
        let calls: Vec<_> = self.calls.iter().filter_map(Weak::upgrade).collect();
        for call in &calls {
            if still.contains(&call.group) {
                still.extend(Arc::clone(call).groups());
            }
        }
        calls.iter().all(|call| still.contains(&call.group))
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
                groups: 0,
                calls: Vec::new(),
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
        waiting.calls.retain(|call| call.strong_count() > 0);
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

    /// How long it is until the next whole second.
    pub(super) fn rest_of_second(&self) -> Duration {
        let passed = self.passed();
        Duration::from_secs(passed.as_secs() + 1) - passed
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
            is_alone: all == 1,
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
        let mut waiting = self.waiting();
        waiting.groups += 1;
        waiting.groups
    }

    /// Begins a call of a group, which lasts until it is dropped, and may be part of another one.
    pub(super) fn begin_call(
        self: &Arc<Self>,
        group: usize,
        outer: Option<Weak<Call>>,
    ) -> Arc<Call> {
        let call = Arc::new(Call {
            schedule: Arc::clone(self),
            group,
            outer,
        });
        self.waiting().calls.push(Arc::downgrade(&call));
        // It may stand still at once, behind another of its group, and with it the call that it is part of.
        self.changed.notify_one();
        call
    }

    /// Waits for its turn to send a request.
    pub(super) async fn wait_to_send(&self, client: usize, call: Option<Weak<Call>>) {
        let (waiter, gone) = Waiter::new(client, (), call);
        self.waiting().to_send.push(waiter);
        self.changed.notify_one();
        let _sent = gone.await;
    }

    /// Sleeps from now on, also before it is polled.
    pub(super) fn sleep(
        &self,
        client: usize,
        duration: Duration,
        call: Option<Weak<Call>>,
    ) -> BudgetFuture<'static, ()> {
        let until = self.passed().saturating_add(duration);
        let (waiter, gone) = Waiter::new(client, until, call);
        self.waiting().to_wake.push(waiter);
        self.changed.notify_one();
        Box::pin(async move {
            let _woken = gone.await;
        })
    }
}

impl<T> Waiter<T> {
    fn new(client: usize, until: T, call: Option<Weak<Call>>) -> (Self, oneshot::Receiver<()>) {
        let (go, gone) = oneshot::channel();
        let waiter = Self {
            client,
            until,
            go,
            call,
            ends_with_job: IN_JOB.try_with(|()| ()).is_ok(),
        };
        (waiter, gone)
    }
}

/// A request that is about to be sent.
pub(super) struct Ticket {
    pub(super) client: usize,
    /// Whether no other request waits to be sent.
    pub(super) is_alone: bool,
    /// Whether nobody waits for its end when the client's job is killed.
    pub(super) ends_with_job: bool,
    go: oneshot::Sender<()>,
}

impl Ticket {
    pub(super) fn go(self) {
        let _dropped = self.go.send(());
    }
}
