//! Responses that are malformed, unusual or hostile: what can be read is read, and the rest is reported truthfully.

use docr::{CertificateState, Client, EligibilityReason, ErrorKind, Region, TierSlug};
use docr_tests::{
    raw_server::RawServer,
    sandbox::{TOKEN, client_at},
};
use serde_json::json;

const JSON: &str = "application/json";

async fn responding(body: impl AsRef<[u8]>) -> (RawServer, Client) {
    with_status("200 OK", JSON, body).await
}

async fn with_status(
    status: &str,
    content_type: &str,
    body: impl AsRef<[u8]>,
) -> (RawServer, Client) {
    let server = RawServer::responding_with_body(status, content_type, body).await;
    let client = client_at(server.url(), TOKEN);
    (server, client)
}

#[tokio::test]
async fn unknown_values_and_fields_are_kept_or_skipped() {
    let body = json!({
        "registry": {
            "name": "1-old-", "region": "mars1", "planet": {"a": [1]},
            "storage_usage_bytes": 9_007_199_254_740_993_u64,
            "storage_usage_bytes_updated_at": "2026-01-13T04:00:00.123456789Z",
            "subscription": {"tier": {"slug": "galactic", "monthly_price_in_cents": u64::MAX}}
        }
    });
    let (_server, docr) = responding(body.to_string()).await;
    let registry = docr.legacy_registry().get().await.unwrap();
    assert_eq!(registry.name, "1-old-");
    assert_eq!(registry.region, Some(Region::Other("mars1".into())));
    assert_eq!(registry.storage_usage_bytes, Some(9_007_199_254_740_993));
    let measured = registry.storage_usage_bytes_updated_at.unwrap();
    assert_eq!(measured.timestamp_subsec_nanos(), 123_456_789);
    let tier = registry.subscription.unwrap().tier;
    assert_eq!(tier.slug, TierSlug::Other("galactic".into()));
    assert_eq!(tier.monthly_price_in_cents, Some(u64::MAX));
}

#[tokio::test]
async fn a_subscription_beside_the_registry_is_found() {
    let body = json!({
        "registry": {"name": "acme"},
        "subscription": {"tier": {"slug": "basic"}}
    });
    let (_server, docr) = responding(body.to_string()).await;
    let registry = docr.legacy_registry().get().await.unwrap();
    assert_eq!(registry.subscription.unwrap().tier.slug, TierSlug::Basic);
}

#[tokio::test]
async fn nulls_are_read_as_absent() {
    let body = r#"{"registry": {"name": "acme", "region": null, "created_at": null,
        "storage_usage_bytes": null, "storage_usage_bytes_updated_at": null, "subscription": null}}"#;
    let (_server, docr) = responding(body).await;
    let registry = docr.legacy_registry().get().await.unwrap();
    assert_eq!((registry.region, registry.created_at), (None, None));

    let body = r#"{"options": {"available_regions": null, "subscription_tiers": [
        {"slug": "starter", "eligible": null, "eligibility_reasons": null},
        {"slug": "basic", "eligible": false, "eligibility_reasons": ["FullMoon"]}]}}"#;
    let (_server, docr) = responding(body).await;
    let options = docr.legacy_registry().options().await.unwrap();
    assert!(options.available_regions.is_empty());
    assert!(options.subscription_tiers[0].eligibility_reasons.is_empty());
    let reasons = &options.subscription_tiers[1].eligibility_reasons;
    assert_eq!(*reasons, [EligibilityReason::Other("FullMoon".into())]);
}

#[tokio::test]
async fn a_pending_certificate_with_empty_strings_is_read() {
    let id = "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954";
    for names in ["[\"\"]", "[]", "null"] {
        let body = format!(
            r#"{{"certificate": {{"id": "{id}", "name": "a", "not_after": "", "sha1_fingerprint": "",
                "dns_names": {names}, "state": "half-done", "type": "lets_encrypt"}}}}"#
        );
        let (_server, docr) = responding(body).await;
        let certificate = docr.certificates().get(id).await.unwrap();
        assert_eq!(certificate.not_after, None);
        assert_eq!(
            certificate.state,
            Some(CertificateState::Other("half-done".into()))
        );
    }
}

#[tokio::test]
async fn an_undocumented_success_status_is_a_success() {
    let (_server, docr) =
        with_status("202 Accepted", JSON, r#"{"registry":{"name":"acme"}}"#).await;
    assert_eq!(docr.legacy_registry().get().await.unwrap().name, "acme");
}

#[tokio::test]
async fn a_missing_required_field_is_named() {
    let (_server, docr) = responding(r#"{"registry": {"region": "fra1"}}"#).await;
    let error = docr.legacy_registry().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(
        error.to_string(),
        "registry_get: 200 OK, but the response doesn't match the API: \
         registry: missing field `name` (request id 0b5f6f0e)"
    );
    assert_eq!(error.status(), Some(200));
    assert!(error.rate_limit().is_some());
}

#[tokio::test]
async fn a_malformed_body_is_unreadable_and_keeps_status_and_request_id() {
    let bodies: [&[u8]; 8] = [
        b"",
        b"null",
        b"[]",
        b"<html>hi</html>",
        b"{\"registry\":",
        b"\xff\xfe",
        b"{}",
        b"{} {}",
    ];
    for body in bodies {
        let (_server, docr) = responding(body).await;
        let error = docr.legacy_registry().get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{body:?}: {error}");
        assert_eq!(error.status(), Some(200));
        assert_eq!(error.request_id(), Some("0b5f6f0e"));
    }
}

#[tokio::test]
async fn an_invalid_size_is_named_with_its_path() {
    for number in ["-1", "1e30", "18446744073709551616", "\"5 GB\"", "1.5"] {
        let body = format!(r#"{{"registry": {{"name": "a", "storage_usage_bytes": {number}}}}}"#);
        let (_server, docr) = responding(body).await;
        let error = docr.legacy_registry().get().await.unwrap_err();
        assert!(error.is_unreadable(), "{number}");
        assert!(
            error.to_string().contains("registry.storage_usage_bytes"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_error_page_of_a_proxy_keeps_its_status_and_is_truncated() {
    let page = format!(
        "<html>\n<title>Bad  gateway</title>{}</html>",
        "x".repeat(10_000_000)
    );
    let (_server, docr) = with_status("502 Bad Gateway", "text/html", page).await;
    let error = docr.legacy_registry().get().await.unwrap_err();
    assert!(error.is_server_error());
    assert_eq!(error.status(), Some(502));
    let message = error.to_string();
    assert!(
        message.contains("<html> <title>Bad gateway</title>"),
        "{message}"
    );
    assert!(message.len() < 500, "{} bytes", message.len());
}

#[tokio::test]
async fn an_error_in_small_chunks_is_read_whole() {
    let body = r#"{"id":"not_found","message":"no such registry","request_id":"4d9d8375"}"#;
    for size in [1, 7, 40] {
        let chunks = body.as_bytes().chunks(size).map(|chunk| {
            let text = std::str::from_utf8(chunk).unwrap();
            format!("{:x}\r\n{text}\r\n", chunk.len())
        });
        let chunks: String = chunks.collect();
        let head =
            "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        let server = RawServer::responding(format!("{head}{chunks}0\r\n\r\n")).await;
        let error = client_at(server.url(), TOKEN).legacy_registry().get().await;
        let error = error.unwrap_err();
        assert_eq!(
            error.api_message(),
            Some("no such registry"),
            "{size}: {error}"
        );
        assert_eq!(error.request_id(), Some("4d9d8375"), "{size}: {error}");
    }
}

#[tokio::test]
async fn an_error_body_in_any_shape_keeps_its_status() {
    let bodies: [&[u8]; 7] = [
        b"",
        b"null",
        b"[1]",
        b"{\"id\":5}",
        b"\xff\xfe\x00",
        b"{\"id\":\"x",
        b"\"text\"",
    ];
    for body in bodies {
        let (_server, docr) = with_status("404 Not Found", JSON, body).await;
        let error = docr.legacy_registry().get().await.unwrap_err();
        assert!(error.is_not_found(), "{body:?}: {error}");
        assert_eq!(error.request_id(), Some("0b5f6f0e"));
    }
}

#[tokio::test]
async fn a_partial_error_body_is_used() {
    let (_server, docr) =
        with_status("418 I'm a teapot", JSON, r#"{"message":"short and stout"}"#).await;
    let error = docr.legacy_registry().get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedStatus);
    assert_eq!(
        (error.api_id(), error.api_message()),
        (None, Some("short and stout"))
    );
}

#[tokio::test]
async fn a_broken_connection_is_reported_as_interrupted() {
    let cases: [(&[u8], Option<u16>); 5] = [
        (b"", None),
        (b"HTTP/1.1 20", None),
        (b"HTTP/1.1 200 OK\r\ncontent-le", None),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n{\"registry\":",
            Some(200),
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{",
            Some(200),
        ),
    ];
    for (bytes, status) in cases {
        let server = RawServer::responding(bytes).await;
        let error = client_at(server.url(), TOKEN)
            .with(|calls| calls.max_attempts(1))
            .legacy_registry()
            .get()
            .await
            .unwrap_err();
        assert!(
            error.is_interrupted(),
            "{:?}: {error:?}",
            String::from_utf8_lossy(bytes)
        );
        assert_eq!(error.status(), status);
        assert!(std::error::Error::source(&error).is_some(), "{error:?}");
        assert_eq!(
            server.requests().len(),
            1,
            "the HTTP client retries nothing by itself"
        );
    }
}

#[tokio::test]
async fn garbage_in_place_of_http_is_an_error() {
    for bytes in [
        &b"\0\0\0\0"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 9999 Huh\r\n\r\n",
    ] {
        let server = RawServer::responding(bytes).await;
        let error = client_at(server.url(), TOKEN)
            .legacy_registry()
            .get()
            .await
            .unwrap_err();
        assert!(error.is_interrupted(), "{error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_is_not_sent() {
    let elsewhere = RawServer::responding_with_body("200 OK", JSON, "{}").await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let head = format!(
            "HTTP/1.1 {status}\r\nlocation: {}/v2/registry\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url()
        );
        let server = RawServer::responding(head).await;
        let error = client_at(server.url(), TOKEN)
            .legacy_registry()
            .get()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedStatus);
        assert!(error.to_string().contains("is not followed"), "{error}");
    }
    assert_eq!(elsewhere.requests(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_token_repeated_by_the_server_is_redacted() {
    let body = json!({"id": "unauthorized", "message": format!("bad token {TOKEN}")}).to_string();
    for content in [body, format!("<p>{TOKEN}</p>")] {
        let (_server, docr) = with_status("401 Unauthorized", JSON, content).await;
        let error = docr.legacy_registry().get().await.unwrap_err();
        let shown = format!("{error} {error:?} {error:#?} {:?}", error.api_message());
        assert!(!shown.contains(TOKEN), "{shown}");
        assert!(shown.contains("[redacted]"), "{shown}");
    }
}

#[tokio::test]
async fn a_malformed_credential_is_not_shown() {
    let bodies = [
        r#"{"auths": {"registry.digitalocean.com": {"auth": "c2VjcmV0", "extra": }}}"#,
        r#"{"auths": {"registry.digitalocean.com": "c2VjcmV0"}}"#,
        r#"{"auths": {"other.example.com": {"token": "c2VjcmV0"}}}"#,
        r#"{"auths": "c2VjcmV0"}"#,
    ];
    for body in bodies {
        let (_server, docr) = responding(body).await;
        let wanted = docr::CredentialsRequest::read_only();
        let error = docr
            .legacy_registry()
            .docker_credentials(wanted)
            .await
            .unwrap_err();
        assert!(error.is_unreadable(), "{error}");
        assert!(!format!("{error} {error:?}").contains("c2Vj"), "{error:?}");
    }
}

#[tokio::test]
async fn control_characters_in_a_response_do_not_reach_a_terminal() {
    let body = json!({"id": "x\u{1b}[2J", "message": "line\nline\u{7}"}).to_string();
    let (_server, docr) = with_status("500 Internal Server Error", JSON, body).await;
    let error = docr.legacy_registry().get().await.unwrap_err();
    assert!(
        !error.to_string().chars().any(char::is_control),
        "{error:?}"
    );
}
