use docr_sandbox::Image;
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn the_first_registry_needs_a_tier_and_later_ones_do_not() {
    let bench = Bench::start().await;
    let create = async |body| bench.post("/v2/registries", body).await;
    let message = create(json!({ "name": "one" }))
        .await
        .refused(422, "unprocessable_entity");
    assert!(message.contains("subscription_tier_slug"));
    let first = create(json!({ "name": "one", "subscription_tier_slug": "basic" })).await;
    assert_eq!(first.status, 201);
    create(json!({ "name": "one" }))
        .await
        .refused(409, "conflict");
    assert_eq!(
        create(json!({ "name": "two" }))
            .await
            .refused(412, "precondition_failed"),
        "registry is not eligible for tier because: [OverRegistryLimit]"
    );
    let moved = json!({ "name": "n1", "subscription_tier_slug": "professional" });
    let moved = create(moved).await.json();
    assert_eq!(
        moved["registry"]["subscription"]["tier"]["slug"],
        "professional"
    );
    for number in 2..10 {
        assert_eq!(
            create(json!({ "name": format!("n{number}") })).await.status,
            201
        );
    }
    create(json!({ "name": "n10" }))
        .await
        .refused(412, "precondition_failed");
}

#[tokio::test]
async fn registries_are_independent_and_the_subscription_stays_until_the_last_is_deleted() {
    let bench = Bench::with_registry("professional").await;
    assert_eq!(
        bench
            .post("/v2/registries", json!({ "name": "other" }))
            .await
            .status,
        201
    );
    let image = Image::new("api").sized_layer(1, 70_000);
    bench.sandbox.push("other", image).unwrap();
    let list = bench.get("/v2/registries").await.json();
    assert_eq!(list["registries"][0]["storage_usage_bytes"], 0);
    assert_eq!(
        list["total_storage_usage_bytes"],
        list["registries"][1]["storage_usage_bytes"]
    );
    let credentials = "/v2/registries/other/docker-credentials?read_write=true&expiry_seconds=60";
    assert_eq!(bench.get(credentials).await.status, 200);
    assert!(bench.sandbox.credentials()[0].read_write);

    for name in ["acme", "other"] {
        assert_eq!(bench.get("/v2/registries/subscription").await.status, 200);
        let path = format!("/v2/registries/{name}");
        assert_eq!(bench.get(&path).await.status, 200);
        assert_eq!(bench.delete(&path).await.status, 204);
        bench.delete(&path).await.refused(404, "not_found");
        bench.get(&path).await.refused(404, "not_found");
    }
    bench
        .get("/v2/registries/subscription")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn calls_that_name_no_registry_are_refused_once_there_are_several() {
    let bench = Bench::with_registry("professional").await;
    bench
        .post("/v2/registries", json!({ "name": "other" }))
        .await;
    for path in [
        "/v2/registry",
        "/v2/registry/docker-credentials",
        "/v2/registry/subscription",
    ] {
        let refused = bench.get(path).await.refused(412, "precondition_failed");
        assert!(
            refused.contains("'/v2/registries/{registry_name}'"),
            "{refused}"
        );
    }
    for (path, status) in [
        ("/v2/registry/acme/repositories", 200),
        ("/v2/registry/other/repositoriesV2", 200),
        ("/v2/registry/acme/garbage-collection", 404),
        ("/v2/registry/other/garbage-collections", 200),
        ("/v2/registry/acme/repositories/api/tags", 404),
    ] {
        assert_eq!(bench.get(path).await.status, status, "{path}");
    }
    bench
        .delete("/v2/registry")
        .await
        .refused(412, "precondition_failed");
    assert_eq!(bench.get("/v2/registry/options").await.status, 200);
}
