//! A server that quotes the request, secrets and all.

use std::{error::Error as _, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr::{CreateCertificate, CredentialsRequest, Error};
use docr_api::operations;
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{client_at, registry_name},
};
use serde_json::json;

use super::held;

const TOKEN: &str = "dop_v1_5c1f0e9ab37d2846f01b6c5ea98d73420b1c8e6f7a59d3042e8b17c6f4a0d952";

/// How a request is quoted.
const FORMS: [fn(&str) -> String; 6] = [
    str::to_owned,
    |request| format!("{request:?}"),
    |request| format!("map[request:{request:?} error:bad]"),
    |request| BASE64.encode(request),
    |request| request.replace("\\n", "\r\n").replace(' ', "+"),
    |request| {
        request
            .chars()
            .skip(request.find(TOKEN).map_or(0, |at| at + 20))
            .collect()
    },
];

/// Everything that an error shows, in every format.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error}\n{error:?}\n{error:#?}\n");
    let texts = [error.api_id(), error.api_message(), error.request_id()];
    writeln!(shown, "{texts:?}").unwrap();
    let mut source = error.source();
    while let Some(cause) = source {
        writeln!(shown, "{cause} {cause:?}").unwrap();
        source = cause.source();
    }
    shown
}

/// Twelve consecutive characters of a secret, if the text contains them.
fn leak<'s>(text: &str, secret: &'s str) -> Option<&'s str> {
    let lines = secret.lines().filter(|line| !line.starts_with("-----"));
    let mut runs = lines.flat_map(|line| (12..=line.len()).map(|end| &line[end - 12..end]));
    runs.find(|run| text.contains(run))
}

/// A server that quotes each request in its response, with a status.
async fn quoting(status: u16, form: usize) -> RawServer {
    RawServer::serving(move |number, request| {
        // Headers hold visible characters only.
        let quoted = FORMS[form](&request);
        let line: String = quoted.chars().filter(|c| c.is_ascii_graphic()).collect();
        let headers = format!("x-request-id: {line}\r\nlocation: /{line}\r\n");
        let body = match number % 3 {
            0 => json!({"id": quoted, "message": quoted, "request_id": quoted}).to_string(),
            1 => json!({"id": "bad_request", "message": format!("bad: {quoted}")}).to_string(),
            _ => format!("<html>{quoted}</html>"),
        };
        std::future::ready(response(status, &headers, body))
    })
    .await
}

#[tokio::test]
async fn no_error_of_any_operation_shows_the_token() {
    for operation in operations::ALL {
        for (status, form) in [
            (307, 0),
            (400, 1),
            (401, 2),
            (404, 3),
            (422, 4),
            (500, 5),
            (502, 0),
        ] {
            let server = quoting(status, form).await;
            let docr = client_at(server.url(), TOKEN).with(|calls| calls.max_attempts(1));
            for _ in 0..3 {
                let outcome = call(&docr, operation.id, &Subjects::default()).await;
                if let Err(error) = outcome.unwrap() {
                    let shown = shown(&error);
                    assert_eq!(
                        leak(&shown, TOKEN),
                        None,
                        "{} {status}: {shown}",
                        operation.id
                    );
                }
            }
        }
    }
    held(
        "no error shows the token of a request that the server quotes",
        operations::ALL.len(),
    );
}

#[tokio::test]
async fn no_error_shows_the_private_key_of_a_certificate() {
    let made = docr_sandbox::test_certificate(["shop.example.com"]);
    let key = made.private_key.as_str();
    for form in 0..FORMS.len() {
        for status in [307, 400, 422, 500] {
            let server = quoting(status, form).await;
            let docr = client_at(server.url(), TOKEN).with(|calls| calls.max_attempts(1));
            for _ in 0..3 {
                let wanted = CreateCertificate::custom("shop", key, made.leaf.clone());
                let error = docr.certificates().create(wanted).await.unwrap_err();
                let shown = shown(&error);
                assert_eq!(leak(&shown, key), None, "{status}, form {form}: {shown}");
                assert_eq!(leak(&shown, TOKEN), None, "{status}, form {form}: {shown}");
            }
        }
    }
    held("no error shows the private key of a certificate", 1);
}

#[tokio::test]
async fn no_error_of_a_revocation_shows_the_credential() {
    let secret = "dop_v1_9e0c4b7a21f86d5330a9c1e7b4f2d86a5c0b9e1f3d7a48261e5fc03b9d7a6e48";
    let auth = BASE64.encode(format!("{secret}:{secret}"));
    for form in 0..FORMS.len() {
        let body = json!({"auths": {"registry.digitalocean.com": {"auth": auth}}}).to_string();
        let minting = RawServer::responding(response(200, "", body)).await;
        let quoting = quoting(422, form).await;
        let docr = docr::Client::builder()
            .base_url(minting.url())
            .oauth_url(quoting.url())
            .token(TOKEN);
        let docr = docr.build().unwrap();
        let registry = docr.registry(registry_name());
        let minted = registry
            .docker_credentials(CredentialsRequest::read_only())
            .await
            .unwrap();
        for _ in 0..3 {
            let error = docr.revoke(&minted).await.unwrap_err();
            let shown = shown(&error);
            for secret in [secret, auth.as_str(), TOKEN] {
                assert_eq!(leak(&shown, secret), None, "form {form}: {shown}");
            }
        }
    }
    held("no error of a revocation shows the credential", 1);
}
