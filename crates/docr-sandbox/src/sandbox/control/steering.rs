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

/// Changes of the clock; fields that are missing change nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetClock {
    /// The new time, which can't be in the past: only a reset or a snapshot moves the clock back.
    #[serde(default)]
    now: Option<DateTime<Utc>>,
    /// Whether it is frozen.
    #[serde(default)]
    frozen: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// How far to move the clock forward.
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
            ("live", "Confirms that the sandbox is running."),
            healthy("live"),
        ),
        Door::get(
            "/v1/health/ready",
            (
                "ready",
                "Confirms that the sandbox has its initial content.",
            ),
            // It is added before the port is opened.
            healthy("ready"),
        ),
        Door::act(
            Method::POST,
            "/v1/reset",
            (
                "reset",
                "Restores what there was when the sandbox was started, including the clock and rate limits, and clears the log of requests, queued responses and faults.",
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
            ("get_clock", "Returns the sandbox's time."),
            |service, _| Ok(ClockState::of(&service.clock)),
        ),
        Door::take(
            Method::PUT,
            "/v1/clock",
            ("set_clock", "Freezes, resumes or sets the clock."),
            |service, _, body: SetClock| {
                let (clock, now) = (&service.clock, service.clock.now());
                if let Some(time) = body.now.filter(|time| *time < now) {
                    return Err(Refusal::unprocessable(format!(
                        "now: {time} is in the past, the clock is at {now}; only a reset or a snapshot moves it back"
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
            ("advance_clock", "Moves the clock forward, frozen or not."),
            |service, _, body: Advance| {
                service
                    .clock
                    .advance(std::time::Duration::from_secs(body.seconds));
                Ok(moved(service))
            },
        ),
    ]
}

/// Brings the sandbox up to the new time.
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
                "Returns how many requests a token may make.",
            ),
            |service, _| Ok(service.state().limits),
        ),
        Door::take(
            Method::PUT,
            "/v1/rate-limits",
            (
                "set_rate_limits",
                "Changes how many requests a token may make. Earlier requests still count.",
            ),
            |service, _, limits: RateLimits| {
                service.set_rate_limits(limits);
                Ok(limits)
            },
        ),
        Door::act(
            Method::POST,
            "/v1/rate-limits/forget",
            (
                "forget_rates",
                "Resets the rate limits: no earlier request counts any more.",
            ),
            |service, _| {
                service.forget_rates();
                Ok(())
            },
        ),
    ]
}
