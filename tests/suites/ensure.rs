//! `ensure` returns what exists and creates what is missing. It creates nothing twice, even if requests are lost or another
//! program is faster.

use std::sync::Arc;

use docr::{
    Client, CreateCertificate, CreateRegistry, Ensured, ErrorKind, ManualClock, Region, TierSlug,
};
use docr_sandbox::{CertificateSeed, ScriptedResponse};
use docr_tests::{
    fault_proxy::{Fault, FaultProxy},
    sandbox::{
        TOKEN, client, client_at, client_with_clock, noon, registry_name, start, wanted_registry,
    },
};
use serde_json::json;

#[tokio::test]
async fn a_registry_is_created_once_and_then_returned() {
    let (sandbox, _) = start().await;
    let registries = client(&sandbox).registries();
    let made = registries.ensure(wanted_registry()).await.unwrap();
    assert!(made.is_changed());
    sandbox.clear_requests();
    let found = registries.ensure(wanted_registry()).await.unwrap();
    assert!(matches!(&found, Ensured::Unchanged(found) if found.name == made.get().name));
    // A request without region and tier accepts any.
    let any = CreateRegistry::in_subscription(registry_name());
    assert!(!registries.ensure(any).await.unwrap().is_changed());
    let requests = sandbox.requests();
    assert!(
        requests.iter().all(|request| request.method == "GET"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_registry_that_differs_is_reported_with_the_difference() {
    let (sandbox, _) = start().await;
    let registries = client(&sandbox).registries();
    registries.create(wanted_registry()).await.unwrap();
    let elsewhere =
        CreateRegistry::new(registry_name(), TierSlug::Professional).region(Region::Nyc3);
    let error = registries.ensure(elsewhere).await.unwrap_err();
    assert!(error.is_mismatch(), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the account has a registry named acme-images, but the region is fra1, not nyc3, and \
         the tier is basic, not professional"
    );
    assert_eq!(
        error.existing_registry().unwrap().region,
        Some(Region::Fra1)
    );
    assert_eq!(registries.list().all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_conflict_reports_who_has_the_name() {
    let (sandbox, _) = start().await;
    let other = client_at(sandbox.url(), &sandbox.add_account());
    other.registries().create(wanted_registry()).await.unwrap();
    let docr = client(&sandbox);
    for error in [
        docr.registries()
            .create(wanted_registry())
            .await
            .unwrap_err(),
        docr.registries()
            .ensure(wanted_registry())
            .await
            .unwrap_err(),
        docr.legacy_registry()
            .create(wanted_registry())
            .await
            .unwrap_err(),
    ] {
        assert!(
            error.is_conflict() && error.is_name_of_another_account(),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("a registry of another account has it"),
            "{error}"
        );
        assert_eq!(
            (error.existing_registry(), error.status()),
            (None, Some(409))
        );
    }

    // The service may also report a conflict with one's own registry.
    let conflict =
        ScriptedResponse::json(409, json!({ "id": "conflict", "message": "name taken" }));
    sandbox
        .respond_next("registries_create", conflict.clone())
        .unwrap();
    other.registries().list().all().await.unwrap();
    let error = other
        .registries()
        .create(wanted_registry())
        .await
        .unwrap_err();
    assert!(
        error.is_conflict() && !error.is_name_of_another_account(),
        "{error:?}"
    );
    assert_eq!(error.existing_registry().unwrap().name, "acme-images");

    // If the look-up fails, nothing is claimed.
    let outage = ScriptedResponse::status(401);
    sandbox.respond_next("registries_create", conflict).unwrap();
    sandbox.respond_next("registries_get", outage).unwrap();
    let error = docr
        .registries()
        .create(wanted_registry())
        .await
        .unwrap_err();
    assert!(
        error.is_conflict() && !error.is_name_of_another_account(),
        "{error:?}"
    );
    assert_eq!(error.existing_registry(), None);
}

#[tokio::test]
async fn another_program_may_be_faster() {
    let (sandbox, _) = start().await;
    let registries = client(&sandbox).registries();
    registries.create(wanted_registry()).await.unwrap();
    // The first look-up doesn't find it.
    let not_found = ScriptedResponse::json(
        404,
        json!({ "id": "not_found", "message": "registry does not exist" }),
    );
    sandbox.respond_next("registries_get", not_found).unwrap();
    assert!(
        !registries
            .ensure(wanted_registry())
            .await
            .unwrap()
            .is_changed()
    );

    let certificates = client(&sandbox).certificates();
    let wanted = || CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
    certificates.create(wanted()).await.unwrap();
    let none = ScriptedResponse::json(200, json!({ "certificates": [] }));
    sandbox.respond_next("certificates_list", none).unwrap();
    assert!(!certificates.ensure(wanted()).await.unwrap().is_changed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_programs_create_one_and_each_gets_it() {
    let (sandbox, _) = start().await;
    let all = (0..16)
        .map(|_| {
            // Each has its own client.
            let docr = client(&sandbox);
            tokio::spawn(async move {
                let registry = docr.registries().ensure(wanted_registry()).await?;
                let wanted = CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
                let certificate = docr.certificates().ensure(wanted).await?;
                Ok::<_, docr::Error>((registry.is_changed(), certificate.is_changed()))
            })
        })
        .collect::<Vec<_>>();
    let (mut registries, mut certificates) = (0, 0);
    for one in all {
        let (registry, certificate) = one.await.unwrap().unwrap();
        registries += usize::from(registry);
        certificates += usize::from(certificate);
    }
    assert_eq!((registries, certificates), (1, 1));
}

#[tokio::test]
async fn a_tier_is_changed_only_if_it_differs() {
    let (sandbox, _) = start().await;
    let registries = client(&sandbox).registries();
    assert!(
        registries
            .ensure_tier(TierSlug::Basic)
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(registries.subscription_opt().await.unwrap(), None);
    registries.create(wanted_registry()).await.unwrap();
    sandbox.clear_requests();
    assert!(
        !registries
            .ensure_tier(TierSlug::Basic)
            .await
            .unwrap()
            .is_changed()
    );
    assert_eq!(sandbox.requests().len(), 1);
    let moved = registries
        .ensure_tier(TierSlug::Professional)
        .await
        .unwrap();
    assert!(moved.is_changed());
    assert_eq!(moved.into_inner().tier.slug, TierSlug::Professional);
    let error = registries
        .ensure_tier(TierSlug::Other("gold".into()))
        .await
        .unwrap_err();
    assert!(error.is_invalid_input(), "{error:?}");
}

#[tokio::test]
async fn a_certificate_is_found_by_its_name_and_compared_with_the_request() {
    let (sandbox, _) = start().await;
    sandbox.add_certificate(CertificateSeed::lets_encrypt("shop", ["shop.example.com"]));
    let certificates = client(&sandbox).certificates();
    let wanted = |name: &str, dns: &str| CreateCertificate::lets_encrypt(name, [dns]);
    let found = certificates
        .ensure(wanted("shop", "SHOP.example.com"))
        .await
        .unwrap();
    assert!(!found.is_changed());
    let error = certificates
        .ensure(wanted("shop", "www.example.com"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(error.certificate().unwrap().id, found.get().id);
    assert!(
        error.to_string().contains("but it is for shop.example.com"),
        "{error}"
    );
    assert!(
        certificates
            .ensure(wanted("blog", "blog.example.com"))
            .await
            .unwrap()
            .is_changed()
    );
    assert_eq!(certificates.list().all().await.unwrap().len(), 2);
}

/// Every fault, in each request.
#[tokio::test]
async fn no_fault_makes_ensure_act_twice_or_misreport() {
    let mut cases = 0;
    for fault in Fault::ALL {
        for number in 0..4 {
            let case = format!("{fault:?} in request {number}");
            let (sandbox, _) = start().await;
            let proxy = FaultProxy::at(sandbox.addr(), fault, number).await;
            let docr = hasty(proxy.url(), fault);
            let end = docr.registries().ensure(wanted_registry()).await;
            let existing = client(&sandbox).registries().list().all().await.unwrap();
            assert!(existing.len() <= 1, "{case}: {existing:?}");
            match end {
                Ok(ensured) => assert_eq!(existing[0].name, ensured.get().name, "{case}"),
                Err(error) => {
                    let is_honest =
                        existing.is_empty() || error.is_ambiguous() || !error.is_connect();
                    assert!(is_honest, "{case}: {error:?}");
                    // Another call succeeds.
                    let again = client(&sandbox)
                        .registries()
                        .ensure(wanted_registry())
                        .await;
                    assert_eq!(again.unwrap().is_changed(), existing.is_empty(), "{case}");
                }
            }

            let proxy = FaultProxy::at(sandbox.addr(), fault, number).await;
            let certificates = hasty(proxy.url(), fault).certificates();
            let wanted = CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
            let end = certificates.ensure(wanted.clone()).await;
            let existing = client(&sandbox).certificates().list().all().await.unwrap();
            assert!(existing.len() <= 1, "{case}: {existing:?}");
            if let Ok(ensured) = end {
                assert_eq!(existing[0].id, ensured.get().id, "{case}");
            }
            client(&sandbox)
                .certificates()
                .ensure(wanted)
                .await
                .unwrap();

            let proxy = FaultProxy::at(sandbox.addr(), fault, number).await;
            let hasty = hasty(proxy.url(), fault).registries();
            let first = hasty.ensure_tier(TierSlug::Professional).await;
            let registries = client(&sandbox).registries();
            let has = registries.subscription().await.unwrap().tier.slug;
            assert!(first.is_err() || has == TierSlug::Professional, "{case}");
            registries
                .ensure_tier(TierSlug::Professional)
                .await
                .unwrap();
            let made = sandbox.requests();
            let made = made.iter().filter(|request| {
                request.status < 300
                    && matches!(
                        request.operation.as_deref(),
                        Some("registries_create" | "certificates_create")
                    )
            });
            assert_eq!(made.count(), 2, "{case}");
            cases += 1;
        }
    }
    println!("{cases} cases of ensure, no duplicates");
}

fn hasty(url: &str, fault: Fault) -> Client {
    let docr = client_with_clock(url, TOKEN, Arc::new(ManualClock::at(noon())));
    match fault {
        Fault::Silence | Fault::SlowDrip => {
            docr.with(|calls| calls.attempt_timeout(std::time::Duration::from_millis(40)))
        }
        _ => docr,
    }
}
