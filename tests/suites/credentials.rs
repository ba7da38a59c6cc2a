//! Docker credentials: handed to Docker, Kubernetes and OCI libraries, cached, and revoked.

use std::time::Duration;

use docr::{
    Client, CredentialsRequest, DockerConfig, DockerCredentials, ErrorKind, KubernetesSecret,
    RegistryHandle,
};
use docr_sandbox::{Clock, ScriptedResponse};
use docr_tests::{
    raw_server::{RawServer, response},
    sandbox::{Checked, TOKEN, furnish, registry_name, sharing, start},
};
use oci_client::secrets::RegistryAuth;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

async fn bench() -> (Checked, Clock, Client, RegistryHandle) {
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    let docr = sharing(&sandbox, &clock);
    let registry = docr.registry(registry_name());
    (sandbox, clock, docr, registry)
}

async fn minted() -> DockerCredentials {
    let (_sandbox, _, _, registry) = bench().await;
    registry
        .docker_credentials(CredentialsRequest::read_only())
        .await
        .unwrap()
}

/// Credentials in an unknown format.
async fn in_unknown_format() -> DockerCredentials {
    let (sandbox, _, _, registry) = bench().await;
    let body = json!({"auths": {"registry.digitalocean.com": {"auth": "%%% new format"}}});
    let response = ScriptedResponse::json(200, body);
    sandbox
        .respond_next("registries_get_dockerCredentials", response)
        .unwrap();
    registry
        .docker_credentials(CredentialsRequest::read_only())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_docker_config_keeps_its_content_when_credentials_are_added() {
    let credentials = minted().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(
        &path,
        r#"{"auths": {"ghcr.io": {"auth": "b2xk"}}, "psFormat": "table"}"#,
    )
    .unwrap();
    let mut config = DockerConfig::load(&path).unwrap();
    config.insert(&credentials).unwrap();
    config.save().unwrap();
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let auths = json!({
        "ghcr.io": {"auth": "b2xk"},
        "registry.digitalocean.com": {"auth": credentials.auth().expose()},
    });
    assert_eq!(written, json!({"auths": auths, "psFormat": "table"}));
}

#[tokio::test]
async fn a_pull_secret_is_named_and_annotated_so_that_digitalocean_copies_it() {
    let credentials = minted().await;
    let manifest = KubernetesSecret::new(&registry_name())
        .manifest(&credentials)
        .unwrap();
    let read: Value = serde_saphyr::from_str(manifest.expose()).unwrap();
    let data = read["data"][".dockerconfigjson"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        read,
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "registry-acme-images",
                "namespace": "kube-system",
                "annotations": {"digitalocean.com/dosecret-identifier": "registry-acme-images"},
            },
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": data},
        })
    );
    // The typed object is equal, with the same bytes in its data.
    let objects = KubernetesSecret::new(&registry_name())
        .objects(&credentials)
        .unwrap();
    assert_eq!(serde_json::to_value(&objects[0]).unwrap(), read);
    let bytes = &objects[0].data.as_ref().unwrap()[".dockerconfigjson"].0;
    assert_eq!(
        std::str::from_utf8(bytes).unwrap(),
        credentials.docker_config_json().expose()
    );
}

#[tokio::test]
async fn several_namespaces_get_a_document_each_without_the_annotation() {
    let credentials = minted().await;
    let secret = KubernetesSecret::new(&registry_name())
        .name("1e3")
        .namespaces(["null", "shop"]);
    let manifest = secret.manifest(&credentials).unwrap();
    let documents: Vec<_> = manifest.expose().split("---\n").collect();
    assert_eq!(documents.len(), 2);
    for (document, namespace) in documents.into_iter().zip(["null", "shop"]) {
        let read: Value = serde_saphyr::from_str(document).unwrap();
        // Strings remain strings, even those that YAML would read as something else.
        assert_eq!(
            read["metadata"],
            json!({"name": "1e3", "namespace": namespace})
        );
    }
    assert_eq!(secret.objects(&credentials).unwrap().len(), 2);
}

#[tokio::test]
async fn names_that_kubernetes_would_refuse_are_refused() {
    let credentials = minted().await;
    let secret = KubernetesSecret::new(&registry_name());
    for (secret, message) in [
        (
            secret.clone().name("Shop"),
            "name of the Kubernetes secret \"Shop\": is not a valid name",
        ),
        (
            secret.clone().name(""),
            "name of the Kubernetes secret \"\": is not a valid name",
        ),
        (
            secret.clone().name("a\"\nb"),
            "name of the Kubernetes secret",
        ),
        (secret.clone().name("a".repeat(254)), "at most 253"),
        (
            secret.clone().namespaces(["a.b"]),
            "Kubernetes namespace \"a.b\": is not a valid name",
        ),
        (
            secret.clone().namespaces(["-a"]),
            "Kubernetes namespace \"-a\": is not a valid name",
        ),
        (
            secret.clone().namespaces([""; 0]),
            "is empty; a secret needs",
        ),
    ] {
        let error = secret.manifest(&credentials).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(secret.objects(&credentials).is_err());
    }
    let fine = secret.name("registry.of-1").namespaces(["a".repeat(63)]);
    fine.manifest(&credentials).unwrap();
}

#[tokio::test]
async fn an_oci_library_gets_user_and_password() {
    let credentials = minted().await;
    let (user, password) = credentials.user_and_password().unwrap();
    let RegistryAuth::Basic(oci_user, oci_password) = credentials.registry_auth().unwrap() else {
        panic!("no basic authentication");
    };
    assert_eq!(
        (oci_user, oci_password),
        (user.expose().into(), password.expose().into())
    );
    let other = in_unknown_format().await;
    assert!(other.user_and_password().is_none());
    let error = other.registry_auth().unwrap_err().to_string();
    assert!(
        error.starts_with("credential \"[redacted]\": is not base64"),
        "{error}"
    );
}

#[tokio::test]
async fn a_repeated_revocation_succeeds_and_a_rejected_one_is_an_error() {
    let (sandbox, _, docr, registry) = bench().await;
    let credentials = registry
        .docker_credentials(CredentialsRequest::read_write())
        .await
        .unwrap();
    docr.revoke(&credentials).await.unwrap();
    assert!(sandbox.credentials()[0].revoked);
    docr.revoke(&credentials).await.unwrap();
    let error = docr.revoke(&in_unknown_format().await).await.unwrap_err();
    assert!(error.is_invalid_input(), "{error}");

    let refusing = RawServer::responding(response(401, "", "")).await;
    let stranger = Client::builder().token("nobody").oauth_url(refusing.url());
    let error = stranger.build().unwrap().revoke(&credentials).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.to_string().starts_with("oauth_revoke: 401"),
        "{error}"
    );
    let secret = credentials.user_and_password().unwrap().1;
    assert!(!format!("{error:?}").contains(secret.expose()));
}

#[tokio::test]
async fn a_revocation_sends_the_minted_token_and_never_the_account_token() {
    let (_sandbox, _clock, _docr, registry) = bench().await;
    let minted = registry
        .docker_credentials(CredentialsRequest::read_only())
        .await
        .unwrap();
    let (_, secret) = minted.user_and_password().unwrap();
    let revoking = RawServer::responding(response(200, "", "")).await;
    let elsewhere = Client::builder().token(TOKEN).oauth_url(revoking.url());
    elsewhere.build().unwrap().revoke(&minted).await.unwrap();
    let requests = revoking.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(!request.contains(TOKEN), "{request}");
    assert!(
        request.contains(&format!("authorization: Bearer {}\r\n", secret.expose())),
        "{request}"
    );
    assert!(
        request.ends_with(&format!("token={}", secret.expose())),
        "{request}"
    );
}

#[tokio::test]
async fn a_401_after_a_lost_revocation_counts_as_revoked() {
    for (first, is_revoked) in [(502, true), (401, false)] {
        let server = RawServer::serving(move |number, _| {
            let status = if number == 0 { first } else { 401 };
            std::future::ready(response(status, "", ""))
        });
        let server = server.await;
        let docr = docr_tests::sandbox::client_at(server.url(), TOKEN);
        let end = docr.revoke_password(&"dop_v1_minted".into()).await;
        assert_eq!(end.is_ok(), is_revoked, "{end:?}");
    }
}

#[tokio::test]
async fn credentials_for_other_hosts_are_kept_and_a_response_without_any_is_an_error() {
    let minting = |auths: Value| async move {
        let body = json!({ "auths": auths }).to_string();
        let server = RawServer::responding(response(200, "", body)).await;
        let docr = docr_tests::sandbox::client_at(server.url(), TOKEN);
        let by_name = docr.registry(registry_name());
        let by_name = by_name
            .docker_credentials(CredentialsRequest::read_only())
            .await;
        let of_account = docr.legacy_registry();
        let of_account = of_account
            .docker_credentials(CredentialsRequest::read_only())
            .await;
        [by_name, of_account]
    };
    let (main, further) = ("bWU6b25l", "bWU6dHdv");
    let both =
        json!({"registry.digitalocean.com": {"auth": main}, "fra1.example": {"auth": further}});
    for minted in minting(both.clone()).await {
        let minted = minted.unwrap();
        assert_eq!(minted.auth().expose(), main);
        let config: Value = serde_json::from_str(minted.docker_config_json().expose()).unwrap();
        assert_eq!(config, json!({ "auths": both }));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let mut config = DockerConfig::load(&path).unwrap();
        config.insert(&minted).unwrap();
        config.save().unwrap();
        let written: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(written, json!({ "auths": both }));
    }
    for minted in minting(json!({"fra1.example": {"auth": further}})).await {
        let minted = minted.unwrap();
        assert_eq!(minted.hosts().next().unwrap().0, "fra1.example");
        assert_eq!(minted.auth().expose(), further);
    }
    for minted in minting(json!({})).await {
        let error = minted.unwrap_err();
        assert!(error.is_unreadable() && error.is_ambiguous(), "{error}");
        assert!(
            error.to_string().contains("no credentials for any host"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_cache_hands_out_the_same_credentials_and_renews_them_before_they_expire() {
    let (sandbox, clock, _, registry) = bench().await;
    let cache = registry.credentials_cache(CredentialsRequest::read_only().expires_in(10 * HOUR));
    let first = cache.get().await.unwrap();
    clock.advance(9 * HOUR - Duration::from_secs(1));
    assert_eq!(cache.clone().get().await.unwrap().auth(), first.auth());
    assert_eq!(sandbox.minted_credentials(), 1);
    clock.advance(Duration::from_secs(1));
    assert_ne!(cache.get().await.unwrap().auth(), first.auth());
    assert_eq!(sandbox.minted_credentials(), 2);
    cache.forget().await;
    cache.get().await.unwrap();
    assert_eq!(sandbox.minted_credentials(), 3);
}

#[tokio::test]
async fn credentials_that_cannot_be_renewed_are_handed_out_until_they_expire() {
    let (sandbox, clock, _, registry) = bench().await;
    let cache = registry.credentials_cache(CredentialsRequest::read_only().expires_in(10 * HOUR));
    let first = cache.get().await.unwrap();
    for (advance, usable) in [(9 * HOUR, true), (HOUR, false)] {
        clock.advance(advance);
        let failed = ScriptedResponse::status(500);
        sandbox
            .respond_next("registries_get_dockerCredentials", failed)
            .unwrap();
        match cache.get().await {
            Ok(credentials) => assert!(usable && credentials.auth() == first.auth()),
            Err(error) => assert!(!usable && error.is_server_error(), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_share_one_request_and_its_failure() {
    let (sandbox, _, _, registry) = bench().await;
    let cache = registry.credentials_cache(CredentialsRequest::read_only());
    let all = |cache: &docr::CredentialsCache| {
        let cache = cache.clone();
        let callers = (0..64).map(move |_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get().await.map(|one| one.auth().clone()) })
        });
        callers.collect::<Vec<_>>()
    };
    let mut auths = Vec::new();
    for caller in all(&cache) {
        auths.push(caller.await.unwrap().unwrap());
    }
    auths.dedup();
    assert_eq!((auths.len(), sandbox.minted_credentials()), (1, 1));

    // All callers that wait for a failed request get its error; the next caller sends another one.
    cache.forget().await;
    sandbox.clear_requests();
    for _ in 0..64 {
        let failed = ScriptedResponse::status(500);
        sandbox
            .respond_next("registries_get_dockerCredentials", failed)
            .unwrap();
    }
    let mut failures = 0;
    for caller in all(&cache) {
        failures += usize::from(caller.await.unwrap().is_err());
    }
    assert_eq!(failures, 64);
    let requests = sandbox.requests().len();
    assert!(requests < 64, "{requests} requests for 64 callers");
}

#[tokio::test]
async fn credentials_that_never_expire_are_kept() {
    let (sandbox, clock, _, registry) = bench().await;
    let cache = registry.credentials_cache(CredentialsRequest::read_only().never_expires());
    cache.get().await.unwrap();
    clock.advance(10_000 * 24 * HOUR);
    cache.get().await.unwrap();
    assert_eq!(sandbox.minted_credentials(), 1);
}
