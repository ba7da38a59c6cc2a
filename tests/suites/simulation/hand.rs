//! A client's clock and rate budget, by which it waits in the schedule.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr::{BudgetFuture, NoTurn, ObservedResponse, RateBudget};
use fastrand::Rng;

use super::schedule::{Call, Schedule};

/// A rate budget, with the group of those who wait for their turn in it, and of those who report a response.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    pub(super) budget: Arc<dyn RateBudget>,
    pub(super) waits: usize,
    pub(super) reports: usize,
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

    fn budget_clock(&self, group: usize) -> BudgetClock<'_> {
        BudgetClock {
            hand: self,
            call: self.schedule.begin_call(group, self.call.clone()),
        }
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
        { &self.schedule }.sleep(self.client, duration, self.call.clone())
    }

    fn random(&self) -> f64 {
        self.schedule.draw(Rng::f64)
    }
}

/// The clock of a call of the budget.
#[derive(Debug)]
struct BudgetClock<'a> {
    hand: &'a Hand,
    call: Arc<Call>,
}

impl docr::Clock for BudgetClock<'_> {
    /// The date of the machine whose processes share the budget.
    fn now(&self) -> DateTime<Utc> {
        self.hand.schedule.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.hand.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BudgetFuture<'static, ()> {
        let call = Some(Arc::downgrade(&self.call));
        { &self.hand.schedule }.sleep(self.hand.client, duration, call)
    }

    fn random(&self) -> f64 {
        self.hand.random()
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
            let clock = self.budget_clock(self.turns.waits);
            self.turns.budget.acquire(&clock, within).await?;
            drop(clock);
            self.schedule
                .wait_to_send(self.client, self.call.clone())
                .await;
            Ok(())
        })
    }

    fn record<'a>(&'a self, _: &'a dyn docr::Clock) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            let clock = self.budget_clock(self.turns.reports);
            self.turns.budget.record(&clock).await;
            drop(clock);
            self.schedule
                .wait_to_send(self.client, self.call.clone())
                .await;
        })
    }

    fn observe<'a>(
        &'a self,
        _: &'a dyn docr::Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        Box::pin(async move {
            let clock = self.budget_clock(self.turns.reports);
            self.turns.budget.observe(&clock, response).await;
        })
    }
}
