use std::time::Duration;

use docr_sandbox::{Image, PushError};
use serde_json::{Value, json};

use crate::{Bench, Reply};

const ACTIVE: &str = "/v2/registries/acme/garbage-collection";
const ALL: &str = "/v2/registries/acme/garbage-collections";

fn run(reply: &Reply) -> Value {
    reply.json()["garbage_collection"].clone()
}

async fn put(bench: &Bench, uuid: &Value, body: Value) -> Reply {
    let path = format!("{ACTIVE}/{}", uuid.as_str().unwrap());
    let body = Some(body.to_string());
    bench.send("PUT", &path, bench.sandbox.token(), body).await
}

#[tokio::test]
async fn a_run_goes_through_its_states_and_frees_what_nothing_needs() {
    let bench = Bench::with_registry("basic").await;
    bench.get(ACTIVE).await.refused(404, "not_found");
    let image = Image::new("api").tag("v1").sized_layer(1, 5_000);
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let path = format!(
        "/v2/registries/acme/repositories/api/digests/{}",
        pushed.digest
    );
    assert_eq!(bench.delete(&path).await.status, 204);
    let before = bench.get("/v2/registry").await.json();
    let stored = &before["registry"]["storage_usage_bytes"];
    assert!(stored.as_u64().unwrap() > 5_000);

    let started = bench
        .send("POST", ACTIVE, bench.sandbox.token(), None)
        .await;
    assert_eq!(started.status, 201);
    assert_eq!(run(&started)["type"], "unreferenced blobs only");
    for (seconds, status) in [
        (0, "requested"),
        (10, "waiting for write JWTs to expire"),
        (60, "scanning manifests"),
        (20, "deleting unreferenced blobs"),
    ] {
        bench.clock.advance(Duration::from_secs(seconds));
        assert_eq!(run(&bench.get(ACTIVE).await)["status"], status);
    }
    let message = bench
        .post("/v2/registry/acme/garbage-collection", json!({}))
        .await
        .refused(409, "conflict");
    assert!(message.contains("garbage collection is active"));
    bench.delete(&path).await.refused(409, "conflict");
    assert_eq!(
        bench.sandbox.push("acme", Image::new("api")),
        Err(PushError::ReadOnly)
    );

    bench.clock.advance(Duration::from_secs(100));
    let after = bench.get("/v2/registry").await.json();
    assert_eq!(after["registry"]["storage_usage_bytes"], 0);
    bench.get(ACTIVE).await.refused(404, "not_found");
    let done = &bench.get(ALL).await.json()["garbage_collections"][0];
    assert_eq!(
        (&done["status"], &done["blobs_deleted"]),
        (&json!("succeeded"), &json!(2))
    );
    assert_eq!(&done["freed_bytes"], stored);
    assert_eq!(done["updated_at"], "2026-01-12T09:31:40Z");
    put(&bench, &done["uuid"], json!({ "cancel": true }))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn untagged_manifests_are_removed_but_not_the_children_of_a_tagged_index() {
    let bench = Bench::with_registry("basic").await;
    let push = |image| bench.sandbox.push("acme", image).unwrap();
    let index = Image::index("api").tag("v1");
    push(index.child(Image::new("api").layer("kept")));
    push(Image::new("api").layer("gone"));
    let count = async || {
        let list = bench.get("/v2/registries/acme/repositoriesV2").await;
        list.json()["repositories"][0]["manifest_count"].clone()
    };
    assert_eq!(count().await, 3);
    for (kind, blobs) in [
        ("untagged manifests only", 0),
        ("untagged manifests and unreferenced blobs", 2),
        ("untagged manifests and unreferenced blobs", 0),
    ] {
        assert_eq!(
            bench.post(ACTIVE, json!({ "type": kind })).await.status,
            201
        );
        bench.clock.advance(Duration::from_secs(100));
        assert_eq!(count().await, 2);
        let newest = &bench.get(ALL).await.json()["garbage_collections"][0];
        assert_eq!(
            (&newest["type"], &newest["blobs_deleted"]),
            (&json!(kind), &json!(blobs))
        );
    }
    bench
        .post(ACTIVE, json!({ "type": "everything" }))
        .await
        .refused(422, "unprocessable_entity");
}

#[tokio::test]
async fn a_cancelled_run_removes_nothing() {
    let bench = Bench::with_registry("basic").await;
    bench
        .sandbox
        .push("acme", Image::new("api").layer("x"))
        .unwrap();
    let kind = json!({ "type": "untagged manifests and unreferenced blobs" });
    let uuid = run(&bench.post(ACTIVE, kind).await)["uuid"].clone();
    let unchanged = put(&bench, &uuid, json!({ "cancel": false })).await;
    assert_eq!(
        (unchanged.status, &run(&unchanged)["status"]),
        (200, &json!("requested"))
    );
    let unknown = json!("7a1f0c52-9b7e-4a55-b8a4-2f6f3f1f9a10");
    put(&bench, &unknown, json!({ "cancel": true }))
        .await
        .refused(404, "not_found");

    for _ in 0..2 {
        let asked = put(&bench, &uuid, json!({ "cancel": true })).await;
        assert_eq!(
            (asked.status, &run(&asked)["status"]),
            (200, &json!("cancelling"))
        );
        bench.clock.advance(Duration::from_secs(2));
    }
    bench.clock.advance(Duration::from_secs(1));
    bench.get(ACTIVE).await.refused(404, "not_found");
    let run = &bench.get(ALL).await.json()["garbage_collections"][0];
    assert_eq!(
        (&run["status"], &run["freed_bytes"]),
        (&json!("cancelled"), &json!(0))
    );
    assert_eq!(run["updated_at"], "2026-01-12T09:30:05Z");
    bench.sandbox.push("acme", Image::new("api")).unwrap();
}
