use std::time::Duration;

use docr_sandbox::Usage;
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn a_created_registry_can_be_read_and_deleted_and_its_name_is_free_again() {
    let bench = Bench::start().await;
    bench.get("/v2/registry").await.refused(404, "not_found");
    bench.delete("/v2/registry").await.refused(404, "not_found");

    let created = bench
        .post(
            "/v2/registry",
            json!({ "name": "acme", "subscription_tier_slug": "basic" }),
        )
        .await;
    assert_eq!(created.status, 201);
    let registry = &created.json()["registry"];
    assert_eq!(registry["name"], "acme");
    assert_eq!(registry["region"], "nyc3");
    assert_eq!(registry["created_at"], "2026-01-12T09:30:00Z");
    assert_eq!(registry["storage_usage_bytes"], 0);
    assert_eq!(registry["subscription"]["tier"]["slug"], "basic");
    assert_eq!(bench.get("/v2/registry").await.json(), created.json());

    let deleted = bench.delete("/v2/registry").await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    bench.get("/v2/registry").await.refused(404, "not_found");
    bench
        .get("/v2/registry/subscription")
        .await
        .refused(404, "not_found");
    assert_eq!(
        bench
            .post("/v2/registry/validate-name", json!({ "name": "acme" }))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_registry_is_created_in_the_requested_region() {
    let bench = Bench::start().await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "starter", "region": "fra1" });
    assert_eq!(
        bench.post("/v2/registry", body).await.json()["registry"]["region"],
        "fra1"
    );
}

#[tokio::test]
async fn a_second_registry_is_refused_in_every_tier() {
    for tier in ["starter", "professional"] {
        let bench = Bench::with_registry(tier).await;
        let body = |name| json!({ "name": name, "subscription_tier_slug": tier });
        let other = bench.post("/v2/registry", body("other")).await;
        let refused = other.refused(422, "unprocessable_entity");
        assert_eq!(refused, "user already has a registry");
        let own = bench.post("/v2/registry", body("acme")).await;
        assert_eq!(own.refused(409, "conflict"), "name already exists");
        assert_eq!(
            bench.get("/v2/registry").await.json()["registry"]["name"],
            "acme"
        );
    }
}

#[tokio::test]
async fn no_registry_has_a_name_reserved_by_a_path_of_the_api() {
    let bench = Bench::start().await;
    for name in ["options", "subscription", "validate-name"] {
        let body = json!({ "name": name, "subscription_tier_slug": "basic" });
        for path in [
            "/v2/registry",
            "/v2/registries",
            "/v2/registries/validate-name",
        ] {
            let refused = bench.post(path, body.clone()).await;
            let message = refused.refused(422, "unprocessable_entity");
            assert_eq!(message, "name: is reserved");
        }
    }
}

#[tokio::test]
async fn two_accounts_share_only_the_namespace_of_registries() {
    let bench = Bench::with_registry("basic").await;
    let other = bench.sandbox.add_account();
    bench
        .send("GET", "/v2/registry", &other, None)
        .await
        .refused(404, "not_found");

    let create = |name| json!({ "name": name, "subscription_tier_slug": "basic" }).to_string();
    bench
        .send("POST", "/v2/registry", &other, Some(create("acme")))
        .await
        .refused(409, "conflict");
    let name = json!({ "name": "acme" }).to_string();
    bench
        .send("POST", "/v2/registry/validate-name", &other, Some(name))
        .await
        .refused(409, "conflict");
    assert_eq!(
        bench
            .send("POST", "/v2/registry", &other, Some(create("other")))
            .await
            .status,
        201
    );
    assert_eq!(
        bench.get("/v2/registry").await.json()["registry"]["name"],
        "acme"
    );
}

#[tokio::test]
async fn a_name_of_the_account_itself_counts_as_taken() {
    let bench = Bench::with_registry("basic").await;
    bench
        .post("/v2/registry/validate-name", json!({ "name": "acme" }))
        .await
        .refused(409, "conflict");
}

#[tokio::test]
async fn a_malformed_name_is_refused_with_the_field_and_the_rule() {
    let bench = Bench::start().await;
    for name in [
        "",
        "Acme",
        "a_b",
        "a/b",
        "1acme",
        "-acme",
        "acme-",
        "-",
        "acme\n",
        &"a".repeat(64),
    ] {
        let asked = bench
            .post("/v2/registry/validate-name", json!({ "name": name }))
            .await;
        let message = asked.refused(422, "unprocessable_entity");
        assert!(message.starts_with("name: "), "{message}");
        let body = json!({ "name": name, "subscription_tier_slug": "basic" });
        bench
            .post("/v2/registry", body)
            .await
            .refused(422, "unprocessable_entity");
    }
    for name in ["a", "a1", "a--b", &"a".repeat(63)] {
        assert_eq!(
            bench
                .post("/v2/registry/validate-name", json!({ "name": name }))
                .await
                .status,
            204,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_storage_use_is_what_was_last_measured() {
    let bench = Bench::with_registry("basic").await;
    bench.clock.advance(Duration::from_millis(1500));
    bench.sandbox.set_usage(Usage {
        storage_bytes: 107_374_182_400,
        repositories: 3,
    });
    let registry = &bench.get("/v2/registry").await.json()["registry"];
    assert_eq!(registry["storage_usage_bytes"], 107_374_182_400_u64);
    assert_eq!(
        registry["storage_usage_bytes_updated_at"],
        "2026-01-12T09:30:01.500Z"
    );
    assert_eq!(registry["created_at"], "2026-01-12T09:30:00Z");
}

#[tokio::test]
async fn options_name_the_regions_and_say_which_tiers_fit() {
    let bench = Bench::start().await;
    let options = &bench.get("/v2/registry/options").await.json()["options"];
    assert_eq!(options["available_regions"].as_array().unwrap().len(), 8);
    let tiers = options["subscription_tiers"].as_array().unwrap();
    assert!(
        tiers
            .iter()
            .all(|tier| tier["eligible"] == true && tier.get("eligibility_reasons").is_none())
    );

    bench.sandbox.set_usage(Usage {
        storage_bytes: 1 << 40,
        repositories: 6,
    });
    let options = &bench.get("/v2/registry/options").await.json()["options"];
    let reasons =
        |index: usize| options["subscription_tiers"][index]["eligibility_reasons"].clone();
    assert_eq!(
        reasons(0),
        json!(["OverRepositoryLimit", "OverStorageLimit"])
    );
    assert_eq!(reasons(1), json!(["OverRepositoryLimit"]));
    assert_eq!(options["subscription_tiers"][2]["eligible"], true);
}
