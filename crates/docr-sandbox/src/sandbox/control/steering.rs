//! Health, time, limits, faults, answers and snapshots.

use std::collections::BTreeMap;

use axum::http::Method;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::service::Service;
use super::body::{AnswerBody, FaultBody};
use super::door::{Door, Refusal};
use crate::model::clock::Clock;
use crate::model::rate::RateLimits;

#[derive(JsonSchema, Serialize)]
struct Health {
    status: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct ClockState {
    now: DateTime<Utc>,
    frozen: bool,
}

impl ClockState {
    fn of(clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            frozen: clock.is_frozen(),
        }
    }
}

/// How the clock is to go. What isn't given stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetClock {
    /// The time that it tells. It only moves forward; a reset or a snapshot brings it back.
    #[serde(default)]
    now: Option<DateTime<Utc>>,
    /// Whether it stands.
    #[serde(default)]
    frozen: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// How far the clock is moved forward.
    seconds: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The operation's id in the spec.
    operation: String,
    /// What its next call gets that has a good token and is within the rate limit.
    answer: AnswerBody,
}

/// How many answers wait for each operation.
#[derive(JsonSchema, Serialize)]
struct Waiting {
    waiting: BTreeMap<String, usize>,
}

impl Waiting {
    fn of(service: &Service) -> Self {
        let state = service.state();
        let queues = state.scripts.iter().filter(|(_, queue)| !queue.is_empty());
        Self {
            waiting: queues
                .map(|(operation, queue)| (operation.clone(), queue.len()))
                .collect(),
        }
    }
}

#[derive(JsonSchema, Serialize)]
struct FaultState {
    id: u64,
    /// How many requests it matched.
    matched: u64,
    /// How many of those it befell.
    befallen: u64,
}

#[derive(JsonSchema, Serialize)]
struct FaultList {
    faults: Vec<FaultState>,
}

impl FaultList {
    fn of(service: &Service) -> Self {
        let counts = service.state().faults.counts();
        let faults = counts.into_iter().map(|count| FaultState {
            id: count.id,
            matched: count.matched,
            befallen: count.befallen,
        });
        Self {
            faults: faults.collect(),
        }
    }
}

#[derive(JsonSchema, Serialize)]
struct SnapshotState {
    name: String,
    taken_at: DateTime<Utc>,
}

#[derive(JsonSchema, Serialize)]
struct SnapshotList {
    snapshots: Vec<SnapshotState>,
}

pub(super) fn doors() -> Vec<Door> {
    [
        health(),
        clock(),
        limits(),
        scripts(),
        faults(),
        snapshots(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn health() -> Vec<Door> {
    let healthy = |status| move |_: &Service, _: &super::Given<'_>| Ok(Health { status });
    vec![
        Door::get(
            "/v1/health/live",
            ("live", "Tells that the sandbox runs."),
            healthy("live"),
        ),
        Door::get(
            "/v1/health/ready",
            (
                "ready",
                "Tells that the sandbox has what it was to begin with.",
            ),
            // It is put in before the port opens.
            healthy("ready"),
        ),
        Door::act(
            Method::POST,
            "/v1/reset",
            (
                "reset",
                "Lets everything be as it was when the sandbox was started, the clock and rate limits too, and forgets requests, answers and faults.",
            ),
            |service, _| {
                service.reset();
                Ok(())
            },
        ),
    ]
}

fn clock() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/clock",
            ("get_clock", "Tells the sandbox's time."),
            |service, _| Ok(ClockState::of(&service.clock)),
        ),
        Door::take(
            Method::PUT,
            "/v1/clock",
            ("set_clock", "Freezes the clock, lets it go, or sets it."),
            |service, _, body: SetClock| {
                let (clock, now) = (&service.clock, service.clock.now());
                if let Some(time) = body.now.filter(|time| *time < now) {
                    return Err(Refusal::unprocessable(format!(
                        "now: {time} is past, since the clock tells {now}; it only moves forward, and a reset or a snapshot brings it back"
                    )));
                }
                if body.frozen == Some(true) {
                    clock.freeze();
                }
                if let Some(time) = body.now {
                    clock.set(time);
                }
                if body.frozen == Some(false) && clock.is_frozen() {
                    clock.resume();
                }
                Ok(moved(service))
            },
        ),
        Door::take(
            Method::POST,
            "/v1/clock/advance",
            (
                "advance_clock",
                "Moves the clock forward, whether it stands or goes.",
            ),
            |service, _, body: Advance| {
                service
                    .clock
                    .advance(std::time::Duration::from_secs(body.seconds));
                Ok(moved(service))
            },
        ),
    ]
}

/// Lets happen what happens up to the new time.
fn moved(service: &Service) -> ClockState {
    let state = ClockState::of(&service.clock);
    service.change_all(|held| held.settle(state.now));
    state
}

fn limits() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/rate-limits",
            (
                "get_rate_limits",
                "Tells how many requests a token may make.",
            ),
            |service, _| Ok(service.state().limits),
        ),
        Door::take(
            Method::PUT,
            "/v1/rate-limits",
            (
                "set_rate_limits",
                "Allows each token so many requests from now on. Those that were made count.",
            ),
            |service, _, limits: RateLimits| {
                service.set_rate_limits(limits);
                Ok(limits)
            },
        ),
        Door::act(
            Method::POST,
            "/v1/rate-limits/forget",
            ("forget_rates", "Lets no request so far count."),
            |service, _| {
                service.forget_rates();
                Ok(())
            },
        ),
    ]
}

fn scripts() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/answers",
            (
                "list_answers",
                "Tells how many answers wait for each operation.",
            ),
            |service, _| Ok(Waiting::of(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/answers",
            (
                "add_answer",
                "Queues a response for an operation's next call, which changes nothing then.",
            ),
            |service, _, script: Script| {
                let answer = script.answer.answer()?;
                let queued = service.answer_next(&script.operation, answer);
                queued.map_err(Refusal::unprocessable)?;
                Ok(Waiting::of(service))
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/answers",
            ("clear_answers", "Forgets the answers that wait."),
            |service, _| {
                service.state().scripts.clear();
                Ok(())
            },
        ),
    ]
}

fn faults() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/faults",
            ("list_faults", "Tells how often each fault came."),
            |service, _| Ok(FaultList::of(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/faults",
            ("add_fault", "Lets something befall requests from now on."),
            |service, _, fault: FaultBody| {
                let added = service.add_fault(fault.fault()?);
                let id = added.map_err(Refusal::unprocessable)?;
                Ok(FaultState {
                    id,
                    matched: 0,
                    befallen: 0,
                })
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/faults",
            ("clear_faults", "Ends all faults."),
            |service, _| {
                service.state().faults.clear();
                Ok(())
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/faults/{id}",
            ("remove_fault", "Ends a fault."),
            |service, given| {
                let id = given.parameter("id");
                let removed = id.parse().is_ok_and(|id| service.state().faults.remove(id));
                match removed {
                    true => Ok(()),
                    false => Err(Refusal::not_found(format!("there is no fault {id}"))),
                }
            },
        ),
    ]
}

fn snapshots() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/snapshots",
            ("list_snapshots", "Lists the snapshots, by name."),
            |service, _| {
                let state = service.state();
                let snapshots = state
                    .snapshots
                    .iter()
                    .map(|(name, snapshot)| SnapshotState {
                        name: name.clone(),
                        taken_at: snapshot.taken_at(),
                    });
                Ok(SnapshotList {
                    snapshots: snapshots.collect(),
                })
            },
        ),
        Door::get_by(
            Method::PUT,
            "/v1/snapshots/{name}",
            (
                "take_snapshot",
                "Takes a snapshot of accounts, what they own and the clock. One by that name is replaced.",
            ),
            |service, given| {
                let name = given.parameter("name").to_owned();
                let snapshot = service.snapshot();
                let taken_at = snapshot.taken_at();
                service.state().snapshots.insert(name.clone(), snapshot);
                Ok(SnapshotState { name, taken_at })
            },
        ),
        Door::act(
            Method::POST,
            "/v1/snapshots/{name}/restore",
            (
                "restore_snapshot",
                "Lets everything be as it was when the snapshot was taken. Requests, answers and faults stay.",
            ),
            |service, given| {
                let name = given.parameter("name");
                let snapshot = service.state().snapshots.get(name).cloned();
                let snapshot = snapshot.ok_or_else(|| no_snapshot(name))?;
                service.restore(&snapshot);
                Ok(())
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/snapshots/{name}",
            ("delete_snapshot", "Deletes a snapshot."),
            |service, given| {
                let name = given.parameter("name");
                let removed = service.state().snapshots.remove(name);
                removed.map(drop).ok_or_else(|| no_snapshot(name))
            },
        ),
    ]
}

fn no_snapshot(name: &str) -> Refusal {
    Refusal::not_found(format!("there is no snapshot {name:?}"))
}
