//! What the service sends where it differs from its published description.

use std::time::Duration;

use docr::{
    CertificateState, Client, CreateCertificate, CredentialsRequest, ErrorKind,
    GarbageCollectionStatus, GarbageCollectionType,
};
use docr_sandbox::ScriptedResponse;
use docr_tests::sandbox::{Checked, client, registry_name, start};
use serde_json::{Value, json};

/// A sandbox with this response for the next call of an operation, and a client.
async fn responding(operation: &str, status: u16, body: Value) -> (Checked, Client) {
    let (sandbox, _) = start().await;
    sandbox
        .respond_next(operation, ScriptedResponse::json(status, body))
        .unwrap();
    let docr = client(&sandbox);
    (sandbox, docr)
}

#[tokio::test]
async fn garbage_collections_have_a_type_and_unpublished_statuses() {
    let statuses = [
        (
            "waiting for delete requests",
            GarbageCollectionStatus::WaitingForDeleteRequests,
        ),
        ("success", GarbageCollectionStatus::Other("success".into())),
    ];
    for (text, status) in statuses {
        let run = json!({"uuid": "u", "status": text, "type": "untagged manifests only"});
        let body = json!({"garbage_collection": run});
        let (_sandbox, docr) = responding("registries_get_garbageCollection", 200, body).await;
        let runs = docr.registry(registry_name()).garbage_collections();
        let run = runs.active().await.unwrap().unwrap();
        assert_eq!(run.status, Some(status));
        assert_eq!(
            run.type_,
            Some(GarbageCollectionType::UntaggedManifestsOnly)
        );
    }
}

#[tokio::test]
async fn the_lack_of_an_active_garbage_collection_is_not_an_error() {
    let error = json!({"id": "not_found", "message": "none"});
    let (_sandbox, docr) = responding("registries_get_garbageCollection", 404, error).await;
    let runs = docr.registry(registry_name()).garbage_collections();
    assert_eq!(runs.active().await.unwrap(), None);
}

#[tokio::test]
async fn the_newer_calls_send_the_garbage_collection_type_and_the_credentials_query() {
    let (sandbox, _) = start().await;
    docr_tests::sandbox::furnish(&sandbox).await;
    sandbox.clear_requests();
    let registry = client(&sandbox).registry(registry_name());
    // 50 years are known to be accepted.
    let longest = CredentialsRequest::read_only().expires_in(Duration::from_secs(1_576_800_000));
    registry.docker_credentials(longest).await.unwrap();
    let what = GarbageCollectionType::UnreferencedBlobsOnly;
    registry.garbage_collections().start(what).await.unwrap();
    let requests = sandbox.requests();
    assert_eq!(
        requests[0].query.as_deref(),
        Some("expiry_seconds=1576800000&read_write=false")
    );
    assert_eq!(requests[1].body, r#"{"type":"unreferenced blobs only"}"#);
}

#[tokio::test]
async fn the_list_of_registries_has_their_total_storage() {
    let body = json!({"registries": null, "total_storage_usage_bytes": 107_374_182_400_u64});
    let (_sandbox, docr) = responding("registries_list", 200, body).await;
    let total = docr.registries().storage_usage_bytes().await.unwrap();
    assert_eq!(total, Some(107_374_182_400));
}

#[tokio::test]
async fn an_empty_repository_has_no_latest_manifest() {
    for repository in [
        json!({"name": "empty"}),
        json!({"name": "empty", "latest_manifest": null}),
    ] {
        let body = json!({"repositories": [repository], "meta": {"total": 1}});
        let (_sandbox, docr) = responding("registries_list_repositoriesV2", 200, body).await;
        let all = docr
            .registry(registry_name())
            .repositories()
            .all()
            .await
            .unwrap();
        assert_eq!(all[0].latest_manifest, None);
    }
}

#[tokio::test]
async fn a_misspelt_blob_size_does_not_make_the_manifest_unreadable() {
    let blobs = json!([{"digest": "sha256:1", "compressed_size_byte": 5}]);
    let body = json!({"manifests": [{"digest": "sha256:2", "blobs": blobs}]});
    let (_sandbox, docr) = responding("registries_list_repositoryManifests", 200, body).await;
    let repository = docr
        .registry(registry_name())
        .repository("api".parse().unwrap());
    let manifests = repository.manifests().all().await.unwrap();
    assert_eq!(manifests[0].blobs[0].digest, "sha256:1");
}

#[tokio::test]
async fn a_certificate_created_with_status_202_is_read() {
    let certificate =
        json!({"id": "i", "name": "shop", "state": "pending", "not_after": "", "dns_names": [""]});
    let body = json!({"certificate": certificate});
    let (_sandbox, docr) = responding("certificates_create", 202, body).await;
    let wanted = CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
    let created = docr.certificates().create(wanted).await.unwrap();
    assert_eq!(
        (created.state, created.not_after),
        (Some(CertificateState::Pending), None)
    );
}

#[tokio::test]
async fn undocumented_certificate_errors_have_their_kinds() {
    for (status, kind) in [
        (403, ErrorKind::Forbidden),
        (409, ErrorKind::Conflict),
        (422, ErrorKind::Rejected),
        (503, ErrorKind::Server),
    ] {
        let error = json!({"id": "some_id", "message": "some message"});
        let (_sandbox, docr) = responding("certificates_create", status, error).await;
        let wanted = CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
        let error = docr.certificates().create(wanted).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, Some(status)));
        assert_eq!(error.api_id(), Some("some_id"));
        // After a 503 the certificate may have been ordered, although none is found.
        assert_eq!(error.is_ambiguous(), status == 503);
    }
}

#[tokio::test]
async fn credentials_are_opaque() {
    // Neither base64 nor of any known form.
    let body = json!({"auths": {"registry.digitalocean.com": {"auth": "%%% person@example.com:new form"}}});
    let (_sandbox, docr) = responding("registries_get_dockerCredentials", 200, body).await;
    let registry = docr.registry(registry_name());
    let credentials = registry
        .docker_credentials(CredentialsRequest::read_only())
        .await
        .unwrap();
    assert_eq!(
        credentials.auth().expose(),
        "%%% person@example.com:new form"
    );
}
