//! Registries, images, garbage collections, certificates and clusters, as scenarios against the sandbox.

use std::time::Duration;

use docr::{
    CreateCertificate, CreateRegistry, Digest, GarbageCollectionStatus, GarbageCollectionType,
    RegistryName, RepositoryName, Tag, TierSlug,
};
use docr_sandbox::{CertificateSeed, Image, Sandbox};
use docr_tests::sandbox::{client, furnish, registry_name, start};

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

fn push(sandbox: &Sandbox, repository: &str, tag: &str, layer: &str) -> Digest {
    let image = Image::new(repository).tag(tag).layer(layer);
    sandbox
        .push("acme-images", image)
        .unwrap()
        .digest
        .parse()
        .unwrap()
}

#[tokio::test]
async fn an_account_on_the_professional_tier_has_several_registries() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let docr = client(&sandbox);
    let second: RegistryName = "acme-mirror".parse().unwrap();

    let refused = docr
        .registries()
        .create(CreateRegistry::in_subscription(second.clone()))
        .await;
    assert!(refused.unwrap_err().is_tier_not_eligible());
    docr.registries()
        .change_tier(TierSlug::Professional)
        .await
        .unwrap();
    docr.registries()
        .create(CreateRegistry::in_subscription(second.clone()))
        .await
        .unwrap();

    let names: Vec<_> = docr
        .registries()
        .list()
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|r| r.name)
        .collect();
    assert_eq!(names, ["acme-images", "acme-mirror"]);
    let error = docr.legacy_registry().get().await.unwrap_err();
    assert!(error.is_several_registries(), "{error}");

    let mirror = docr.registry(second);
    assert_eq!(mirror.get().await.unwrap().name, "acme-mirror");
    mirror.delete().await.unwrap();
    assert_eq!(mirror.get_opt().await.unwrap(), None);
    assert_eq!(
        docr.legacy_registry().get().await.unwrap().name,
        "acme-images"
    );
}

#[tokio::test]
async fn a_long_list_is_read_by_item_by_page_or_at_once() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    for number in 0..45 {
        push(
            &sandbox,
            "shop/api",
            &format!("v{number}"),
            &number.to_string(),
        );
    }
    let tags = client(&sandbox)
        .registry(registry_name())
        .repository(repository("shop/api"));
    sandbox.clear_requests();

    let mut items = tags.tags().per_page(20).items();
    let mut names = std::collections::BTreeSet::new();
    while let Some(tag) = items.next().await {
        names.insert(tag.unwrap().tag);
    }
    assert_eq!(names.len(), 45);
    assert_eq!(sandbox.requests().len(), 3);
    assert!(
        sandbox.requests()[0]
            .path
            .ends_with("/repositories/shop%2Fapi/tags")
    );

    let mut pages = tags.tags().per_page(20).pages();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.total, Some(45));
        sizes.push((page.number, page.items.len()));
    }
    assert_eq!(sizes, [(1, 20), (2, 20), (3, 5)]);

    sandbox.clear_requests();
    assert_eq!(tags.tags().all().await.unwrap().len(), 45);
    assert_eq!(sandbox.requests().len(), 1, "200 items fit on a page");
    assert_eq!(tags.tags().per_page(20).page(9).await.unwrap().items, []);
}

#[tokio::test]
async fn repositories_are_listed_by_page_token_to_the_end() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let docr = client(&sandbox);
    docr.registries()
        .change_tier(TierSlug::Professional)
        .await
        .unwrap();
    for number in 0..7 {
        push(
            &sandbox,
            &format!("shop/api-{number}"),
            "latest",
            "same layer",
        );
    }
    let repositories = docr
        .registry(registry_name())
        .repositories()
        .per_page(2)
        .all()
        .await
        .unwrap();
    let names: Vec<_> = repositories
        .iter()
        .map(|repository| repository.name.as_str())
        .collect();
    assert_eq!(names.len(), 7);
    assert_eq!((names[0], names[6]), ("shop/api-0", "shop/api-6"));
    assert!(repositories[0].latest_manifest.is_some());
    assert!(sandbox.requests().iter().any(|r| {
        r.query
            .as_deref()
            .is_some_and(|q| q.contains("page_token="))
    }));
}

#[tokio::test]
async fn a_list_that_fails_midway_returns_what_it_read_and_then_the_error() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    for number in 0..5 {
        push(&sandbox, "api", &format!("v{number}"), "layer");
    }
    let tags = client(&sandbox)
        .registry(registry_name())
        .repository(repository("api"))
        .tags();
    let mut items = tags.per_page(2).items();
    assert!(items.next().await.unwrap().is_ok());
    assert!(items.next().await.unwrap().is_ok());
    let missing = docr_sandbox::ScriptedResponse::status(404);
    sandbox
        .respond_next("registries_list_repositoryTags", missing)
        .unwrap();
    assert!(items.next().await.unwrap().unwrap_err().is_not_found());
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn deleting_a_tag_leaves_its_manifest_until_a_garbage_collection() {
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    let digest = push(&sandbox, "api", "v1", "one layer");
    push(&sandbox, "api", "v2", "another layer");
    let registry = client(&sandbox).registry(registry_name());
    let api = registry.repository(repository("api"));

    api.delete_tag(&Tag::new("v1").unwrap()).await.unwrap();
    let manifests = api.manifests().all().await.unwrap();
    let untagged = manifests
        .iter()
        .find(|manifest| manifest.tags.is_empty())
        .unwrap();
    assert_eq!(untagged.digest, digest.as_str());
    assert!(!untagged.blobs.is_empty());

    let runs = registry.garbage_collections();
    assert_eq!(runs.active().await.unwrap(), None);
    let what = GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs;
    let run = runs.start(what.clone()).await.unwrap();
    assert_eq!(
        (run.status, run.type_),
        (Some(GarbageCollectionStatus::Requested), Some(what.clone()))
    );
    let error = runs.start(what).await.unwrap_err();
    assert!(
        error.is_garbage_collection_active() && error.status() == Some(409),
        "{error}"
    );
    let refused = api.delete_tag(&Tag::new("v2").unwrap()).await;
    assert!(
        refused.unwrap_err().is_conflict(),
        "the registry is read-only during a garbage collection"
    );

    clock.advance(Duration::from_secs(3600));
    assert_eq!(runs.active().await.unwrap(), None);
    let ended = runs.list().all().await.unwrap().remove(0);
    assert_eq!(ended.uuid, run.uuid);
    assert_eq!(ended.status, Some(GarbageCollectionStatus::Succeeded));
    assert!(
        ended.blobs_deleted > Some(0) && ended.freed_bytes > Some(0),
        "{ended:?}"
    );
    assert_eq!(api.manifests().all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_garbage_collection_can_be_cancelled() {
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    let runs = client(&sandbox)
        .registry(registry_name())
        .garbage_collections();
    let run = runs
        .start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    let cancelled = runs.cancel(&run).await.unwrap();
    assert_eq!(cancelled.status, Some(GarbageCollectionStatus::Cancelling));
    clock.advance(Duration::from_secs(3600));
    let ended = runs.list().all().await.unwrap().remove(0);
    assert_eq!(ended.status, Some(GarbageCollectionStatus::Cancelled));
    assert!(runs.cancel(&run).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_garbage_collection_of_unknown_type_is_not_started() {
    let (sandbox, _) = start().await;
    let runs = client(&sandbox)
        .registry(registry_name())
        .garbage_collections();
    let everything = GarbageCollectionType::Other("everything".into());
    assert!(runs.start(everything).await.unwrap_err().is_invalid_input());
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn deleting_a_manifest_deletes_its_tags_and_deleting_a_repository_deletes_everything() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let digest = push(&sandbox, "api", "v1", "one layer");
    push(&sandbox, "api", "v2", "another layer");
    let registry = client(&sandbox).registry(registry_name());
    let api = registry.repository(repository("api"));

    api.delete_manifest(&digest).await.unwrap();
    let tags = api.tags().all().await.unwrap();
    assert_eq!(
        tags.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(),
        ["v2"]
    );
    assert!(
        api.delete_manifest(&digest)
            .await
            .unwrap_err()
            .is_not_found()
    );

    api.delete().await.unwrap();
    assert_eq!(registry.repositories().all().await.unwrap(), []);
    assert!(api.tags().all().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn the_older_calls_read_the_same_images() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    push(&sandbox, "api", "v1", "a layer");
    let (older, name) = (client(&sandbox).legacy_registry(), &registry_name());
    let with_tags = older
        .repositories_with_latest_tag(name)
        .all()
        .await
        .unwrap();
    assert_eq!(with_tags[0].latest_tag.as_ref().unwrap().tag, "v1");
    assert_eq!(
        older.repositories(name).all().await.unwrap()[0].tag_count,
        Some(1)
    );
    let api = older.repository(name, repository("api"));
    assert_eq!(api.tags().all().await.unwrap().len(), 1);
    push(&sandbox, "untagged", "v1", "a layer");
    assert!(sandbox.delete(name.as_str(), "untagged", "v1"));
    let with_tags = older.repositories_with_latest_tag(name);
    let with_tags = with_tags.all().await.unwrap();
    assert_eq!(with_tags[1].latest_tag, None);
    assert_eq!(api.manifests().all().await.unwrap().len(), 1);
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|request| request.path.starts_with("/v2/registry"))
    );
}

#[tokio::test]
async fn a_certificate_is_found_by_a_name_of_any_characters() {
    let (sandbox, _) = start().await;
    let certificates = client(&sandbox).certificates();
    for name in ["a&b#c+d e%/?=", "a", "ä"] {
        sandbox.add_certificate(CertificateSeed::custom(name, ["a.example.com"]));
        let found = certificates.get_by_name_opt(name).await.unwrap().unwrap();
        assert_eq!(found.name, name);
    }
    assert_eq!(certificates.get_by_name_opt("b").await.unwrap(), None);
    assert_eq!(certificates.list().all().await.unwrap().len(), 3);
    assert!(
        certificates
            .get_by_name_opt("")
            .await
            .unwrap_err()
            .is_invalid_input()
    );
}

#[tokio::test]
async fn a_certificate_is_issued_after_a_while_but_takes_its_name_at_once() {
    let (sandbox, clock) = start().await;
    let certificates = client(&sandbox).certificates();
    let wanted = || CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
    let pending = certificates.create(wanted()).await.unwrap();
    assert_eq!(pending.state, Some(docr::CertificateState::Pending));
    assert!(
        certificates
            .create(wanted())
            .await
            .unwrap_err()
            .is_rejected()
    );
    clock.advance(Duration::from_secs(600));
    let issued = certificates.get_by_name_opt("shop").await.unwrap().unwrap();
    assert_eq!(issued.state, Some(docr::CertificateState::Verified));
    assert!(issued.not_after.is_some());
}

#[tokio::test]
async fn a_custom_certificate_has_the_names_in_its_pem() {
    let (sandbox, _) = start().await;
    let certificates = client(&sandbox).certificates();
    let pair = docr_sandbox::test_certificate(["shop.example.com", "*.shop.example.com"]);
    let wanted = CreateCertificate::custom("shop", pair.private_key.clone(), pair.leaf.clone());
    let added = certificates.create(wanted).await.unwrap();
    assert_eq!(added.dns_names, ["shop.example.com", "*.shop.example.com"]);

    let other = docr_sandbox::test_certificate(["other.example.com"]);
    let mismatch = CreateCertificate::custom("other", other.private_key.clone(), pair.leaf);
    let error = certificates.create(mismatch).await.unwrap_err();
    assert!(error.is_invalid_input(), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("PRIVATE KEY") && !shown.contains(&other.private_key[40..80]),
        "{shown}"
    );
}

#[tokio::test]
async fn registries_are_added_to_and_removed_from_clusters() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let uuid = sandbox.add_cluster();
    let cluster = [uuid.parse().unwrap()];
    let clusters = client(&sandbox).clusters();

    for _ in 0..2 {
        clusters
            .add_registries(&cluster, &[registry_name()])
            .await
            .unwrap();
        assert_eq!(sandbox.cluster_registries(&uuid), ["acme-images"]);
    }
    clusters
        .remove_registries(&cluster, &[registry_name()])
        .await
        .unwrap();
    assert!(sandbox.cluster_registries(&uuid).is_empty());
    clusters.add_legacy_registry(&cluster).await.unwrap();
    clusters.remove_legacy_registry(&cluster).await.unwrap();

    let unknown = ["6b7c1f0a-2d1e-4f5c-8a90-3c4d5e6f7a8b".parse().unwrap()];
    assert!(
        clusters
            .add_legacy_registry(&unknown)
            .await
            .unwrap_err()
            .is_not_found()
    );
    sandbox.clear_requests();
    assert!(
        clusters
            .add_legacy_registry(&[])
            .await
            .unwrap_err()
            .is_invalid_input()
    );
    assert!(
        clusters
            .add_registries(&cluster, &[])
            .await
            .unwrap_err()
            .is_invalid_input()
    );
    assert_eq!(sandbox.requests(), []);
}
