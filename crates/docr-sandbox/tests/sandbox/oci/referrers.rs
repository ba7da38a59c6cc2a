use serde_json::{Value, json};

use super::{Client, INDEX, MANIFEST, descriptor, image, refused, sha256};
use crate::{Bench, Reply};

/// Pushes an artifact with a subject, and returns its digest.
async fn artifact(client: &Client<'_>, subject: &str, more: &str) -> (String, Reply) {
    client.blob("a", b"{}").await;
    client.blob("a", b"signature").await;
    let about = descriptor(MANIFEST, subject.as_bytes());
    let text = image(b"signature", &format!(r#","subject":{about}{more}"#));
    let digest = sha256(text.as_bytes());
    let reply = client.put_manifest("a", &digest, &text).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    (digest, reply)
}

async fn list(client: &Client<'_>, subject: &str, query: &str) -> Reply {
    let digest = sha256(subject.as_bytes());
    client
        .get(&format!("/v2/acme/a/referrers/{digest}{query}"))
        .await
}

fn digests(list: &Reply) -> Vec<String> {
    let list: Value = list.json();
    let digest = |one: &Value| one["digest"].as_str().unwrap().to_owned();
    let mut all: Vec<_> = list["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(digest)
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn referrers_are_listed_with_type_and_annotations() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let (_, subject) = client.image("a", "v1", b"layer").await;
    let (plain, pushed) = artifact(&client, &subject, "").await;
    assert_eq!(pushed.header("oci-subject"), sha256(subject.as_bytes()));
    let more = r#","artifactType":"x/signature","annotations":{"by":"me"}"#;
    let (signature, _) = artifact(&client, &subject, more).await;

    let all = list(&client, &subject, "").await;
    assert_eq!((all.status, all.header("content-type")), (200, INDEX));
    assert!(!all.headers.contains_key("oci-filters-applied"));
    let mut expected = [plain, signature.clone()];
    expected.sort();
    assert_eq!(digests(&all), expected);
    let body = all.json();
    let listed = body["manifests"].as_array().unwrap();
    let found = |digest: &str| listed.iter().find(|one| one["digest"] == digest).unwrap();
    assert_eq!(found(&signature)["annotations"], json!({ "by": "me" }));
    let config = "application/vnd.oci.image.config.v1+json";
    let other = listed
        .iter()
        .find(|one| one["digest"] != signature.as_str());
    assert_eq!(other.unwrap()["artifactType"], config);

    let filtered = list(&client, &subject, "?artifactType=x/signature").await;
    assert_eq!(digests(&filtered), [signature.as_str()]);
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    let none = list(&client, &subject, "?artifactType=x/none").await;
    assert!(digests(&none).is_empty());

    // A deleted one is no longer listed.
    let path = format!("/v2/acme/a/manifests/{signature}");
    assert_eq!(client.send("DELETE", &path, "").await.status, 202);
    assert_eq!(digests(&list(&client, &subject, "").await).len(), 1);
}

#[tokio::test]
async fn an_artifact_may_be_pushed_before_its_subject() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let subject = image(b"later", "");
    let (signature, pushed) = artifact(&client, &subject, "").await;
    assert_eq!(pushed.header("oci-subject"), sha256(subject.as_bytes()));
    assert_eq!(digests(&list(&client, &subject, "").await), [signature]);
}

#[tokio::test]
async fn without_referrers_the_list_is_empty_and_a_malformed_digest_is_refused() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let none = list(&client, "unknown", "").await;
    assert_eq!((none.status, digests(&none).len()), (200, 0));
    for bad in ["latest", "sha256:abc", "sha256:%2e%2e"] {
        let reply = client.get(&format!("/v2/acme/a/referrers/{bad}")).await;
        refused(&reply, 400, "DIGEST_INVALID");
    }
}

#[tokio::test]
async fn a_seeded_image_has_referrers() {
    let bench = Bench::with_registry("basic").await;
    let client = Client::new(&bench).await;
    let image = docr_sandbox::Image::new("a").layer("x").tag("v1");
    let about = docr_sandbox::Image::new("a")
        .layer("signature")
        .subject(image.digest());
    let pushed = bench.sandbox.push("acme", image).unwrap();
    let signature = bench.sandbox.push("acme", about).unwrap();
    let found = list(&client, &pushed.manifest, "").await;
    assert_eq!(digests(&found), [signature.digest]);
}
