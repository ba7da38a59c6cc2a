//! Who goes on next: of all that clients wait for, one thing at a time, chosen by the seed.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr::{BudgetFuture, LocalBudget, NoTurn, ObservedResponse, RateBudget};
use docr_sandbox::Clock;
use docr_tests::sandbox::noon;
use fastrand::Rng;
use tokio::sync::oneshot;

/// What the token allows: less than the service does, so that it is used up now and then.
pub(super) const PER_MINUTE: u32 = 40;
pub(super) const PER_HOUR: u32 = 800;

/// Time, chance, and all who wait.
#[derive(Debug)]
pub(super) struct Schedule {
    /// The sandbox's time, which moves when nobody can go on.
    pub(super) clock: Clock,
    /// What the token allows, shared by the whole fleet.
    budget: LocalBudget,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    random: Rng,
    /// For their request to be sent.
    to_send: Vec<Waiter<()>>,
    to_wake: Vec<Waiter<Duration>>,
    /// Whether the request that was let go has ended.
    has_ended: bool,
}

#[derive(Debug)]
struct Waiter<T> {
    client: usize,
    until: T,
    go: oneshot::Sender<()>,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::manual(noon()),
            budget: LocalBudget::limited_to(docr::RateLimits::new(PER_MINUTE, PER_HOUR)),
            waiting: Mutex::new(Waiting {
                random: Rng::with_seed(seed),
                to_send: Vec::new(),
                to_wake: Vec::new(),
                has_ended: false,
            }),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those who were given up wait no more.
        waiting.to_send.retain(|waiter| !waiter.go.is_closed());
        waiting.to_wake.retain(|waiter| !waiter.go.is_closed());
        waiting
    }

    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.waiting().random)
    }

    /// Whether it happens this time: so often in a thousand.
    pub(super) fn chance(&self, thousandths: u32) -> bool {
        self.draw(|random| random.u32(..1_000)) < thousandths
    }

    pub(super) fn passed(&self) -> Duration {
        (self.clock.now() - noon()).to_std().unwrap_or_default()
    }

    /// The client whose request is the next, by chance; `None` if nobody has one.
    pub(super) fn next_to_send(&self) -> Option<Ticket> {
        let mut waiting = self.waiting();
        let all = waiting.to_send.len();
        let place = (all > 0).then(|| waiting.random.usize(..all))?;
        let Waiter { client, go, .. } = waiting.to_send.swap_remove(place);
        waiting.has_ended = false;
        Some(Ticket { client, go })
    }

    /// When the first of those who sleep is to be woken.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        let waiting = self.waiting();
        waiting.to_wake.iter().map(|waiter| waiter.until).min()
    }

    /// Wakes one whose time has come. By the order in which they went to sleep, if there are several.
    pub(super) fn wake(&self) {
        let now = self.passed();
        let mut waiting = self.waiting();
        let due = waiting
            .to_wake
            .iter()
            .position(|waiter| waiter.until <= now);
        if let Some(place) = due {
            let _given_up = waiting.to_wake.remove(place).go.send(());
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.waiting().has_ended
    }

    /// Notes that the request that was let go has ended.
    pub(super) fn ended(&self) {
        self.waiting().has_ended = true;
    }

    async fn wait_to_send(&self, client: usize) {
        let (go, gone) = oneshot::channel();
        let waiter = Waiter {
            client,
            until: (),
            go,
        };
        self.waiting().to_send.push(waiter);
        let _sent = gone.await;
    }
}

/// A request that is about to be sent.
pub(super) struct Ticket {
    pub(super) client: usize,
    go: oneshot::Sender<()>,
}

impl Ticket {
    pub(super) fn go(self) {
        let _given_up = self.go.send(());
    }
}

/// What a client waits by: the schedule, and a date of its own.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pub(super) schedule: Arc<Schedule>,
    pub(super) client: usize,
    skew: Arc<Mutex<TimeDelta>>,
}

impl Hand {
    pub(super) fn new(schedule: &Arc<Schedule>, client: usize) -> Self {
        Self {
            schedule: Arc::clone(schedule),
            client,
            skew: Arc::default(),
        }
    }

    /// Sets the date of this client's machine.
    pub(super) fn set_skew(&self, skew: TimeDelta) {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = skew;
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

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (go, gone) = oneshot::channel();
        let until = self.schedule.passed().saturating_add(duration);
        let waiter = Waiter {
            client: self.client,
            until,
            go,
        };
        self.schedule.waiting().to_wake.push(waiter);
        Box::pin(async move {
            let _woken = gone.await;
        })
    }

    fn random(&self) -> f64 {
        self.schedule.draw(Rng::f64)
    }
}

/// First the fleet's turn, and then the schedule's.
impl RateBudget for Hand {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn docr::Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(async move {
            self.schedule.budget.acquire(clock, within).await?;
            self.schedule.wait_to_send(self.client).await;
            Ok(())
        })
    }

    fn record<'a>(&'a self, clock: &'a dyn docr::Clock) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            self.schedule.budget.record(clock).await;
            self.schedule.wait_to_send(self.client).await;
        })
    }

    fn observe<'a>(
        &'a self,
        clock: &'a dyn docr::Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        self.schedule.budget.observe(clock, response)
    }
}
