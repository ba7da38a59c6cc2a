//! No secret is shown, whatever value or error is formatted.

use std::fmt::Debug;

use docr::{Client, CreateCertificate, CredentialsRequest};
use docr_api::{Session, types};
use docr_sandbox::Sandbox;
use docr_tests::sandbox::{TOKEN, client, furnish, registry_name, start};

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKsandboxkey\n-----END PRIVATE KEY-----";

#[track_caller]
fn assert_hides(secret: &str, value: &dyn Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn no_debug_output_contains_the_token() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let docr = client(&sandbox);
    let registry = docr.registry(registry_name());
    let repository = registry.repository("api".parse().unwrap());
    let token = docr::Secret::from(TOKEN);
    let unauthorized = docr_tests::sandbox::client_at(sandbox.url(), "dop_v1_other");
    let values: Vec<Box<dyn Debug>> = vec![
        Box::new(Client::builder().token(TOKEN)),
        Box::new(docr.api().clone()),
        Box::new(Session::bearer(&token).unwrap()),
        Box::new(token),
        Box::new(docr.registries()),
        Box::new(docr.legacy_registry()),
        Box::new(docr.certificates()),
        Box::new(docr.clusters()),
        Box::new(registry.garbage_collections()),
        Box::new(registry.repositories()),
        Box::new(repository.tags()),
        Box::new(repository.tags().items()),
        Box::new(repository.tags().pages()),
        Box::new(repository),
        Box::new(registry),
        Box::new(docr),
        Box::new(sandbox.requests()),
        Box::new(Sandbox::builder().token(TOKEN)),
    ];
    for value in &values {
        assert_hides(TOKEN, value);
    }
    let error = unauthorized.registries().list().all().await.unwrap_err();
    assert_hides("dop_v1_other", &error);
    assert_hides(TOKEN, &sandbox);
}

#[tokio::test]
async fn no_debug_output_contains_minted_credentials() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let registry = client(&sandbox).registry(registry_name());
    let credentials = registry
        .docker_credentials(CredentialsRequest::read_only())
        .await
        .unwrap();
    let secret = credentials.auth().expose();
    assert!(secret.len() > 20);
    assert_hides(secret, &credentials);
    assert_hides(secret, &credentials.docker_config_json());
    assert_hides(secret, &sandbox.credentials());
    let read: types::DockerCredentials =
        serde_json::from_str(credentials.docker_config_json().expose()).unwrap();
    assert_hides(secret, &read);
}

#[tokio::test]
async fn no_debug_output_or_error_contains_a_private_key() {
    let secret = "sandboxkey";
    let wanted = CreateCertificate::custom("shop", KEY, "-----BEGIN CERTIFICATE-----");
    assert_hides(secret, &wanted);

    let (sandbox, _) = start().await;
    let refused = client(&sandbox).certificates().create(wanted).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_invalid_input());
    assert_hides(secret, &refused);
    assert!(!refused.to_string().contains(secret), "{refused}");

    let pair = docr_sandbox::test_certificate(["shop.example.com"]);
    let wanted = CreateCertificate::custom("shop", pair.private_key.as_str(), pair.leaf);
    // Also without the lines that mark it as a key.
    let sent: Vec<_> = pair.private_key.lines().collect();
    let sent = sent[1..sent.len() - 1].concat();
    let message = format!("bad key: {KEY} or {sent}");
    let quoting = serde_json::json!({"id": "unprocessable_entity", "message": message});
    let response = docr_sandbox::ScriptedResponse::json(422, quoting);
    sandbox
        .respond_next("certificates_create", response)
        .unwrap();
    let error = client(&sandbox)
        .certificates()
        .create(wanted)
        .await
        .unwrap_err();
    assert!(error.is_rejected());
    assert_hides(&sent[20..36], &error);
    assert!(!error.to_string().contains(&sent[20..36]), "{error}");
    assert_hides(secret, &sandbox.requests());
    assert_hides(secret, &error);
    assert!(!error.to_string().contains(secret), "{error}");
    assert!(
        error
            .api_message()
            .is_some_and(|message| message.contains("[redacted]"))
    );
}
