//! What a data directory keeps of a sandbox.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use docr_sandbox::{CertificateSeed, Clock, Image, Sandbox};
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::oci::{Client, image, secret, sha256};

async fn open(folder: &Path, clock: &Clock) -> Bench {
    let (folder, clock) = (folder.to_owned(), clock.clone());
    Bench::with(|builder| builder.clock(clock).data(folder)).await
}

fn clock() -> Clock {
    Clock::manual("2026-01-12T09:30:00Z".parse().unwrap())
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("blobs")).unwrap().count()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let bench = open(folder.path(), &clock).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "professional" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let other = bench.sandbox.add_account();
    let cluster = bench.sandbox.add_cluster();
    bench
        .sandbox
        .add_certificate(CertificateSeed::lets_encrypt("shop", ["shop.example.com"]));
    let password = secret(&bench, "?read_write=true&expiry_seconds=3600").await;
    let client = Client::basic(&bench, password.clone());
    client.image("a", "v1", b"small").await;
    let (digest, _) = client.image("shop/api", "v1", &[7; 100_000]).await;
    let about = Image::new("shop/api").layer("x").subject(&digest);
    let about = about.sized_layer(1, 300_000);
    bench.sandbox.push("acme", about).unwrap();
    client.blob("a", &[1; 70_000]).await;
    let run = bench
        .post("/v2/registries/acme/garbage-collection", json!({}))
        .await;
    assert_eq!(run.status, 201);

    let paths = [
        "/v2/registry",
        "/v2/registries/acme/repositoriesV2",
        "/v2/registries/acme/repositories/shop%2Fapi/tags",
        "/v2/registries/acme/repositories/shop%2Fapi/digests",
        "/v2/registries/acme/garbage-collection",
        "/v2/certificates",
    ];
    let mut before = Vec::new();
    for path in paths {
        before.push(bench.get(path).await.json());
    }
    let token = bench.sandbox.token().to_owned();
    drop(bench);

    let bench = open(folder.path(), &clock).await;
    assert_eq!(bench.sandbox.token(), token);
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(bench.get(path).await.json(), before, "{path}");
    }
    assert_eq!(bench.sandbox.credentials().len(), 1);
    let none = bench.send("GET", "/v2/registry", &other, None).await;
    assert_eq!(none.status, 404, "the other account is known");
    assert!(bench.sandbox.cluster_registries(&cluster).is_empty());
    let client = Client::basic(&bench, password);
    for (repository, layer) in [("a", b"small".to_vec()), ("shop/api", vec![7; 100_000])] {
        let path = format!("/v2/acme/{repository}/manifests/v1");
        assert_eq!(client.get(&path).await.text, image(&layer, ""));
        let path = format!("/v2/acme/{repository}/blobs/{}", sha256(&layer));
        assert!(client.bytes(&path).await == layer);
    }
    let path = format!("/v2/acme/shop/api/referrers/{digest}");
    let referrers = client.get(&path).await.json();
    let found = referrers["manifests"][0]["digest"].as_str().unwrap();
    let path = format!("/v2/acme/shop/api/manifests/{found}");
    let manifest = client.get(&path).await.json();
    for layer in manifest["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap();
        let path = format!("/v2/acme/shop/api/blobs/{digest}");
        assert_eq!(sha256(&client.bytes(&path).await), digest);
    }

    // The garbage collection continues, and deletes what was pushed before the restart.
    clock.advance(Duration::from_secs(1000));
    let unneeded = format!("/v2/acme/a/blobs/{}", sha256(&[1; 70_000]));
    assert_eq!(client.send("HEAD", &unneeded, "").await.status, 404);
    drop(client);
    drop(bench);
    let bench = open(folder.path(), &clock).await;
    assert_eq!(bench.get("/v2/registry").await.status, 200);
    // The configuration and the layers of the two images are left.
    assert_eq!(files(folder.path()), 3);
}

#[tokio::test]
async fn deleted_content_stays_deleted_and_its_files_are_removed() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let bench = open(folder.path(), &clock).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let client = Client::new(&bench).await;
    client.image("a", "v1", b"layer").await;
    let upload = client.begin("a").await;
    client.send("PATCH", &upload, vec![1; 100_000]).await;
    assert_eq!(files(folder.path()), 3);
    assert_eq!(bench.delete("/v2/registry").await.status, 204);
    assert_eq!(files(folder.path()), 0);
    drop(client);
    drop(bench);
    let bench = open(folder.path(), &clock).await;
    assert_eq!(bench.get("/v2/registry").await.status, 404);
}

#[tokio::test]
async fn a_blob_whose_file_is_gone_or_cut_is_not_there_and_can_be_pushed_again() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let bench = open(folder.path(), &clock).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let password = bench.sandbox.token().to_owned();
    let client = Client::basic(&bench, password.clone());
    let gone = client.blob("a", b"gone").await;
    let cut = client.blob("a", b"cut off").await;
    client.image("a", "v1", b"layer").await;
    drop(client);
    drop(bench);
    for file in std::fs::read_dir(folder.path().join("blobs")).unwrap() {
        let path = file.unwrap().path();
        match std::fs::read(&path).unwrap().as_slice() {
            b"gone" => std::fs::remove_file(path).unwrap(),
            b"cut off" => std::fs::write(path, "cut").unwrap(),
            _ => {}
        }
    }
    let bench = open(folder.path(), &clock).await;
    let client = Client::basic(&bench, password);
    for (digest, content) in [(gone, &b"gone"[..]), (cut, b"cut off")] {
        let path = format!("/v2/acme/a/blobs/{digest}");
        assert_eq!(client.send("HEAD", &path, "").await.status, 404);
        client.blob("a", content).await;
        assert_eq!(client.bytes(&path).await, content);
    }
}

#[tokio::test]
async fn a_directory_belongs_to_one_sandbox_at_a_time() {
    let folder = TempDir::new().unwrap();
    let first = Sandbox::builder().data(folder.path());
    let first = first.start().await.unwrap();
    let second = Sandbox::builder().data(folder.path()).start().await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ResourceBusy);
    first.stop().await;
    let given = Sandbox::builder().data(folder.path()).token("another");
    assert_eq!(given.start().await.unwrap().token(), "another");
    let third = Sandbox::builder().data(folder.path()).start().await;
    assert_eq!(third.unwrap().token(), "another");
}

#[tokio::test]
async fn no_secret_of_a_credential_is_written() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let bench = open(folder.path(), &clock).await;
    let body = json!({ "name": "acme", "subscription_tier_slug": "basic" });
    assert_eq!(bench.post("/v2/registry", body).await.status, 201);
    let secret = secret(&bench, "").await;
    let text = std::fs::read_to_string(folder.path().join("state.json")).unwrap();
    assert!(text.contains("\"acme\"") && !text.contains(&secret));
}

#[tokio::test]
async fn a_directory_with_inconsistent_data_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("state.json"), "{}").unwrap();
    let error = Sandbox::builder().data(folder.path()).start().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
}

#[cfg(feature = "cli")]
mod killed {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, ChildStdout, Command, Stdio};

    use super::*;

    /// Its output must be kept open: without a reader it would stop.
    type Output = BufReader<ChildStdout>;

    fn start(folder: &Path) -> (Child, String, Output) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_docr-sandbox"))
            .args(["--token", "local", "--data"])
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let url = line.split(' ').find(|word| word.starts_with("http"));
        (child, url.unwrap().to_owned(), said)
    }

    #[tokio::test]
    async fn acknowledged_changes_survive_a_kill() {
        let folder = TempDir::new().unwrap();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        let http = http.build().unwrap();
        let send = async |method: &str, url: String, body: Vec<u8>| {
            let request = http.request(method.parse().unwrap(), url);
            let request = request.basic_auth("x", Some("local")).body(body);
            request.send().await.unwrap()
        };
        let (mut child, url, _output) = start(folder.path());
        let created = http
            .post(format!("{url}/v2/registry"))
            .bearer_auth("local")
            .body(r#"{"name":"acme","subscription_tier_slug":"basic"}"#);
        assert_eq!(created.send().await.unwrap().status(), 201);
        for number in 0..3_u8 {
            let layer = vec![number; 100_000];
            for content in [b"{}".to_vec(), layer.clone()] {
                let digest = sha256(&content);
                let at = format!("{url}/v2/acme/a/blobs/uploads/?digest={digest}");
                assert_eq!(send("POST", at, content).await.status(), 201);
            }
            let at = format!("{url}/v2/acme/a/manifests/v{number}");
            let pushed = send("PUT", at, image(&layer, "").into()).await;
            assert_eq!(pushed.status(), 201);
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let (mut child, url, _output) = start(folder.path());
        for number in 0..3_u8 {
            let layer = vec![number; 100_000];
            let at = format!("{url}/v2/acme/a/manifests/v{number}");
            let manifest = send("GET", at, Vec::new()).await;
            assert_eq!(manifest.text().await.unwrap(), image(&layer, ""));
            let at = format!("{url}/v2/acme/a/blobs/{}", sha256(&layer));
            let blob = send("GET", at, Vec::new()).await;
            assert!(blob.bytes().await.unwrap() == layer);
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
