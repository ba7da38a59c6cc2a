//! After a create with an unknown outcome, a server that responds with what somebody else created.

use std::sync::Arc;

use chrono::TimeDelta;
use docr::{Clock as _, CreateCertificate, ManualClock};
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{TOKEN, client_with_clock, noon},
};
use serde_json::{Value, json};

use super::held;

const DATE: &str = "date: Thu, 01 Jan 2026 12:00:00 GMT\r\n";

/// A server that fails each create and responds with `found` otherwise, and a client with a clock three days ahead.
async fn losing(found: Value, headers: &'static str) -> (RawServer, docr::Client) {
    let server = RawServer::serving(move |_, request| {
        let found = match () {
            () if request.starts_with("POST") => response(502, headers, "<html>bad gateway</html>"),
            // The tier of an account with several registries has its own call.
            () if request.starts_with("GET /v2/registries/subscription") => {
                let found = json!({"subscription": found["registry"]["subscription"]});
                response(200, headers, found.to_string())
            }
            () => response(200, headers, found.to_string()),
        };
        std::future::ready(found)
    });
    let server = server.await;
    let clock = Arc::new(ManualClock::at(noon() + TimeDelta::days(3)));
    let docr = client_with_clock(server.url(), TOKEN, clock);
    (server, docr)
}

/// An operation, a response with the resource that it created, and the values that make it somebody else's.
type Case = (&'static str, Value, Vec<(&'static str, Value)>);

fn cases() -> Vec<Case> {
    let tier = |slug: &str| json!({"tier": {"slug": slug}});
    let times = |at: &'static str| {
        let time = |text: &str| (at, json!(text));
        vec![
            time("2026-01-01T11:59:54Z"),
            time("2025-12-29T12:00:00Z"),
            (at, Value::Null),
        ]
    };
    let registry = |name: &str, slug: &str, region: Option<&str>| {
        let registry = json!({"name": name, "region": region, "subscription": tier(slug),
            "created_at": "2026-01-01T12:00:00Z"});
        json!({"registry": registry, "subscription": tier(slug)})
    };
    let run = json!({"uuid": "7a1f0c52-9b7e-4a55-b8a4-2f6f3f1f9a10", "status": "requested",
        "type": "untagged manifests and unreferenced blobs", "created_at": "2026-01-01T12:00:00Z"});
    let runs = json!({"garbage_collections": [run], "meta": {"total": 1}});
    let other_runs = || {
        let types = [
            json!("unreferenced blobs only"),
            json!("new type"),
            Value::Null,
        ];
        let types = types
            .into_iter()
            .map(|other| ("/garbage_collections/0/type", other));
        types
            .chain(times("/garbage_collections/0/created_at"))
            .collect::<Vec<_>>()
    };
    let certificate = json!({"id": "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954", "name": "shop-back",
        "type": "lets_encrypt", "dns_names": ["Back.example.com"], "state": "pending",
        "created_at": "2026-01-01T12:00:00Z"});
    let certificates = json!({"certificates": [certificate], "meta": {"total": 1}});
    let mut other_certificates = vec![
        ("/certificates/0/dns_names", json!(["other.example.com"])),
        (
            "/certificates/0/dns_names",
            json!(["back.example.com", "more.example.com"]),
        ),
        ("/certificates/0/dns_names", json!([])),
        ("/certificates/0/type", json!("custom")),
        ("/certificates/0/name", json!("shop")),
    ];
    other_certificates.extend(times("/certificates/0/created_at"));
    let mut of_account = vec![
        ("/registry/region", json!("nyc3")),
        ("/registry/region", Value::Null),
        ("/registry/subscription/tier/slug", json!("starter")),
        ("/registry/name", json!("other")),
    ];
    of_account.extend(times("/registry/created_at"));
    let mut by_name = vec![
        ("/registry/subscription/tier/slug", json!("basic")),
        ("/registry/name", json!("other")),
    ];
    by_name.extend(times("/registry/created_at"));
    vec![
        (
            "registry_create",
            registry("acme-images", "basic", Some("fra1")),
            of_account,
        ),
        (
            "registries_create",
            registry("acme-mirror", "professional", None),
            by_name,
        ),
        ("registry_run_garbageCollection", runs.clone(), other_runs()),
        ("registries_run_garbageCollection", runs, other_runs()),
        ("certificates_create", certificates, other_certificates),
    ]
}

#[tokio::test]
async fn a_resource_that_differs_from_the_request_is_not_taken_for_ours() {
    let mut operations = 0;
    for (operation, own, others) in cases() {
        let (_server, docr) = losing(own.clone(), DATE).await;
        let made = call(&docr, operation, &Subjects::default()).await.unwrap();
        assert!(made.is_ok(), "{operation}: {made:?}");
        // The clocks of the service differ a little.
        let early = own.to_string().replace("T12:00:00Z", "T11:59:56Z");
        let (_server, docr) = losing(early.parse().unwrap(), DATE).await;
        let made = call(&docr, operation, &Subjects::default()).await.unwrap();
        assert!(made.is_ok(), "{operation}: {made:?}");
        for (place, value) in others {
            let mut found = own.clone();
            *found.pointer_mut(place).unwrap() = value.clone();
            let (_server, docr) = losing(found, DATE).await;
            let made = call(&docr, operation, &Subjects::default()).await.unwrap();
            let error = made.expect_err(&format!("{operation} accepts {place} {value}"));
            assert!(
                error.is_ambiguous(),
                "{operation}: {place} {value}: {error}"
            );
            assert_eq!(error.status(), Some(502), "{operation}: {error}");
        }
        // Without a date header the age is unknown.
        let (_server, docr) = losing(own, "").await;
        let made = call(&docr, operation, &Subjects::default()).await.unwrap();
        assert!(made.unwrap_err().is_ambiguous(), "{operation}");
        operations += 1;
    }
    let creates = docr_api::operations::ALL.iter();
    let creates = creates.filter(|operation| operation.effect == docr_api::Effect::Create);
    assert_eq!(operations, creates.count());
    held(
        "after a 502, somebody else's resource is not taken for ours",
        operations,
    );
}

#[tokio::test]
async fn a_custom_certificate_is_identified_by_its_fingerprint() {
    let made = docr_sandbox::test_certificate(["shop.example.com"]);
    let other = docr_sandbox::test_certificate(["shop.example.com"]);
    let fingerprint = |pem: &str| {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body);
        let digest = <sha1::Sha1 as sha1::Digest>::digest(der.unwrap());
        digest
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":")
    };
    for (leaf, is_ours) in [(&made.leaf, true), (&other.leaf, false)] {
        let certificate = json!({"id": "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954", "name": "shop",
            "type": "custom", "dns_names": ["shop.example.com"], "state": "verified",
            "sha1_fingerprint": fingerprint(leaf), "created_at": "2026-01-01T12:00:00Z"});
        let found = json!({"certificates": [certificate], "meta": {"total": 1}});
        let (_server, docr) = losing(found, DATE).await;
        let key = made.private_key.as_str();
        let wanted = CreateCertificate::custom("shop", key, made.leaf.clone());
        let created = docr.certificates().create(wanted).await;
        assert_eq!(created.is_ok(), is_ours, "{created:?}");
    }
    held("a custom certificate is identified by its fingerprint", 1);
}

#[tokio::test]
async fn a_look_up_keeps_to_the_deadline_of_its_call_and_counts_towards_elapsed() {
    let creates = docr_api::operations::ALL.iter();
    let creates: Vec<_> = creates
        .filter(|o| o.effect == docr_api::Effect::Create)
        .collect();
    for operation in &creates {
        let clock = Arc::new(ManualClock::at(noon()));
        let on_server = Arc::clone(&clock);
        // Each attempt takes four seconds, and none succeeds.
        let server = RawServer::serving(move |_, request| {
            on_server.advance(std::time::Duration::from_secs(4));
            let status = if request.starts_with("POST") {
                502
            } else {
                503
            };
            std::future::ready(response(status, DATE, ""))
        });
        let server = server.await;
        let docr = client_with_clock(server.url(), TOKEN, clock.clone());
        let deadline = std::time::Duration::from_secs(10);
        let docr = docr.with(|calls| calls.deadline(deadline));
        let outcome = call(&docr, operation.id, &Subjects::default())
            .await
            .unwrap();
        let error = outcome.unwrap_err();
        assert!(error.is_ambiguous(), "{}: {error}", operation.id);
        assert_eq!(
            error.elapsed(),
            clock.monotonic(),
            "{}: {error}",
            operation.id
        );
        // No attempt begins after the deadline; the last one may end later, since only the server moves this clock.
        let last = std::time::Duration::from_secs(4);
        assert!(
            clock.monotonic() < deadline + last,
            "{}: {error}",
            operation.id
        );
    }
    held(
        "a look-up keeps to its call's deadline and counts towards elapsed()",
        creates.len(),
    );
}
