//! Health, time and limits.

use axum::http::Method;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::service::Service;
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

pub(super) fn doors() -> Vec<Door> {
    [health(), clock(), limits()]
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
