//! Checking whether a push will fit, with the sandbox's tiers.

use docr::{
    CreateRegistry, GarbageCollectionType, PlannedPush, Preflight, PushObstacle, Registries,
    TierSlug,
};
use docr_sandbox::{Image, Sandbox};
use docr_tests::sandbox::{Checked, client, registry_name, start};

const GIB: u64 = 1 << 30;

async fn account(tier: TierSlug) -> (Checked, Registries) {
    let (sandbox, _) = start().await;
    let registries = client(&sandbox).registries();
    registries
        .create(CreateRegistry::new(registry_name(), tier))
        .await
        .unwrap();
    (sandbox, registries)
}

fn push(sandbox: &Sandbox, repository: &str, bytes: u64) {
    let image = Image::new(repository).sized_layer(bytes, bytes).tag("v1");
    sandbox.push("acme-images", image).unwrap();
}

fn to(repositories: &[&str]) -> PlannedPush {
    let push = PlannedPush::to(registry_name());
    repositories
        .iter()
        .fold(push, |push, name| push.repository(name.parse().unwrap()))
}

async fn check(registries: &Registries, push: PlannedPush) -> Preflight {
    registries.preflight(&push).await.unwrap()
}

#[tokio::test]
async fn a_push_within_the_limits_fits() {
    let (sandbox, registries) = account(TierSlug::Starter).await;
    push(&sandbox, "shop/api", 400_000_000);
    let preflight = check(&registries, to(&["shop/api"]).bytes(100_000_000)).await;
    assert!(preflight.fits(), "{preflight:?}");
    assert_eq!(
        (preflight.tier, preflight.overage),
        (TierSlug::Starter, None)
    );
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Starter));
}

#[tokio::test]
async fn one_repository_too_many_is_reported_with_the_tier_that_includes_it() {
    let (sandbox, registries) = account(TierSlug::Starter).await;
    push(&sandbox, "shop/api", 1000);
    let preflight = check(&registries, to(&["shop/api", "shop/web"])).await;
    let obstacle = PushObstacle::Repositories {
        used: 1,
        new: 1,
        included: 1,
    };
    assert_eq!(preflight.obstacles, [obstacle]);
    assert_eq!(
        preflight.obstacles[0].to_string(),
        "repositories: 1 and 1 more exceed the 1 that the tier includes"
    );
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Basic));
    let names = ["a", "b", "c", "d", "e"];
    let preflight = check(&registries, to(&names)).await;
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Professional));
}

#[tokio::test]
async fn storage_beyond_the_tier_is_an_obstacle_or_an_overage_with_its_price() {
    let (_sandbox, registries) = account(TierSlug::Starter).await;
    let preflight = check(&registries, to(&["a"]).bytes(GIB)).await;
    let obstacle = PushObstacle::Storage {
        used: 0,
        new: GIB,
        included: 524_288_000,
    };
    assert_eq!(
        (&preflight.obstacles[..], preflight.overage),
        (&[obstacle][..], None)
    );
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Basic));

    let (_sandbox, registries) = account(TierSlug::Basic).await;
    let preflight = check(&registries, to(&["a"]).bytes(7 * GIB + 1)).await;
    assert!(preflight.fits());
    let overage = preflight.overage.unwrap();
    assert_eq!((overage.bytes, overage.cents_a_month), (2 * GIB + 1, 6));
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Basic));
    // The larger tier is never worth its price for storage alone, since overage is cheap.
    let preflight = check(&registries, to(&["a"]).bytes(1000 * GIB)).await;
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Basic));
    // No number overflows.
    let preflight = check(&registries, to(&["a"]).bytes(u64::MAX)).await;
    assert!(preflight.fits());
}

#[tokio::test]
async fn an_active_garbage_collection_is_an_obstacle() {
    let (sandbox, registries) = account(TierSlug::Basic).await;
    let runs = client(&sandbox)
        .registry(registry_name())
        .garbage_collections();
    let run = runs
        .start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    let preflight = check(&registries, to(&["a"])).await;
    assert!(
        matches!(&preflight.obstacles[..], [PushObstacle::ReadOnly(active)] if active.uuid == run.uuid)
    );
}

#[tokio::test]
async fn a_missing_registry_is_reported() {
    let (_sandbox, registries) = account(TierSlug::Basic).await;
    let preflight = check(&registries, PlannedPush::to("acme-mirror".parse().unwrap())).await;
    assert_eq!(
        preflight.obstacles[0].to_string(),
        "the account has no registry acme-mirror"
    );
}

#[tokio::test]
async fn usage_is_the_sum_over_all_registries() {
    let (sandbox, registries) = account(TierSlug::Professional).await;
    let second = CreateRegistry::new("acme-mirror".parse().unwrap(), TierSlug::Professional);
    registries.create(second).await.unwrap();
    push(&sandbox, "shop/api", 3_000_000);
    let image = Image::new("a").sized_layer(1, 2_000_000).tag("v1");
    sandbox.push("acme-mirror", image).unwrap();
    let usage = registries.usage().await.unwrap();
    assert_eq!(usage.repositories(), 2);
    assert!(
        (5_000_000..5_001_000).contains(&usage.storage_bytes),
        "{}",
        usage.storage_bytes
    );
    // The smaller tiers allow one registry.
    let preflight = check(&registries, to(&["shop/api"])).await;
    assert_eq!(preflight.cheapest_tier, Some(TierSlug::Professional));
}
