//! `FIDELITY.md` is true: the tests that it names exist, and clients get the refusals that it lists.

#[path = "../../src/fidelity/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use docr_sandbox::{
    CertificateSeed, GcTiming, Image, RateLimits, Usage, test_certificate,
    test_certificate_with_chain,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::table::rows;
use crate::oci::{Client, image, secret, sha256};
use crate::{Bench, Reply};

const EVIDENCE: [&str; 4] = ["description", "client source", "public report", "guess"];
/// The tests in this file that provoke all refusals.
const WALKS: [&str; 2] = [
    "each_refusal_of_the_api_is_given_as_it_is_listed",
    "each_refusal_of_the_protocol_is_given_as_it_is_listed",
];

const TABLES: [&str; 5] = [
    "Differences",
    "Operations",
    "Across operations",
    "Refusals of the API",
    "Refusals of the registry's protocol",
];

/// The names of all tests of the crate.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let lines: Vec<_> = text.lines().map(str::trim).collect();
                for pair in lines.windows(2) {
                    if pair[0] == "#[test]" || pair[0].starts_with("#[tokio::test") {
                        let line = pair[1].strip_prefix("async ").unwrap_or(pair[1]);
                        let name = line.strip_prefix("fn ").unwrap_or_default();
                        tests.extend(name.split('(').next().map(str::to_owned));
                    }
                }
            }
        }
    }
    tests
}

#[test]
fn every_row_has_evidence_of_a_known_kind_and_tests_that_are_there() {
    let tests = tests();
    assert!(tests.len() > 150, "{}", tests.len());
    for table in TABLES {
        let rows = rows(table);
        assert!(rows.len() > 10, "{table}: {}", rows.len());
        for row in rows {
            for (head, cell) in &row {
                assert!(!cell.is_empty(), "{table}: {head} is empty: {row:?}");
                if head.starts_with("evidence") {
                    assert!(
                        EVIDENCE.contains(&cell.as_str()),
                        "{table}: {cell}: {row:?}"
                    );
                }
            }
            for test in row["test"].split(", ") {
                assert!(tests.contains(test), "{table}: there is no test {test}");
            }
        }
    }
}

/// Compares what was provoked with a table: each row that names such a test was provoked, with the listed text.
fn assert_as_listed(table: &str, walk: &str, told: &BTreeMap<&str, (u16, String, String)>) {
    let rows = rows(table);
    for row in &rows {
        let name = row["refusal"].as_str();
        let Some((status, code, message)) = told.get(name) else {
            assert!(
                WALKS.iter().all(|walk| !row["test"].contains(walk)),
                "{name} was not provoked"
            );
            continue;
        };
        assert!(row["test"].contains(walk), "{name} is provoked by {walk}");
        assert_eq!(row["status"], status.to_string(), "{name}: {message}");
        assert_eq!(row.get("code").unwrap_or(code), code, "{name}");
        let text = row["text"].as_str();
        let (before, after) = text.split_once("{}").unwrap_or((text, ""));
        let is_open = text.contains("{}");
        assert!(
            message.starts_with(before) && message.ends_with(after) && (is_open || message == text),
            "{name}: {message}"
        );
    }
    for name in told.keys() {
        let is_listed = rows.iter().any(|row| row["refusal"].as_str() == *name);
        assert!(is_listed, "{name} is not listed");
    }
}

/// A reply of the API: its status, its id and its message.
fn by_the_api(reply: Reply) -> (u16, String, String) {
    let envelope = reply.json();
    let text = |field: &str| envelope[field].as_str().unwrap().to_owned();
    (reply.status, text("id"), text("message"))
}

#[tokio::test]
async fn each_refusal_of_the_api_is_given_as_it_is_listed() {
    let mut told = BTreeMap::new();
    let bench = Bench::with(|builder| builder.managed_domains(["example.com"])).await;
    let token = bench.sandbox.token();
    let mut put = |name, reply| told.insert(name, by_the_api(reply));

    put("NoRegistry", bench.get("/v2/registry").await);
    put(
        "NoSubscription",
        bench.get("/v2/registry/subscription").await,
    );
    let acme = json!({ "name": "acme" });
    put("NoTier", bench.post("/v2/registries", acme.clone()).await);
    put(
        "NotAuthenticated",
        bench.send("GET", "/v2/registry", "x", None).await,
    );
    put("NoPath", bench.get("/v2/nothing").await);
    put("OtherMethod", bench.delete("/v2/registries").await);
    let broken = Some("{".to_owned());
    put(
        "NotJson",
        bench.send("POST", "/v2/registry", token, broken).await,
    );
    let large = Some(" ".repeat(1024 * 1024 + 1));
    put(
        "BodyTooLarge",
        bench.send("POST", "/v2/registry", token, large).await,
    );
    put(
        "NoTokenToRevoke",
        bench.send("POST", "/v1/oauth/revoke", token, None).await,
    );
    put("NoCluster", bench.get("/v2/kubernetes/clusters/1").await);

    let create = |name: &str| json!({ "name": name, "subscription_tier_slug": "starter" });
    put("Invalid", bench.post("/v2/registry", create("A")).await);
    assert_eq!(bench.post("/v2/registry", create("acme")).await.status, 201);
    put(
        "NameTaken",
        bench.post("/v2/registry", create("acme")).await,
    );
    put(
        "SecondRegistry",
        bench.post("/v2/registry", create("two")).await,
    );
    put(
        "NotEligible",
        bench.post("/v2/registries", json!({ "name": "two" })).await,
    );

    let at = "/v2/registries/acme";
    put(
        "BrokenPageToken",
        bench
            .get(&format!("{at}/repositoriesV2?page_token=x"))
            .await,
    );
    put(
        "NoRepository",
        bench.get(&format!("{at}/repositories/api/tags")).await,
    );
    bench
        .sandbox
        .push("acme", Image::new("api").tag("v1"))
        .unwrap();
    let digest = format!("{at}/repositories/api/digests/{}", sha256(b""));
    put("NoManifest", bench.delete(&digest).await);
    put(
        "NoActiveCollection",
        bench.get(&format!("{at}/garbage-collection")).await,
    );
    let run = format!("{at}/garbage-collection/6b7c1f0a-2d1e-4f5c-8a90-3c4d5e6f7a8b");
    let cancel = Some(json!({ "cancel": true }).to_string());
    put(
        "NoSuchCollection",
        bench.send("PUT", &run, token, cancel).await,
    );
    let start = format!("{at}/garbage-collection");
    assert_eq!(bench.post(&start, json!({})).await.status, 201);
    put("CollectionActive", bench.post(&start, json!({})).await);
    put(
        "ReadOnly",
        bench
            .delete(&format!("{at}/repositories/api/tags/v1"))
            .await,
    );

    let certificates = "/v2/certificates";
    put("NoCertificate", bench.get("/v2/certificates/1").await);
    let used = CertificateSeed::custom("used", ["a.example.com"]).in_use();
    let used = bench.sandbox.add_certificate(used);
    put(
        "CertificateInUse",
        bench.delete(&format!("{certificates}/{used}")).await,
    );
    let names = |name: &str, names: Value| json!({ "name": name, "dns_names": names });
    let taken = names("used", json!(["a.example.com"]));
    put(
        "CertificateNameTaken",
        bench.post(certificates, taken).await,
    );
    let local = names("a", json!(["localhost"]));
    put("NotDnsName", bench.post(certificates, local).await);
    let other = names("a", json!(["a.example.org"]));
    put("NotManaged", bench.post(certificates, other).await);
    let mut keyless = names("a", json!(["a.example.com"]));
    keyless["type"] = json!("custom");
    put("NoKeyAndLeaf", bench.post(certificates, keyless).await);
    let custom = |key: &str, leaf: &str| json!({ "name": "a", "private_key": key, "leaf_certificate": leaf });
    let mut nameless = custom("", "");
    nameless["type"] = json!("lets_encrypt");
    put("NoDnsNames", bench.post(certificates, nameless).await);
    let (one, two) = (
        test_certificate(["a.example.com"]),
        test_certificate(["b.example.com"]),
    );
    let (key, leaf) = (include_str!("weak/key.pem"), include_str!("weak/leaf.pem"));
    put(
        "ShortKey",
        bench.post(certificates, custom(key, leaf)).await,
    );
    put(
        "NotKey",
        bench.post(certificates, custom("x", &one.leaf)).await,
    );
    put(
        "OtherKey",
        bench
            .post(certificates, custom(&two.private_key, &one.leaf))
            .await,
    );
    put(
        "NotPem",
        bench
            .post(certificates, custom(&one.private_key, "x"))
            .await,
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    put(
        "NotX509",
        bench
            .post(certificates, custom(&one.private_key, broken))
            .await,
    );
    let old =
        test_certificate_with_chain(["a.example.com"], "2025-01-01T00:00:00Z".parse().unwrap());
    put(
        "Expired",
        bench
            .post(certificates, custom(&old.private_key, &old.leaf))
            .await,
    );

    let bench = Bench::with_registry("professional").await;
    assert_eq!(
        bench
            .post("/v2/registries", json!({ "name": "two" }))
            .await
            .status,
        201
    );
    put("SeveralRegistries", bench.get("/v2/registry").await);
    let nothing = RateLimits {
        per_minute: 0,
        per_hour: 1,
    };
    let bench = Bench::with(|builder| builder.rate_limits(nothing)).await;
    put("RateLimited", bench.get("/v2/registry").await);
    let folder = TempDir::new().unwrap();
    let bench = Bench::with(|builder| builder.data(folder.path())).await;
    folder.close().unwrap();
    put("NotSaved", bench.post("/v2/registry", create("acme")).await);

    assert_as_listed("Refusals of the API", WALKS[0], &told);
}

/// A reply of the protocol: its status, its code and its message.
fn by_the_protocol(reply: Reply) -> (u16, String, String) {
    let body = reply.json();
    let (code, message) = match &body["errors"][0] {
        Value::Null => (&body["id"], &body["message"]),
        error => (&error["code"], &error["message"]),
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (reply.status, text(code), text(message))
}

#[tokio::test]
async fn each_refusal_of_the_protocol_is_given_as_it_is_listed() {
    let mut told = BTreeMap::new();
    let mut put = |name, reply| told.insert(name, by_the_protocol(reply));
    let bench = Bench::with(|builder| {
        builder.gc_timing(GcTiming {
            waiting: std::time::Duration::from_secs(1),
            ..GcTiming::default()
        })
    })
    .await;
    let starter = json!({ "name": "acme", "subscription_tier_slug": "starter" });
    assert_eq!(bench.post("/v2/registry", starter).await.status, 201);
    let reader = Client::basic(&bench, secret(&bench, "").await);
    let client = Client::new(&bench).await;
    let stranger = Client::basic(&bench, "nobody".to_owned());
    let at = |rest: &str| format!("/v2/acme/a/{rest}");
    let uploads = at("blobs/uploads/");

    put("NotAuthenticated", stranger.get("/v2/registry/auth").await);
    put("LoginNeeded", stranger.get("/v2/").await);
    put("Unsupported", client.send("POST", "/v2/", "").await);
    put("NotAllowed", reader.send("POST", &uploads, "").await);
    put("NameInvalid", client.get("/v2/acme/A/tags/list").await);
    put("NameUnknown", client.get(&at("tags/list")).await);
    let layer = b"a layer";
    let (_, text) = client.image("a", "v1", layer).await;
    put(
        "RepositoryLimit",
        client.send("POST", "/v2/acme/b/blobs/uploads/", "").await,
    );

    let blob = at(&format!("blobs/{}", sha256(layer)));
    put(
        "BlobUnknown",
        client.get(&at(&format!("blobs/{}", sha256(b"x")))).await,
    );
    put("DigestInvalid", client.get(&at("blobs/x")).await);
    let beyond = client.with_header("GET", &blob, ("range", "bytes=100-"), "");
    put("NoSuchRange", beyond.await);
    let md5 = format!("{uploads}?digest-algorithm=md5");
    put("AlgorithmUnknown", client.send("POST", &md5, "").await);
    let other = format!("{uploads}?digest={}", sha256(b"x"));
    put("OtherDigest", client.send("POST", &other, "y").await);
    put("UploadUnknown", client.get(&format!("{uploads}1")).await);
    let upload = client.begin("a").await;
    let gap = client.with_header("PATCH", &upload, ("content-range", "5-6"), "xy");
    put("UploadOutOfOrder", gap.await);
    let short = client.with_header("PATCH", &upload, ("content-range", "0-9"), "xy");
    put("OtherLength", short.await);

    let manifest = at("manifests/v2");
    put("ManifestUnknown", client.get(&manifest).await);
    put("ManifestInvalid", client.send("PUT", &manifest, "{").await);
    put(
        "TagInvalid",
        client.send("PUT", &at("manifests/-x"), text.clone()).await,
    );
    put(
        "ManifestTooLarge",
        client
            .send("PUT", &manifest, vec![b' '; (4 << 20) + 1])
            .await,
    );
    put(
        "ContentUnknown",
        client.send("PUT", &manifest, image(b"not there", "")).await,
    );
    let size = format!("\"size\":{}", layer.len());
    let larger = text.replace(&size, "\"size\":1000");
    put("OtherSize", client.send("PUT", &manifest, larger).await);
    put("PageSizeInvalid", client.get(&at("tags/list?n=x")).await);

    bench.sandbox.set_usage(Usage {
        storage_bytes: 524_288_000,
        repositories: 0,
    });
    let more = format!("{uploads}?digest={}", sha256(b"more"));
    put("StorageLimit", client.send("POST", &more, "more").await);
    fs::remove_dir_all(bench.sandbox.storage()).unwrap();
    put(
        "NotStored",
        client.send("POST", &more, vec![0; 1 << 20]).await,
    );
    let collection = "/v2/registries/acme/garbage-collection";
    assert_eq!(bench.post(collection, json!({})).await.status, 201);
    put("ReadOnly", client.send("POST", &uploads, "").await);

    assert_as_listed("Refusals of the registry's protocol", WALKS[1], &told);
}
