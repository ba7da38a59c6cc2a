use std::time::Duration;

use docr_sandbox::Usage;
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn a_subscription_begins_with_the_registry() {
    let bench = Bench::with_registry("starter").await;
    let expected = json!({ "subscription": {
        "tier": {
            "name": "Starter",
            "slug": "starter",
            "included_repositories": 1,
            "included_storage_bytes": 524_288_000,
            "allow_storage_overage": false,
            "included_bandwidth_bytes": 524_288_000,
            "monthly_price_in_cents": 0,
            "storage_overage_price_in_cents": 0,
        },
        "created_at": "2026-01-12T09:30:00Z",
        "updated_at": "2026-01-12T09:30:00Z",
    } });
    assert_eq!(
        bench.get("/v2/registry/subscription").await.json(),
        expected
    );
}

#[tokio::test]
async fn without_a_registry_there_is_no_subscription() {
    let bench = Bench::start().await;
    bench
        .get("/v2/registry/subscription")
        .await
        .refused(404, "not_found");
    let change = json!({ "tier_slug": "basic" });
    bench
        .post("/v2/registry/subscription", change)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_change_of_tier_moves_the_time_of_the_update_and_a_repeat_does_not() {
    let bench = Bench::with_registry("starter").await;
    bench.clock.advance(Duration::from_secs(30));
    let changed = bench
        .post(
            "/v2/registry/subscription",
            json!({ "tier_slug": "professional" }),
        )
        .await;
    assert_eq!(changed.status, 200);
    assert_eq!(
        changed.json()["subscription"]["tier"]["storage_overage_price_in_cents"],
        2
    );
    assert_eq!(
        changed.json()["subscription"]["created_at"],
        "2026-01-12T09:30:00Z"
    );
    assert_eq!(
        changed.json()["subscription"]["updated_at"],
        "2026-01-12T09:30:30Z"
    );

    bench.clock.advance(Duration::from_secs(30));
    let repeated = bench
        .post(
            "/v2/registry/subscription",
            json!({ "tier_slug": "professional" }),
        )
        .await;
    assert_eq!((repeated.status, repeated.json()), (200, changed.json()));
}

#[tokio::test]
async fn an_unsuitable_tier_is_refused_with_every_reason() {
    let bench = Bench::with_registry("professional").await;
    bench.sandbox.set_usage(Usage {
        storage_bytes: 524_288_001,
        repositories: 2,
    });
    let refused = bench
        .post(
            "/v2/registry/subscription",
            json!({ "tier_slug": "starter" }),
        )
        .await;
    assert_eq!(
        refused.refused(412, "precondition_failed"),
        "registry is not eligible for tier because: [OverRepositoryLimit OverStorageLimit]"
    );
    let current = bench.get("/v2/registry/subscription").await.json();
    assert_eq!(current["subscription"]["tier"]["slug"], "professional");

    bench.sandbox.set_usage(Usage {
        storage_bytes: 1 << 40,
        repositories: 5,
    });
    assert_eq!(
        bench
            .post("/v2/registry/subscription", json!({ "tier_slug": "basic" }))
            .await
            .status,
        200
    );
}
