//! Every public async call, by its name in the listing of the public API.

use std::{convert::Infallible, pin::Pin, time::Duration};

use super::stage::{Done, Stage, wanted_credentials};
use docr::{
    AccessToken, CertificateId, ClusterId, CreateCertificate, CreateRegistry, Digest, FileBudget,
    GarbageCollection, GarbageCollectionType, LocalBudget, ManualClock, Method, ObservedResponse,
    PlannedPush, RateBudget, RegistryName, Secret, SystemClock, TierSlug, TokenFile, TokenFn,
    TokenProvider,
    retention::{
        ManifestReader as _, ObserveRetention, OciManifests, RegistryInventory, RetentionPlan,
        RetentionPolicy, RetentionStep,
    },
};
use docr_tests::{
    calls::{repository_name, tag},
    sandbox::{TOKEN, document_reader, noon, registry_name},
};

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// A call and its preparation.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) prepare: fn(Stage) -> Boxed<Boxed<Done>>,
}

/// A call, or its preparation `then` the call.
macro_rules! case {
    ($name:literal, $stage:ident => { $($before:tt)* } then $call:expr) => {
        Case {
            name: $name,
            prepare: |$stage| Box::pin(async move {
                $($before)*
                let call: Boxed<Done> = Box::pin(async move {
                    let _ = $call;
                    Ok(())
                });
                call
            }),
        }
    };
    ($name:literal, $stage:ident => $call:expr) => {
        case!($name, $stage => {} then $call)
    };
}

#[allow(
    clippy::async_yields_async,
    reason = "the preparation is not part of the call"
)]
pub(super) const CASES: &[Case] = &[
    case!("ApiRequest::send", stage => stage.docr.request(Method::POST, "/v2/certificates").json(&serde_json::json!({
            "name": "raw", "type": "lets_encrypt", "dns_names": ["raw.example.com"],
        }))?.send::<serde_json::Value>().await?),
    case!("Certificates::check_rotation", stage => { let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
        stage.certificates().check_rotation("shop-front", &wanted).await? }),
    case!("Certificates::create", stage => stage.certificates().create(certificate()).await?),
    case!("Certificates::delete", stage => stage.certificates().delete(&certificate_id(&stage)).await?),
    case!("Certificates::delete_by_name", stage => stage.certificates().delete_by_name("shop-front").await?),
    case!("Certificates::delete_when_unused", stage => { let (docr, found) = (stage.certificates(), front(&stage).await); } then docr.delete_when_unused(&found).await?),
    case!("Certificates::ensure", stage => stage.certificates().ensure(certificate()).await?),
    case!("Certificates::get", stage => stage.certificates().get(&certificate_id(&stage)).await?),
    case!("Certificates::get_by_name", stage => stage.certificates().get_by_name("shop-front").await?),
    case!("Certificates::get_by_name_opt", stage => stage.certificates().get_by_name_opt("shop-front").await?),
    case!("Certificates::get_opt", stage => stage.certificates().get_opt(&certificate_id(&stage)).await?),
    case!("Certificates::issue", stage => stage.certificates().issue(certificate()).await?),
    case!("Certificates::rotate", stage => { let swap = async |_| { tokio::task::yield_now().await; Ok::<_, Infallible>(()) };
        let wanted = CreateCertificate::lets_encrypt("shop-2027", ["shop.example.com"]);
        stage.certificates().rotate("shop-front", wanted, swap).await? }),
    case!("Certificates::wait_until_issued", stage => { let made = stage.certificates().create(certificate()).await.unwrap(); } then stage.certificates().wait_until_issued(&made).await?),
    case!("Client::revoke", stage => { let minted = stage.registry().docker_credentials(wanted_credentials()).await.unwrap(); } then stage.docr.revoke(&minted).await?),
    case!("Client::revoke_password", stage => { let minted = stage.registry().docker_credentials(wanted_credentials()).await.unwrap();
        let (_, password) = minted.user_and_password().unwrap(); } then stage.docr.revoke_password(&password).await?),
    case!("Clusters::add_legacy_registry", stage => stage.docr.clusters().add_legacy_registry(&clusters(&stage)).await?),
    case!("Clusters::add_registries", stage => stage.docr.clusters().add_registries(&clusters(&stage), &[registry_name()]).await?),
    case!("Clusters::remove_legacy_registry", stage => { stage.docr.clusters().add_legacy_registry(&clusters(&stage)).await.unwrap(); } then stage.docr.clusters().remove_legacy_registry(&clusters(&stage)).await?),
    case!("Clusters::remove_registries", stage => { stage.docr.clusters().add_registries(&clusters(&stage), &[registry_name()]).await.unwrap(); } then stage.docr.clusters().remove_registries(&clusters(&stage), &[registry_name()]).await?),
    case!("CredentialFiles::get", stage => stage.files.get(&stage.registry(), wanted_credentials()).await?),
    case!("CredentialFiles::revoke", stage => { stage.files.get(&stage.registry(), wanted_credentials()).await.unwrap(); } then stage.files.revoke(&stage.registry(), wanted_credentials()).await?),
    case!("CredentialsCache::forget", stage => stage.cache.forget().await),
    case!("CredentialsCache::get", stage => stage.cache.get().await?),
    case!("FileBudget::acquire", stage => file_budget(&stage).acquire(&stage.clock(), MINUTE).await?),
    case!("FileBudget::observe", stage => file_budget(&stage).observe(&stage.clock(), pause()).await),
    case!("FileBudget::record", stage => file_budget(&stage).record(&stage.clock()).await),
    case!("GarbageCollectionWatch::next", stage => { let run = run(&stage).await; } then { let mut watch = stage.runs().watch(&run);
            while let Some(seen) = watch.next().await {
                seen?;
            } }),
    case!("GarbageCollectionWatch::wait", stage => { let run = run(&stage).await; } then stage.runs().watch(&run).wait().await?),
    case!("GarbageCollections::active", stage => stage.runs().active().await?),
    case!("GarbageCollections::cancel", stage => { let run = run(&stage).await; } then stage.runs().cancel(&run).await?),
    case!("GarbageCollections::get", stage => { let run = run(&stage).await; } then stage.runs().get(&run).await?),
    case!("GarbageCollections::get_opt", stage => { let run = run(&stage).await; } then stage.runs().get_opt(&run).await?),
    case!("GarbageCollections::start", stage => stage.runs().start(WHAT).await?),
    case!("GarbageCollections::wait_until_idle", stage => { run(&stage).await; } then stage.runs().wait_until_idle().await?),
    case!("InventoryReading::run", stage => RegistryInventory::reading(&stage.registry()).run(|_| ()).await?),
    case!("Items::next", stage => { let mut items = stage.repository().tags().per_page(1).items();
        while let Some(tag) = items.next().await {
            tag?;
        } }),
    case!("LegacyRegistry::change_tier", stage => stage.legacy().change_tier(TierSlug::Basic).await?),
    case!("LegacyRegistry::create", stage => { stage.registry().delete().await.unwrap(); } then stage.legacy().create(CreateRegistry::new(registry_name(), TierSlug::Basic)).await?),
    case!("LegacyRegistry::delete", stage => stage.legacy().delete().await?),
    case!("LegacyRegistry::docker_credentials", stage => stage.legacy().docker_credentials(wanted_credentials()).await?),
    case!("LegacyRegistry::get", stage => stage.legacy().get().await?),
    case!("LegacyRegistry::get_opt", stage => stage.legacy().get_opt().await?),
    case!("LegacyRegistry::is_name_available", stage => stage.legacy().is_name_available(&mirror()).await?),
    case!("LegacyRegistry::options", stage => stage.legacy().options().await?),
    case!("LegacyRegistry::subscription", stage => stage.legacy().subscription().await?),
    case!("LegacyRegistry::subscription_opt", stage => stage.legacy().subscription_opt().await?),
    case!("List::all", stage => stage.repository().manifests().per_page(1).all().await?),
    case!("List::page", stage => stage.repository().manifests().page(1).await?),
    case!("LocalBudget::acquire", stage => { let budget = LocalBudget::new();
        for _ in 0..251 {
            budget.acquire(&stage.clock(), 2 * MINUTE).await?;
        } }),
    case!("LocalBudget::observe", stage => LocalBudget::new().observe(&stage.clock(), pause()).await),
    case!("LocalBudget::record", stage => LocalBudget::new().record(&stage.clock()).await),
    case!("ManualClock::sleep", _stage => docr::Clock::sleep(&ManualClock::at(noon()), MINUTE).await),
    case!("OciManifests::image", stage => { let (reader, digest) = (reader(&stage).await, digest(&stage).await); } then reader.image(&repository_name(), &digest).await?),
    case!("OciManifests::read", stage => { let (reader, digest) = (reader(&stage).await, digest(&stage).await); } then reader.read(&repository_name(), &digest).await?),
    case!("Pages::next", stage => { let mut pages = stage.repository().tags().per_page(1).pages();
        while let Some(page) = pages.next().await {
            page?;
        } }),
    case!("ReadStorage::next", stage => { let all = stage.registry().usage().await.unwrap(); } then { let mut storage = stage.registry().read_storage(all);
            while let Some(usage) = storage.next().await {
                usage?;
            } }),
    case!("Registries::change_tier", stage => stage.registries().change_tier(TierSlug::Basic).await?),
    case!("Registries::create", stage => stage.registries().create(CreateRegistry::in_subscription(mirror())).await?),
    case!("Registries::ensure", stage => stage.registries().ensure(CreateRegistry::in_subscription(mirror())).await?),
    case!("Registries::ensure_tier", stage => stage.registries().ensure_tier(TierSlug::Basic).await?),
    case!("Registries::is_name_available", stage => stage.registries().is_name_available(&mirror()).await?),
    case!("Registries::options", stage => stage.registries().options().await?),
    case!("Registries::preflight", stage => stage.registries().preflight(&PlannedPush::to(registry_name()).bytes(1)).await?),
    case!("Registries::storage_usage_bytes", stage => stage.registries().storage_usage_bytes().await?),
    case!("Registries::subscription", stage => stage.registries().subscription().await?),
    case!("Registries::subscription_opt", stage => stage.registries().subscription_opt().await?),
    case!("Registries::usage", stage => stage.registries().usage().await?),
    case!("RegistryHandle::delete", stage => stage.registry().delete().await?),
    case!("RegistryHandle::docker_credentials", stage => stage.registry().docker_credentials(wanted_credentials()).await?),
    case!("RegistryHandle::get", stage => stage.registry().get().await?),
    case!("RegistryHandle::get_opt", stage => stage.registry().get_opt().await?),
    case!("RegistryHandle::usage", stage => stage.registry().usage().await?),
    case!("RegistryInventory::read", stage => RegistryInventory::read(&stage.registry()).await?),
    case!("RegistryInventory::read_all_manifests", stage => { let (reader, mut inventory) = (reader(&stage).await, inventory(&stage).await); } then inventory.read_all_manifests(&reader).await),
    case!("RegistryInventory::read_for", stage => RegistryInventory::read_for(&stage.registry(), &policy()).await?),
    case!("RegistryInventory::read_manifests", stage => { let (reader, mut inventory) = (reader(&stage).await, inventory(&stage).await); } then inventory.read_manifests(&policy(), &reader).await),
    case!("RegistryInventory::read_manifests_observed", stage => { let (reader, mut inventory) = (reader(&stage).await, inventory(&stage).await); } then inventory.read_manifests_observed(&policy(), &reader, |_| ()).await),
    case!("RepositoryHandle::delete", stage => stage.repository().delete().await?),
    case!("RepositoryHandle::delete_manifest", stage => { let digest = digest(&stage).await; } then stage.repository().delete_manifest(&digest).await?),
    case!("RepositoryHandle::delete_tag", stage => stage.repository().delete_tag(&tag()).await?),
    case!("RepositoryHandle::storage_bytes", stage => stage.repository().storage_bytes().await?),
    case!("RetentionExecution::run", stage => { let plan = plan(&stage).await; } then plan.execution(&stage.registry())?.concurrency(1).run(|_| {}).await),
    case!("RetentionExecution::run_observed", stage => { let plan = plan(&stage).await; } then plan.execution(&stage.registry())?.concurrency(1).run_observed(&mut NoObserver).await),
    case!("SystemClock::sleep", _stage => docr::Clock::sleep(&SystemClock, Duration::from_millis(2)).await),
    case!("TokenFile::fresh_token", stage => token_file(&stage).fresh_token(&Secret::from(TOKEN)).await?),
    case!("TokenFile::token", stage => token_file(&stage).token().await?),
    case!("TokenFn::token", _stage => { let token = async || {
            tokio::task::yield_now().await;
            Ok(AccessToken::new(TOKEN))
        };
        TokenFn::new(token).token().await? }),
];

const MINUTE: Duration = Duration::from_secs(60);
const WHAT: GarbageCollectionType = GarbageCollectionType::UnreferencedBlobsOnly;

struct NoObserver;

impl ObserveRetention for NoObserver {
    fn begins(&mut self, _: &docr::retention::Deletion) -> std::io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, _: &RetentionStep) {}
}

fn certificate() -> CreateCertificate {
    CreateCertificate::lets_encrypt("shop-back", ["back.example.com"])
}

fn certificate_id(stage: &Stage) -> CertificateId {
    stage.certificate.parse().unwrap()
}

fn clusters(stage: &Stage) -> [ClusterId; 1] {
    [stage.cluster.parse().unwrap()]
}

fn mirror() -> RegistryName {
    RegistryName::new("acme-mirror").unwrap()
}

pub(super) fn file_budget(stage: &Stage) -> FileBudget {
    FileBudget::new(stage.directory.join("budgets"), &Secret::from(TOKEN))
}

fn pause() -> ObservedResponse {
    let mut response = ObservedResponse::new(429);
    response.pause = Some(MINUTE);
    response
}

fn token_file(stage: &Stage) -> TokenFile {
    let path = stage.directory.join("token");
    std::fs::write(&path, TOKEN).unwrap();
    TokenFile::new(path)
}

async fn front(stage: &Stage) -> docr::Certificate {
    let found = stage.certificates().get_by_name("shop-front").await;
    found.unwrap()
}

pub(super) async fn run(stage: &Stage) -> GarbageCollection {
    stage.runs().start(WHAT).await.unwrap()
}

async fn digest(stage: &Stage) -> Digest {
    let all = stage.repository().manifests().all().await.unwrap();
    all[0].digest.parse().unwrap()
}

async fn reader(stage: &Stage) -> OciManifests {
    document_reader(&stage.registry(), &stage.sandbox, wanted_credentials()).await
}

fn policy() -> RetentionPolicy {
    let text = "[[rule]]\nkeep_newest = 1\ndelete_untagged = true";
    RetentionPolicy::from_toml(text).unwrap()
}

async fn inventory(stage: &Stage) -> RegistryInventory {
    let read = RegistryInventory::read_for(&stage.registry(), &policy()).await;
    read.unwrap()
}

async fn plan(stage: &Stage) -> RetentionPlan {
    let mut inventory = inventory(stage).await;
    inventory
        .read_manifests(&policy(), &reader(stage).await)
        .await;
    let plan = RetentionPlan::compute(&policy(), &inventory).unwrap();
    assert!(plan.deletions.len() > 1, "{plan}");
    plan
}
