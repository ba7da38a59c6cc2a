//! A client's clock and rate budget, by which it waits in the schedule.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr::{BudgetFuture, NoTurn, ObservedResponse, RateBudget};
use fastrand::Rng;

use super::schedule::{Call, Schedule};

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

    fn turn_clock(&self) -> TurnClock<'_> {
        TurnClock {
            hand: self,
            turn: self.schedule.begin_call(self.turns.group),
        }
    }

    fn calls(&self) -> Vec<Weak<Call>> {
        self.call.iter().cloned().collect()
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
        self.schedule.sleep(self.client, duration, self.calls())
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
        self.hand.schedule.sleep(self.hand.client, duration, calls)
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
