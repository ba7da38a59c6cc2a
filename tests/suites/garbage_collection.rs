//! Garbage collections from start to end, on a clock that client and sandbox share.

use std::time::Duration;

use docr::{
    Client, ErrorKind, GarbageCollectionStatus as Status, GarbageCollectionType as Type,
    GarbageCollections,
};
use docr_sandbox::{Clock, Image, ScriptedResponse};
use docr_tests::sandbox::{Checked, furnish, noon, registry_name, sharing, start};
use serde_json::json;

/// A registry with an untagged image of 3 MB.
async fn bench() -> (Checked, Clock, GarbageCollections) {
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    for seed in [1, 2] {
        let image = Image::new("shop/api")
            .sized_layer(seed, 3_000_000)
            .tag("v1");
        sandbox.push("acme-images", image).unwrap();
    }
    let runs = of(&sharing(&sandbox, &clock));
    (sandbox, clock, runs)
}

fn of(docr: &Client) -> GarbageCollections {
    docr.registry(registry_name()).garbage_collections()
}

const BOTH: Type = Type::UntaggedManifestsAndUnreferencedBlobs;

#[tokio::test]
async fn a_wait_ends_with_the_run_and_reports_what_it_freed() {
    let (_sandbox, clock, runs) = bench().await;
    let run = runs.start(BOTH).await.unwrap();
    let done = runs.watch(&run).wait().await.unwrap();
    assert_eq!(done.status, Some(Status::Succeeded));
    assert!(done.freed_bytes >= Some(3_000_000), "{done:?}");
    assert!(done.blobs_deleted >= Some(1), "{done:?}");
    let took = (clock.now() - noon()).num_seconds();
    assert!((100..=105).contains(&took), "{took}");
}

#[tokio::test]
async fn each_status_of_a_run_is_reported_once() {
    let (_sandbox, _, runs) = bench().await;
    let run = runs.start(BOTH).await.unwrap();
    let mut watch = runs.watch(&run).every(Duration::from_secs(1));
    let mut statuses = Vec::new();
    while let Some(run) = watch.next().await {
        statuses.push(run.unwrap().status.unwrap());
    }
    let all = [
        Status::Requested,
        Status::WaitingForWriteJwTsToExpire,
        Status::ScanningManifests,
        Status::DeletingUnreferencedBlobs,
        Status::Succeeded,
    ];
    assert_eq!(statuses, all);
}

#[tokio::test]
async fn a_cancelled_run_is_an_error() {
    let (_sandbox, _, runs) = bench().await;
    let run = runs.start(BOTH).await.unwrap();
    runs.cancel(&run).await.unwrap();
    let error = runs.watch(&run).wait().await.unwrap_err();
    assert!(error.is_garbage_collection_failed());
    assert_eq!(
        error.garbage_collection().unwrap().status,
        Some(Status::Cancelled)
    );
    assert_eq!(
        error.to_string(),
        "the garbage collection ended as \"cancelled\""
    );
}

#[tokio::test]
async fn a_second_run_is_refused_with_the_active_one() {
    let (_sandbox, _, runs) = bench().await;
    let first = runs.start(BOTH).await.unwrap();
    let error = runs.start(Type::UnreferencedBlobsOnly).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GarbageCollectionActive);
    assert_eq!(error.garbage_collection().unwrap().uuid, first.uuid);
    assert!(
        error
            .to_string()
            .contains(&format!("{} is active already", first.uuid)),
        "{error}"
    );
}

#[tokio::test]
async fn a_start_that_is_refused_for_another_reason_reports_it() {
    let (sandbox, _, runs) = bench().await;
    let refused = ScriptedResponse::status(422);
    sandbox
        .respond_next("registries_run_garbageCollection", refused)
        .unwrap();
    let error = runs.start(BOTH).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (ErrorKind::Rejected, Some(422))
    );
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_reported_with_its_status() {
    let (_sandbox, clock, runs) = bench().await;
    let run = runs.start(BOTH).await.unwrap();
    let hasty = runs.with(|calls| calls.wait_limit(Duration::from_secs(30)));
    let error = hasty.watch(&run).wait().await.unwrap_err();
    assert!(error.is_wait_expired());
    let status = error.garbage_collection().unwrap().status.clone();
    assert_eq!(status, Some(Status::WaitingForWriteJwTsToExpire));
    assert!(clock.now() - noon() <= chrono::TimeDelta::seconds(30));
    assert!(error.to_string().ends_with("after 30s"), "{error}");
    // The longest limit doesn't overflow.
    let patient = runs.with(|calls| calls.wait_limit(Duration::MAX));
    patient.watch(&run).wait().await.unwrap();
}

#[tokio::test]
async fn a_run_that_does_not_exist_is_not_found() {
    let (_sandbox, _, runs) = bench().await;
    let id = "7a1f0c52-9b7e-4a55-b8a4-2f6f3f1f9a10";
    let error = runs.watch(id).wait().await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(runs.get_opt(id).await.unwrap(), None);
    // An invalid id is refused before a request is sent.
    let error = runs.watch("latest").wait().await.unwrap_err();
    assert!(error.is_invalid_input(), "{error}");
    let run = runs.start(BOTH).await.unwrap();
    assert_eq!(runs.get(&run).await.unwrap().uuid, run.uuid);
    let found = runs.get_opt(&run).await.unwrap();
    assert_eq!(found.map(|found| found.uuid), Some(run.uuid.clone()));
}

#[tokio::test]
async fn a_run_with_an_unknown_status_is_watched_while_it_is_active() {
    let (sandbox, _, runs) = bench().await;
    let run = runs.start(BOTH).await.unwrap();
    let with_status =
        |status: &str| json!({"garbage_collection": {"uuid": run.uuid, "status": status}});
    for status in ["counting sheep", "success"] {
        let response = ScriptedResponse::json(200, with_status(status));
        sandbox
            .respond_next("registries_get_garbageCollection", response)
            .unwrap();
    }
    let done = runs.watch(&run).wait().await.unwrap();
    assert_eq!(done.status, Some(Status::Other("success".into())));
}

#[tokio::test]
async fn wait_until_idle_ends_when_no_run_is_active() {
    let (_sandbox, clock, runs) = bench().await;
    let within = |seconds| runs.with(|calls| calls.wait_limit(Duration::from_secs(seconds)));
    within(0).wait_until_idle().await.unwrap();
    runs.start(BOTH).await.unwrap();
    let error = within(20).wait_until_idle().await.unwrap_err();
    assert!(error.is_wait_expired());
    assert!(error.garbage_collection().is_some());
    runs.wait_until_idle().await.unwrap();
    assert!((clock.now() - noon()).num_seconds() >= 100);
}
