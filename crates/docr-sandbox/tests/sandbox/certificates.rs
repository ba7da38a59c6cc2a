use docr_sandbox::CertificateSeed;
use serde_json::json;

use crate::Bench;

#[tokio::test]
async fn a_verified_certificate_has_an_expiry_and_a_fingerprint() {
    let bench = Bench::start().await;
    let id = bench
        .sandbox
        .add_certificate(CertificateSeed::custom("shop", ["shop.example.com"]));
    let certificate = &bench.get(&format!("/v2/certificates/{id}")).await.json()["certificate"];
    assert_eq!(certificate["id"], id);
    assert_eq!(certificate["name"], "shop");
    assert_eq!(certificate["type"], "custom");
    assert_eq!(certificate["state"], "verified");
    assert_eq!(certificate["dns_names"], json!(["shop.example.com"]));
    assert_eq!(certificate["not_after"], "2026-04-12T09:30:00Z");
    assert_eq!(certificate["sha1_fingerprint"].as_str().unwrap().len(), 40);
}

#[tokio::test]
async fn a_certificate_that_was_not_issued_has_neither() {
    let bench = Bench::start().await;
    let seed = CertificateSeed::lets_encrypt("blog", ["blog.example.com"]);
    for (seed, state) in [
        (seed.clone().pending(), "pending"),
        (seed.failed(), "error"),
    ] {
        let id = bench.sandbox.add_certificate(seed);
        let certificate = &bench.get(&format!("/v2/certificates/{id}")).await.json()["certificate"];
        assert_eq!(
            (&certificate["state"], &certificate["type"]),
            (&json!(state), &json!("lets_encrypt"))
        );
        assert!(certificate.get("not_after").is_none());
        assert!(certificate.get("sha1_fingerprint").is_none());
    }
}

#[tokio::test]
async fn a_deleted_certificate_is_gone() {
    let bench = Bench::start().await;
    let id = bench
        .sandbox
        .add_certificate(CertificateSeed::custom("shop", ["shop.example.com"]));
    let path = format!("/v2/certificates/{id}");
    assert_eq!(bench.delete(&path).await.status, 204);
    bench.get(&path).await.refused(404, "not_found");
    bench.delete(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_certificate_in_use_stays() {
    let bench = Bench::start().await;
    let id = bench
        .sandbox
        .add_certificate(CertificateSeed::custom("shop", ["shop.example.com"]).in_use());
    let path = format!("/v2/certificates/{id}");
    let message = bench.delete(&path).await.refused(403, "forbidden");
    assert!(
        message.contains("Make sure the certificate is not in use before deleting it"),
        "{message}"
    );
    assert_eq!(bench.get(&path).await.status, 200);
}

#[tokio::test]
async fn another_account_does_not_see_the_certificate() {
    let bench = Bench::start().await;
    let id = bench
        .sandbox
        .add_certificate(CertificateSeed::custom("shop", ["shop.example.com"]));
    let other = bench.sandbox.add_account();
    bench
        .send("GET", &format!("/v2/certificates/{id}"), &other, None)
        .await
        .refused(404, "not_found");
}
