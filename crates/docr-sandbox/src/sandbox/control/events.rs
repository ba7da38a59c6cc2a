//! The sandbox's events, as a stream of server-sent events.

use std::convert::Infallible;

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::super::event::Event;
use super::super::service::Service;

/// All events from now on, until the sandbox stops.
pub(super) fn stream(service: &Service) -> Response {
    let secret_fields = &service.spec.secret_fields;
    let watch = service.state().events.watch();
    let events = unfold(watch, move |mut watch| async move {
        let event = match watch.recv().await {
            Ok(Event::Request(entry)) => told("request", entry.read(secret_fields)),
            Ok(Event::Change) => told("change", json!({})),
            Err(RecvError::Lagged(events)) => told("lost", json!({ "events": events })),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok::<_, Infallible>(event), watch))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn told(name: &str, data: impl Serialize) -> sse::Event {
    let event = sse::Event::default().event(name);
    // Only a line break could fail, and the JSON has none.
    event.json_data(data).unwrap_or_default()
}
