//! What a user may rely on, as scenarios against the sandbox.

use std::time::Duration;

use docr::{
    CertificateId, Client, CreateRegistry, CredentialsRequest, EligibilityReason, Region,
    RegistryName, TierSlug,
};
use docr_sandbox::{CertificateSeed, RateLimits, ScriptedResponse, Usage};
use docr_tests::raw_server::{RawServer, RefusingPort};
use docr_tests::sandbox::{
    TOKEN, client, client_at, furnish, noon, registry_name, start, start_with, wanted_registry,
};

#[tokio::test]
async fn a_registry_is_created_changed_and_deleted() {
    let (sandbox, _) = start().await;
    let registry = client(&sandbox).legacy_registry();
    let name = registry_name();

    assert!(registry.is_name_available(&name).await.unwrap());
    assert_eq!(registry.get_opt().await.unwrap(), None);

    let created = registry.create(wanted_registry()).await.unwrap();
    assert_eq!(created.name, "acme-images");
    assert_eq!(created.region, Some(Region::Fra1));
    assert_eq!(created.created_at, Some(noon()));
    assert!(!registry.is_name_available(&name).await.unwrap());
    assert_eq!(registry.get().await.unwrap(), created);

    assert_eq!(
        registry.subscription().await.unwrap().tier.slug,
        TierSlug::Basic
    );
    let changed = registry.change_tier(TierSlug::Professional).await.unwrap();
    // Beyond 32 bits.
    assert_eq!(changed.tier.included_storage_bytes, Some(107_374_182_400));

    registry.delete().await.unwrap();
    assert!(registry.get().await.unwrap_err().is_not_found());
    assert!(registry.delete().await.unwrap_err().is_not_found());
    assert!(registry.is_name_available(&name).await.unwrap());
}

#[tokio::test]
async fn invalid_input_never_reaches_the_server() {
    let (sandbox, _) = start().await;
    let registry = client(&sandbox).legacy_registry();
    let named = |name: &str| RegistryName::new(name).unwrap();

    for name in ["1acme", "-acme", "acme-"] {
        let wanted = CreateRegistry::new(named(name), TierSlug::Basic);
        let error = registry.create(wanted).await.unwrap_err();
        assert!(error.is_invalid_input(), "{error}");
        let input = error.invalid_input().unwrap();
        assert_eq!((input.field(), input.value()), ("registry name", name));
        assert!(
            registry
                .is_name_available(&named(name))
                .await
                .unwrap_err()
                .is_invalid_input()
        );
    }

    let unlisted = TierSlug::Other("profesional".into());
    let error = registry.change_tier(unlisted.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "subscription tier \"profesional\": is not a valid tier; \
         use one of starter, basic, professional"
    );
    let error = registry
        .create(CreateRegistry::new(registry_name(), unlisted))
        .await
        .unwrap_err();
    assert!(error.is_invalid_input());

    let bad_region = wanted_registry().region(Region::Other("fra1/..".into()));
    let error = registry.create(bad_region).await.unwrap_err();
    assert_eq!(
        error.invalid_input().and_then(docr::InvalidInput::position),
        Some(5)
    );

    let no_time = CredentialsRequest::read_only().expires_in(Duration::ZERO);
    assert!(
        registry
            .docker_credentials(no_time)
            .await
            .unwrap_err()
            .is_invalid_input()
    );

    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn an_unknown_region_is_sent_and_the_service_decides() {
    let (sandbox, _) = start().await;
    let wanted = wanted_registry().region(Region::Other("mars1".into()));
    let error = client(&sandbox)
        .legacy_registry()
        .create(wanted)
        .await
        .unwrap_err();
    assert!(error.is_rejected(), "{error}");
    assert!(sandbox.requests()[0].body.contains("mars1"));
}

#[tokio::test]
async fn a_name_of_another_account_is_a_conflict() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let other = client_at(sandbox.url(), &sandbox.add_account()).legacy_registry();

    assert!(!other.is_name_available(&registry_name()).await.unwrap());
    let error = other.create(wanted_registry()).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.api_id(), Some("conflict"));
    assert_eq!(other.get_opt().await.unwrap(), None);
}

#[tokio::test]
async fn a_second_registry_of_one_account_is_rejected() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let wanted = CreateRegistry::new("acme-second".parse().unwrap(), TierSlug::Basic);
    let error = client(&sandbox)
        .legacy_registry()
        .create(wanted)
        .await
        .unwrap_err();
    assert!(error.is_rejected(), "{error}");
    assert_eq!(error.operation(), Some("registry_create"));
}

#[tokio::test]
async fn a_tier_that_does_not_fit_reports_every_reason() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    sandbox.set_usage(Usage {
        storage_bytes: 600 << 20,
        repositories: 3,
    });
    let registry = client(&sandbox).legacy_registry();

    let error = registry.change_tier(TierSlug::Starter).await.unwrap_err();
    assert!(error.is_tier_not_eligible(), "{error}");
    let reasons = [
        EligibilityReason::OverRepositoryLimit,
        EligibilityReason::OverStorageLimit,
    ];
    assert_eq!(error.eligibility_reasons(), reasons);

    let options = registry.options().await.unwrap();
    let starter = options
        .subscription_tiers
        .iter()
        .find(|t| t.slug == TierSlug::Starter)
        .unwrap();
    assert_eq!(starter.eligible, Some(false));
    assert_eq!(starter.eligibility_reasons, reasons);
    assert!(options.available_regions.contains(&Region::Fra1));
}

#[tokio::test]
async fn with_several_registries_the_error_names_the_calls_to_use() {
    let (sandbox, _) = start().await;
    sandbox
        .respond_next("registry_get", ScriptedResponse::status(412))
        .unwrap();
    let error = client(&sandbox).legacy_registry().get().await.unwrap_err();
    assert!(error.is_several_registries());
    assert!(
        error.to_string().contains("use the calls that name one"),
        "{error}"
    );
}

#[tokio::test]
async fn each_credentials_call_mints_one_and_reports_its_lifetime() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let registry = client(&sandbox).legacy_registry();

    let hour = CredentialsRequest::read_write().expires_in(Duration::from_secs(3600));
    let first = registry.docker_credentials(hour).await.unwrap();
    let forever = CredentialsRequest::read_only().never_expires();
    let second = registry.docker_credentials(forever).await.unwrap();

    assert_ne!(first.auth(), second.auth());
    assert_eq!(first.expires_in(), Some(Duration::from_secs(3600)));
    assert_eq!(second.expires_in(), None);
    let minted: Vec<_> = sandbox
        .credentials()
        .iter()
        .map(|credential| (credential.read_write, credential.expiry_seconds))
        .collect();
    assert_eq!(minted, [(true, 3600), (false, 0)]);

    let config: serde_json::Value =
        serde_json::from_str(first.docker_config_json().expose()).unwrap();
    assert_eq!(
        config["auths"]["registry.digitalocean.com"]["auth"],
        first.auth().expose()
    );
}

#[tokio::test]
async fn a_certificate_is_read_and_deleted_unless_it_is_in_use() {
    let (sandbox, _) = start().await;
    let certificates = client(&sandbox).certificates();
    let id = |seed| CertificateId::new(sandbox.add_certificate(seed)).unwrap();

    let pending = id(CertificateSeed::lets_encrypt("blog", ["blog.example.com"]).pending());
    let certificate = certificates.get(&pending).await.unwrap();
    assert_eq!(certificate.state, Some(docr::CertificateState::Pending));
    assert_eq!(certificate.not_after, None);

    let busy = id(CertificateSeed::custom("shop", ["shop.example.com"]).in_use());
    let error = certificates.delete(&busy).await.unwrap_err();
    assert!(error.is_in_use(), "{error}");
    assert!(certificates.get_opt(&busy).await.unwrap().is_some());

    certificates.delete(&pending).await.unwrap();
    assert_eq!(certificates.get_opt(&pending).await.unwrap(), None);
    assert!(
        certificates
            .delete(&pending)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn a_rejected_token_is_unauthorized_and_not_shown() {
    let (sandbox, _) = start().await;
    let error = client_at(sandbox.url(), "dop_v1_wrong")
        .legacy_registry()
        .get()
        .await
        .unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!(error.status(), Some(401));
    assert!(error.request_id().is_some());
    assert!(!format!("{error} {error:?}").contains("dop_v1_wrong"));
}

#[tokio::test]
async fn an_exhausted_rate_limit_is_reported_with_its_numbers() {
    let limits = RateLimits {
        per_minute: 2,
        per_hour: 5000,
    };
    let (sandbox, _) = start_with(|builder| builder.rate_limits(limits)).await;
    let registry = client(&sandbox).legacy_registry();
    for _ in 0..2 {
        registry.options().await.unwrap();
    }
    let error = registry.options().await.unwrap_err();
    assert!(error.is_rate_limited());
    let limit = error.rate_limit().unwrap();
    assert_eq!((limit.limit, limit.remaining), (5000, 4998));
    assert_eq!(limit.reset, noon() + Duration::from_secs(3600));
}

#[tokio::test]
async fn an_error_keeps_the_message_and_request_id_of_the_service() {
    let (sandbox, _) = start().await;
    let error = client(&sandbox).legacy_registry().get().await.unwrap_err();
    let request_id = error.request_id().unwrap();
    assert_eq!(
        error.to_string(),
        format!("registry_get: 404 not_found: registry does not exist (request id {request_id})")
    );
    assert_eq!(error.api_message(), Some("registry does not exist"));
}

#[tokio::test]
async fn an_unreachable_server_is_a_connect_error() {
    let port = RefusingPort::take();
    let registry = client_at(port.url(), TOKEN).legacy_registry();
    let error = registry.get().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(error.status(), None);
}

#[tokio::test]
async fn the_user_agent_names_the_program_first() {
    let server =
        RawServer::responding_with_body("200 OK", "application/json", r#"{"options":{}}"#).await;
    let docr = Client::builder()
        .base_url(server.url())
        .token(TOKEN)
        .user_agent("acme-deploy/1.4")
        .build()
        .unwrap();
    docr.legacy_registry().options().await.unwrap();
    let request = &server.requests()[0];
    assert!(
        request.contains("user-agent: acme-deploy/1.4 docr/"),
        "{request}"
    );
    assert!(!request.contains("api-version"), "{request}");
}

#[tokio::test]
async fn calls_can_be_spawned_and_run_concurrently() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let registry = client(&sandbox).legacy_registry();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get().await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().name, "acme-images");
    }
}
