//! Guarantees for every type and every error, checked by the compiler where possible.

use docr::{
    AccessToken, AccountUsage, ApiRequest, CallOptions, CertificatePair, Certificates, Client,
    ClientBuilder, Clusters, CreateCertificate, CreateRegistry, CredentialFiles, CredentialsCache,
    CredentialsRequest, DockerConfig, DockerConfigError, DockerCredentials, Ensured, Error,
    GarbageCollectionWatch, GarbageCollections, InvalidInput, Items, KubernetesSecret,
    LegacyRegistry, List, ManualClock, Method, Page, Pages, PlannedPush, Preflight, Registries,
    Registry, RegistryHandle, RepositoryHandle, RetryBudget, RotateError, Secret, Subscription,
    SystemClock, TierSlug, TokenFile, TokenFn,
    retention::{RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::ScriptedResponse;
use docr_tests::sandbox::{TOKEN, client, client_at, registry_name, start};

fn assert_send_sync<T: Send + Sync + 'static>() {}
fn assert_send<T: Send>(_: &T) {}

macro_rules! all {
    ($($type:ty),+ $(,)?) => { $(assert_send_sync::<$type>();)+ };
}

#[test]
fn every_type_can_be_sent_and_shared() {
    all![
        AccessToken,
        AccountUsage,
        ApiRequest,
        CallOptions,
        CertificatePair,
        Certificates,
        Client,
        ClientBuilder,
        Clusters,
        CreateCertificate,
        CreateRegistry,
        CredentialFiles,
        CredentialsCache,
        CredentialsRequest,
        DockerConfig,
        DockerConfigError,
        DockerCredentials,
        Ensured<Registry>,
        Error,
        GarbageCollectionWatch,
        GarbageCollections,
        InvalidInput,
        Items<Registry>,
        KubernetesSecret,
        LegacyRegistry,
        List<Registry>,
        ManualClock,
        Page<Registry>,
        Pages<Registry>,
        PlannedPush,
        Preflight,
        Registries,
        RegistryHandle,
        RepositoryHandle,
        RetryBudget,
        RotateError<Error>,
        Secret,
        Subscription,
        SystemClock,
        TokenFile,
        TokenFn,
        RegistryInventory,
        RetentionPlan,
        RetentionPolicy,
        docr_sandbox::Sandbox,
        docr_sandbox::SandboxBuilder,
        docr_api::Client,
    ];
}

#[test]
fn every_future_can_be_spawned() {
    let docr = Client::builder().token(TOKEN).build().unwrap();
    let (registries, registry, legacy) = (
        docr.registries(),
        docr.registry(registry_name()),
        docr.legacy_registry(),
    );
    let (certificates, runs) = (docr.certificates(), registry.garbage_collections());
    let repository = registry.repository("shop/api".parse().unwrap());
    let wanted = || CreateRegistry::new(registry_name(), TierSlug::Basic);
    let certificate = || CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
    let credentials = CredentialsRequest::read_only();
    assert_send(&registries.create(wanted()));
    assert_send(&registries.ensure(wanted()));
    assert_send(&registries.ensure_tier(TierSlug::Basic));
    assert_send(&registries.list().all());
    assert_send(&registries.list().items().next());
    assert_send(&registry.get_opt());
    assert_send(&registry.docker_credentials(credentials));
    assert_send(&registry.credentials_cache(credentials).get());
    assert_send(&repository.delete_tag("v1"));
    assert_send(&legacy.create(wanted()));
    assert_send(&certificates.ensure(certificate()));
    assert_send(&certificates.issue(certificate()));
    assert_send(&certificates.rotate("old", certificate(), async |_| Ok::<_, Error>(())));
    assert_send(&runs.start(docr::GarbageCollectionType::UnreferencedBlobsOnly));
    assert_send(&runs.wait_until_idle());
    assert_send(&runs.watch("7a1f0c52-9b7e-4a55-b8a4-2f6f3f1f9a10").wait());
    assert_send(&docr.request(Method::GET, "/v2/account").send::<()>());
    assert_send(&docr.clusters().add_registries(&[], &[]));
}

/// Runs a future to completion without a runtime.
fn without_a_runtime<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..10 {
        if let std::task::Poll::Ready(end) = future.as_mut().poll(&mut context) {
            return end;
        }
    }
    panic!("the future is still pending");
}

#[test]
fn a_call_outside_of_tokio_is_an_error_not_a_panic() {
    let docr = client_at("http://127.0.0.1:1", TOKEN);
    let registry = docr.registry(registry_name());
    let credentials = CredentialsRequest::read_only();
    let files = CredentialFiles::new("never/made");
    for error in [
        without_a_runtime(docr.registries().options()).unwrap_err(),
        without_a_runtime(docr.registries().list().all()).unwrap_err(),
        without_a_runtime(docr.paced().registries().options()).unwrap_err(),
        without_a_runtime(registry.delete()).unwrap_err(),
        without_a_runtime(registry.docker_credentials(credentials)).unwrap_err(),
        without_a_runtime(registry.credentials_cache(credentials).get()).unwrap_err(),
        without_a_runtime(files.get(&registry, credentials)).unwrap_err(),
        without_a_runtime(files.revoke(&registry, credentials)).unwrap_err(),
        without_a_runtime(registry.garbage_collections().wait_until_idle()).unwrap_err(),
    ] {
        assert!(error.is_configuration(), "{error:?}");
        assert!(error.to_string().contains("no tokio runtime"), "{error}");
    }
}

#[tokio::test]
async fn an_error_that_ends_a_program_reads_as_a_report() {
    let (sandbox, _) = start().await;
    let failure = ScriptedResponse::json(
        403,
        serde_json::json!({ "id": "forbidden", "message": "the token lacks registry:read", "request_id": "4f2c" }),
    )
    .header("ratelimit-limit", "5000")
    .header("ratelimit-remaining", "17")
    .header("ratelimit-reset", "1767268850");
    sandbox.respond_next("registries_get", failure).unwrap();
    let error = client(&sandbox)
        .registry(registry_name())
        .get()
        .await
        .unwrap_err();
    let error: Box<dyn std::error::Error> = error.into();
    let (report, elapsed) = format!("{error:?}")
        .rsplit_once(", in ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert_eq!(
        report,
        "registries_get: 403 forbidden: the token lacks registry:read (request id 4f2c)\n  \
         kind: forbidden\n  \
         operation: registries_get\n  \
         status: 403\n  \
         id: forbidden\n  \
         request id: 4f2c\n  \
         rate limit: 17 of 5000 left, one more at 2026-01-01 12:00:50 UTC\n  \
         attempts: 1"
    );
    assert!(!elapsed.contains('\n'), "{elapsed}");

    let error = client_at("http://127.0.0.1:1", TOKEN)
        .registries()
        .options()
        .await
        .unwrap_err();
    let report = format!("{error:?}");
    assert!(
        report.lines().nth(1).unwrap().starts_with("  caused by: "),
        "{report}"
    );
    assert!(report.contains("\n  attempts: 5, in "), "{report}");
}
