//! Scripted responses and faults as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::super::fault::Fault;
use super::super::script::ScriptedResponse;
use super::door::Refusal;

/// A response to send in place of the real one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResponseBody {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(default, deserialize_with = "present")]
    json: Option<Value>,
    /// The body as text. Without `json` and `body`, a failure has the standard error envelope.
    #[serde(default)]
    body: Option<String>,
    /// The type of the body; `application/json` by default.
    #[serde(default)]
    content_type: Option<String>,
}

/// An explicit `null` is a body.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl ResponseBody {
    pub(super) fn response(self) -> Result<ScriptedResponse, Refusal> {
        let response = match (self.json, self.body) {
            (Some(_), Some(_)) => {
                return Err(Refusal::unprocessable(
                    "json, body: only one of them is allowed",
                ));
            }
            (Some(json), None) => ScriptedResponse::json(self.status, json),
            (None, Some(text)) => ScriptedResponse::status(self.status).body(text),
            (None, None) => ScriptedResponse::status(self.status),
        };
        let response = match self.content_type {
            Some(kind) => response.content_type(kind),
            None => response,
        };
        Ok(self
            .headers
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.header(name, value)
            }))
    }
}

/// A fault. It applies to requests that match `operation`, `method` and `path`, restricted by `skip`, `times` and
/// `probability`. It has `latency_milliseconds`, or one of `response`, `cut_off` and `connection`, or both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultBody {
    /// The operation's id in the spec.
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    method: Option<String>,
    /// A path pattern: `*` matches any text without a slash, `**` any text.
    #[serde(default)]
    path: Option<String>,
    /// How many matching requests to skip first.
    #[serde(default)]
    skip: u64,
    /// How many requests it applies to; all by default.
    #[serde(default)]
    times: Option<u64>,
    /// The random share of requests that it applies to, from 0 to 1.
    #[serde(default)]
    probability: Option<f64>,
    /// The seed of `probability`. The same seed selects the same requests.
    #[serde(default)]
    seed: u64,
    /// The delay of the request, in real time.
    #[serde(default)]
    latency_milliseconds: u64,
    /// The response to send; the request is not processed.
    #[serde(default, alias = "answer")]
    response: Option<ResponseBody>,
    /// The request is processed, but the connection ends after so many bytes of the response's body.
    #[serde(default)]
    cut_off: Option<u64>,
    /// The connection ends without a response.
    #[serde(default)]
    connection: Option<Connection>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Connection {
    /// The request is not processed.
    Reset,
    /// The request is processed.
    Lost,
}

impl FaultBody {
    pub(super) fn fault(self) -> Result<Fault, Refusal> {
        let latency = Duration::from_millis(self.latency_milliseconds);
        let fault = match (self.response, self.cut_off, self.connection) {
            (Some(response), None, None) => Fault::response(response.response()?),
            (None, Some(bytes), None) => Fault::cut_off(bytes),
            (None, None, Some(Connection::Reset)) => Fault::reset(),
            (None, None, Some(Connection::Lost)) => Fault::lost(),
            (None, None, None) if !latency.is_zero() => Fault::latency(latency),
            (None, None, None) => {
                return Err(Refusal::unprocessable(
                    "response, cut_off, connection, latency_milliseconds: one of them is required",
                ));
            }
            _ => {
                return Err(Refusal::unprocessable(
                    "response, cut_off, connection: only one of them is allowed",
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
