//! Scripted responses and faults.

use std::collections::BTreeMap;

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::service::Service;
use super::body::{FaultBody, ResponseBody};
use super::door::{Door, Refusal};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The operation's id in the spec.
    operation: String,
    /// The response to its next call that has a valid token and is within the rate limit.
    #[serde(alias = "answer")]
    response: ResponseBody,
}

/// The number of queued responses for each operation.
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
    /// The number of requests that it matched.
    matched: u64,
    /// The number of requests that it applied to.
    applied: u64,
    /// The former name of `applied`.
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
            applied: count.applied,
            befallen: count.applied,
        });
        Self {
            faults: faults.collect(),
        }
    }
}

pub(super) fn doors() -> Vec<Door> {
    [responses(), faults()].into_iter().flatten().collect()
}

fn responses() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/responses",
            (
                "list_responses",
                "Returns the number of queued responses for each operation.",
            ),
            |service, _| Ok(Waiting::of(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/responses",
            (
                "add_response",
                "Queues a response for the next call of an operation, which then changes nothing.",
            ),
            |service, _, script: Script| {
                let response = script.response.response()?;
                let queued = service.respond_next(&script.operation, response);
                queued.map_err(Refusal::unprocessable)?;
                Ok(Waiting::of(service))
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/responses",
            ("clear_responses", "Clears the queued responses."),
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
            (
                "list_faults",
                "Returns how often each fault matched and applied.",
            ),
            |service, _| Ok(FaultList::of(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/faults",
            ("add_fault", "Adds a fault."),
            |service, _, fault: FaultBody| {
                let added = service.add_fault(fault.fault()?);
                let id = added.map_err(Refusal::unprocessable)?;
                Ok(FaultState {
                    id,
                    matched: 0,
                    applied: 0,
                    befallen: 0,
                })
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/faults",
            ("clear_faults", "Removes all faults."),
            |service, _| {
                service.state().faults.clear();
                Ok(())
            },
        ),
        Door::act(
            Method::DELETE,
            "/v1/faults/{id}",
            ("remove_fault", "Removes a fault."),
            |service, given| {
                let id = given.parameter("id");
                let removed = id.parse().is_ok_and(|id| service.state().faults.remove(id));
                match removed {
                    true => Ok(()),
                    false => Err(Refusal::not_found(format!("fault {id} not found"))),
                }
            },
        ),
    ]
}
