//! Snapshots, by name.

use axum::http::Method;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::door::{Door, Refusal};

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
                "Takes a snapshot of accounts, what they own and the clock. It replaces one with the same name.",
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
                "Restores a snapshot. The log of requests, queued responses and faults are kept.",
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
    Refusal::not_found(format!("snapshot {name:?} not found"))
}
