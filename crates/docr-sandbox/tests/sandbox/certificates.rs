use std::time::Duration;

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
async fn an_unissued_certificate_has_no_expiry_and_no_fingerprint() {
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

#[tokio::test]
async fn a_certificate_of_lets_encrypt_is_pending_until_it_is_issued() {
    let bench = Bench::start().await;
    let wanted =
        json!({ "name": "blog", "type": "lets_encrypt", "dns_names": ["blog.example.com"] });
    let created = bench.post("/v2/certificates", wanted).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created = &created.json()["certificate"];
    assert_eq!(created["state"], "pending");
    assert!(created.get("not_after").is_none());

    let path = format!("/v2/certificates/{}", created["id"].as_str().unwrap());
    bench.clock.advance(Duration::from_secs(9));
    assert_eq!(
        bench.get(&path).await.json()["certificate"]["state"],
        "pending"
    );
    bench.clock.advance(Duration::from_secs(1));
    let issued = bench.get(&path).await.json();
    assert_eq!(issued["certificate"]["state"], "verified");
    assert!(issued["certificate"]["not_after"].is_string());

    let renewed = bench.sandbox.renew_certificate("blog").unwrap();
    bench.get(&path).await.refused(404, "not_found");
    let renewed = bench
        .get(&format!("/v2/certificates/{renewed}"))
        .await
        .json();
    assert_eq!(renewed["certificate"]["name"], "blog");
    assert_eq!(bench.sandbox.renew_certificate("other"), None);
}

#[tokio::test]
async fn no_certificate_is_issued_for_a_name_that_nobody_can_own() {
    let bench = Bench::start().await;
    let wanted = json!({ "name": "no", "dns_names": ["shop.invalid"] });
    assert_eq!(bench.post("/v2/certificates", wanted).await.status, 201);
    bench.clock.advance(Duration::from_secs(60));
    let list = bench.get("/v2/certificates?name=no").await.json();
    assert_eq!(list["certificates"][0]["state"], "error");
}

#[tokio::test]
async fn a_custom_certificate_is_accepted_if_key_and_leaf_match_and_its_name_is_free() {
    let bench = Bench::start().await;
    let made = docr_sandbox::test_certificate(["shop.example.com"]);
    let other = docr_sandbox::test_certificate(["other.example.com"]);
    let wanted =
        |key: &str| json!({ "name": "shop", "private_key": key, "leaf_certificate": made.leaf });

    let message = bench
        .post("/v2/certificates", wanted(&other.private_key))
        .await
        .refused(422, "unprocessable_entity");
    assert!(message.starts_with("private_key"), "{message}");
    let created = bench
        .post("/v2/certificates", wanted(&made.private_key))
        .await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created = &created.json()["certificate"];
    assert_eq!(created["type"], "custom");
    assert_eq!(created["dns_names"], json!(["shop.example.com"]));
    let again = bench
        .post("/v2/certificates", wanted(&made.private_key))
        .await;
    let message = again.refused(422, "unprocessable_entity");
    assert!(message.starts_with("name"), "{message}");
}

#[tokio::test]
async fn certificates_are_listed_page_by_page_with_links_to_the_host_that_was_asked() {
    let bench = Bench::start().await;
    for number in 0..5 {
        let seed = CertificateSeed::custom(format!("c{number}"), ["a.example.com"]);
        bench.sandbox.add_certificate(seed);
    }
    let page = bench.get("/v2/certificates?per_page=2&page=2").await.json();
    assert_eq!(page["certificates"][0]["name"], "c2");
    assert_eq!(page["meta"]["total"], 5);
    let url = |page: u8| {
        format!(
            "{}/v2/certificates?page={page}&per_page=2",
            bench.sandbox.url()
        )
    };
    let links = json!({ "pages": {
        "first": url(1), "prev": url(1), "next": url(3), "last": url(3)
    }});
    assert_eq!(page["links"], links);
    let all = bench.get("/v2/certificates").await.json();
    assert_eq!(all["links"], json!({}));
    assert_eq!(
        bench.get("/v2/certificates?page=9").await.json()["certificates"],
        json!([])
    );
    bench
        .get("/v2/certificates?per_page=201")
        .await
        .refused(422, "unprocessable_entity");
    bench
        .get("/v2/certificates?page=0")
        .await
        .refused(422, "unprocessable_entity");
}

#[tokio::test]
async fn an_issuance_takes_as_long_as_configured_or_fails() {
    let bench = Bench::with(|builder| builder.issuance(Duration::from_secs(120))).await;
    for name in ["good", "bad"] {
        let wanted = json!({ "name": name, "dns_names": ["shop.example.com"] });
        assert_eq!(bench.post("/v2/certificates", wanted).await.status, 201);
    }
    let states = async || {
        let list = bench.get("/v2/certificates").await.json();
        [0, 1].map(|index| list["certificates"][index]["state"].clone())
    };
    bench.clock.advance(Duration::from_secs(119));
    assert_eq!(states().await, ["pending", "pending"]);
    assert!(bench.sandbox.fail_certificate("bad"));
    assert!(!bench.sandbox.fail_certificate("other"));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(states().await, ["verified", "error"]);
}

#[tokio::test]
async fn a_domain_that_is_not_managed_is_refused() {
    let bench = Bench::with(|builder| builder.managed_domains(["Example.com"])).await;
    let wanted =
        |names: [&str; 2]| json!({ "name": "shop", "type": "lets_encrypt", "dns_names": names });
    let refused = bench
        .post("/v2/certificates", wanted(["example.com", "a.other.org"]))
        .await;
    let message = refused.refused(422, "unprocessable_entity");
    assert_eq!(
        message,
        "dns_names.1: must be in a domain that is managed here"
    );
    let taken = bench
        .post(
            "/v2/certificates",
            wanted(["EXAMPLE.com", "*.a.example.com"]),
        )
        .await;
    assert_eq!(taken.status, 201, "{}", taken.text);
}

#[tokio::test]
async fn an_invalid_dns_name_is_refused() {
    let bench = Bench::start().await;
    for name in ["", "not a domain", "localhost", "10.0.0.1"] {
        let wanted = json!({ "name": "shop", "dns_names": ["a.example.com", name] });
        let refused = bench.post("/v2/certificates", wanted).await;
        let message = refused.refused(422, "unprocessable_entity");
        assert_eq!(message, "dns_names.1: must be a DNS name");
    }
}

#[tokio::test]
async fn an_error_about_a_body_names_the_wrong_field() {
    let bench = Bench::start().await;
    let cases = [
        (
            json!({ "name": "a", "dns_names": "a.example.com" }),
            "dns_names: must be a list",
        ),
        (
            json!({ "name": 7, "dns_names": ["a.example.com"] }),
            "name: must be a string",
        ),
        (
            json!({ "name": "a", "private_key": 7, "leaf_certificate": "" }),
            "private_key: must be a string",
        ),
        (
            json!({ "name": "a", "type": "custom", "private_key": "" }),
            "dns_names: is required, or leaf_certificate: is required",
        ),
        (
            json!({ "name": "a", "dns_names": ["a.example"], "private_key": "", "leaf_certificate": "" }),
            "body: has fields of several alternatives, of which only one is allowed",
        ),
    ];
    for (body, expected) in cases {
        let refused = bench.post("/v2/certificates", body).await;
        assert_eq!(refused.refused(422, "unprocessable_entity"), expected);
    }
}

#[tokio::test]
async fn only_lets_encrypt_renews() {
    let bench = Bench::start().await;
    let seed = CertificateSeed::custom("shop", ["shop.example.com"]);
    let id = bench.sandbox.add_certificate(seed);
    assert_eq!(bench.sandbox.renew_certificate("shop"), None);
    let kept = bench.get(&format!("/v2/certificates/{id}")).await;
    assert_eq!(kept.status, 200);
}

#[tokio::test]
async fn a_certificate_that_nothing_uses_any_more_can_be_deleted() {
    let bench = Bench::start().await;
    let seed = CertificateSeed::custom("shop", ["shop.example.com"]);
    let path = format!("/v2/certificates/{}", bench.sandbox.add_certificate(seed));
    assert!(bench.sandbox.set_certificate_in_use("shop", true));
    bench.delete(&path).await.refused(403, "forbidden");
    assert!(bench.sandbox.set_certificate_in_use("shop", false));
    assert_eq!(bench.delete(&path).await.status, 204);
    assert!(!bench.sandbox.set_certificate_in_use("shop", false));
}

#[tokio::test]
async fn links_keep_the_host_name_of_the_request() {
    let bench = Bench::start().await;
    for _ in 0..2 {
        let seed = CertificateSeed::custom("a&b c", ["a.example.com"]);
        bench.sandbox.add_certificate(seed);
    }
    bench
        .sandbox
        .add_certificate(CertificateSeed::custom("other", ["a.example.com"]));
    let query = "per_page=1&name=a%26b%20c";
    let page = bench.get(&format!("/v2/certificates?{query}")).await.json();
    let next = page["links"]["pages"]["next"].as_str().unwrap();
    assert!(
        next.ends_with("?page=2&per_page=1&name=a%26b%20c"),
        "{next}"
    );
    let next = next.strip_prefix(bench.sandbox.url()).unwrap();
    let page = bench.get(next).await.json();
    assert_eq!(page["meta"]["total"], 2);
    assert_eq!(page["certificates"][0]["name"], "a&b c");
}

#[tokio::test]
async fn a_key_that_is_too_short_is_refused_as_such() {
    let bench = Bench::start().await;
    let wanted = json!({
        "name": "weak",
        "type": "custom",
        "private_key": include_str!("weak/key.pem"),
        "leaf_certificate": include_str!("weak/leaf.pem"),
    });
    let refused = bench.post("/v2/certificates", wanted).await;
    let said = refused.refused(422, "unprocessable_entity");
    assert_eq!(
        said,
        "Invalid certificate data: the provided private key is not a minimum of 2048 bits (RSA) or 224 bits (ECDSA)"
    );
}
