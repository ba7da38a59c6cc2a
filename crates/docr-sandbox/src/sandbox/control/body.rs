//! Scripted answers and faults as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::script::ScriptedAnswer;
use super::door::Refusal;

/// A response that is sent in place of the real one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    /// The body as text. Without `json` and `body` a failure has the standard error envelope.
    #[serde(default)]
    body: Option<String>,
    /// The body's type: `application/json` unless given.
    #[serde(default)]
    content_type: Option<String>,
}

/// A `null` that is given is a body.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl AnswerBody {
    pub(super) fn answer(self) -> Result<ScriptedAnswer, Refusal> {
        let answer = match (self.json, self.body) {
            (Some(_), Some(_)) => {
                return Err(Refusal::unprocessable(
                    "json, body: only one of them can be sent",
                ));
            }
            (Some(json), None) => ScriptedAnswer::json(self.status, json),
            (None, Some(text)) => ScriptedAnswer::status(self.status).body(text),
            (None, None) => ScriptedAnswer::status(self.status),
        };
        let answer = match self.content_type {
            Some(kind) => answer.content_type(kind),
            None => answer,
        };
        Ok(self
            .headers
            .into_iter()
            .fold(answer, |answer, (name, value)| answer.header(name, value)))
    }
}

/// Something that befalls requests. Which ones: those that fit `operation`, `method` and `path`, after the first `skip`,
/// `times` of them, with `probability`. What: `latency_milliseconds`, and one of `answer`, `cut_off` and `connection`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultBody {
    /// The operation's id in the spec.
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    method: Option<String>,
    /// A pattern of paths: `*` stands for any text without a slash, `**` for any.
    #[serde(default)]
    path: Option<String>,
    /// How many requests are spared first.
    #[serde(default)]
    skip: u64,
    /// How many requests it befalls; all unless given.
    #[serde(default)]
    times: Option<u64>,
    /// The share of requests that it befalls, from 0 to 1.
    #[serde(default)]
    probability: Option<f64>,
    /// What the share is drawn from. The same seed chooses the same requests.
    #[serde(default)]
    seed: u64,
    /// How much later the request arrives, in real time.
    #[serde(default)]
    latency_milliseconds: u64,
    /// This is sent, and nothing is done.
    #[serde(default)]
    answer: Option<AnswerBody>,
    /// What is asked is done, but of the response's body only so many bytes arrive.
    #[serde(default)]
    cut_off: Option<u64>,
    /// The connection ends without a response.
    #[serde(default)]
    connection: Option<Connection>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Connection {
    /// Nothing is done.
    Reset,
    /// What is asked is done.
    Lost,
}

impl FaultBody {
    pub(super) fn fault(self) -> Result<Fault, Refusal> {
        let latency = Duration::from_millis(self.latency_milliseconds);
        let fault = match (self.answer, self.cut_off, self.connection) {
            (Some(answer), None, None) => Fault::answer(answer.answer()?),
            (None, Some(bytes), None) => Fault::cut_off(bytes),
            (None, None, Some(Connection::Reset)) => Fault::reset(),
            (None, None, Some(Connection::Lost)) => Fault::lost(),
            (None, None, None) if !latency.is_zero() => Fault::latency(latency),
            (None, None, None) => {
                return Err(Refusal::unprocessable(
                    "answer, cut_off, connection, latency_milliseconds: a fault needs one of them",
                ));
            }
            _ => {
                return Err(Refusal::unprocessable(
                    "answer, cut_off, connection: a fault can have only one of them",
                ));
            }
        };
        let mut fault = fault.after(latency).skip(self.skip);
        if let Some(operation) = self.operation {
            fault = fault.operation(operation);
        }
        if let Some(method) = self.method {
            fault = fault.method(method);
        }
        if let Some(path) = self.path {
            fault = fault.path(path);
        }
        if let Some(times) = self.times {
            fault = fault.times(times);
        }
        if let Some(share) = self.probability {
            fault = fault.probability(share, self.seed);
        }
        Ok(fault)
    }
}
