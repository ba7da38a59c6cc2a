//! Scripted responses and faults.

use std::collections::BTreeMap;

use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::service::Service;
use super::body::{AnswerBody, FaultBody};
use super::door::{Door, Refusal};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The operation's id in the spec.
    operation: String,
    /// The response to its next call that has a valid token and is within the rate limit.
    answer: AnswerBody,
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

pub(super) fn doors() -> Vec<Door> {
    [answers(), faults()].into_iter().flatten().collect()
}

fn answers() -> Vec<Door> {
    vec![
        Door::get(
            "/v1/answers",
            (
                "list_answers",
                "Returns the number of queued responses for each operation.",
            ),
            |service, _| Ok(Waiting::of(service)),
        ),
        Door::take(
            Method::POST,
            "/v1/answers",
            (
                "add_answer",
                "Queues a response for the next call of an operation, which then changes nothing.",
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
            ("clear_answers", "Clears the queued responses."),
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
