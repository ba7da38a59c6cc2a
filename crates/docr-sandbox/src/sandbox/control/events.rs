//! What happens, as a stream of server-sent events.

use std::convert::Infallible;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError as Missed;

use super::super::event::Event;
use super::super::service::Service;

/// All events from now on, until the sandbox ends.
pub(super) fn stream(service: &Service) -> Response {
    let spec = service.spec;
    let events = BroadcastStream::new(service.state().events.watch());
    let events = events.map(move |event| {
        Ok::<_, Infallible>(match event {
            Ok(Event::Request(entry)) => told("request", entry.read(&spec.secret_fields)),
            Ok(Event::Change) => told("change", json!({})),
            Err(Missed::Lagged(events)) => told("lost", json!({ "events": events })),
        })
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn told(name: &str, data: impl Serialize) -> sse::Event {
    let event = sse::Event::default().event(name);
    // What is told is text without line breaks, which is all that could fail.
    event.json_data(data).unwrap_or_default()
}
