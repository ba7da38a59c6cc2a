//! Real clients, if they are installed. With `DOCR_REQUIRE_CLIENTS=1` a missing one is a failure.

use std::path::Path;
use std::process::{Command, Output};

use docr_sandbox::Image;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Bench;
use crate::oci::secret;

/// A client in a directory of its own, with its credentials.
struct Tool {
    program: &'static str,
    folder: TempDir,
}

impl Tool {
    /// `None`, with a note, if it isn't installed.
    fn find(program: &'static str) -> Option<Self> {
        let found = Command::new(program).arg("--version").output();
        if found.is_ok_and(|output| output.status.success()) {
            let folder = TempDir::new().unwrap();
            return Some(Self { program, folder });
        }
        leave_out(program, "it is not installed");
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn try_run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env("REGISTRY_AUTH_FILE", self.path().join("auth.json"))
            .env("BUILDAH_ISOLATION", "chroot");
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.unwrap().unwrap()
    }

    /// Runs it, which must succeed, and returns its output.
    async fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs it, which must fail, and returns its error.
    async fn fail(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments).await;
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Notes that a client is skipped, or fails if none may be.
#[allow(clippy::print_stdout, reason = "a test says what it leaves out")]
fn leave_out(program: &str, reason: &str) {
    let required = std::env::var_os("DOCR_REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    assert!(!required, "{program}: {reason}");
    println!("left out, since {reason}: {program}");
}

async fn log_in(tool: &Tool, bench: &Bench, query: &str) -> String {
    let (host, secret) = (bench.sandbox.addr().to_string(), secret(bench, query).await);
    tool.run(&[
        "login",
        "--tls-verify=false",
        "-u",
        &secret,
        "-p",
        &secret,
        &host,
    ])
    .await;
    host
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_copies_lists_inspects_and_deletes() {
    let Some(skopeo) = Tool::find("skopeo") else {
        return;
    };
    let bench = Bench::with_registry("professional").await;
    let part = |architecture: &str, seed| {
        Image::new("shop/api")
            .platform("linux", architecture)
            .sized_layer(seed, 3_000_000)
    };
    let index = Image::index("shop/api")
        .child(part("amd64", 1))
        .child(part("arm64", 2))
        .tag("v1");
    let pushed = bench.sandbox.push("acme", index).unwrap();
    let host = log_in(&skopeo, &bench, "?read_write=true").await;
    let at = |image: &str| format!("docker://{host}/acme/{image}");
    let copy = [
        "copy",
        "--all",
        // It would compress the layers, which look uncompressed.
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ];

    // From the registry, back to it, and between repositories, where blobs are mounted.
    skopeo
        .run(&[&copy[..], &[&at("shop/api:v1"), "dir:layout"]].concat())
        .await;
    skopeo
        .run(&[&copy[..], &["dir:layout", &at("copied/far:v1")]].concat())
        .await;
    skopeo
        .run(&[&copy[..], &[&at("shop/api:v1"), &at("copied/near:v1")]].concat())
        .await;
    for repository in ["copied%2Ffar", "copied%2Fnear"] {
        let path = format!("/v2/registries/acme/repositories/{repository}/tags");
        let tags = bench.get(&path).await.json();
        assert_eq!(tags["tags"][0]["manifest_digest"], pushed.digest);
        assert_eq!(tags["tags"][0]["tag"], "v1");
    }
    let said = skopeo
        .run(&["inspect", "--tls-verify=false", &at("copied/far:v1")])
        .await;
    let inspected: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(inspected["Digest"], pushed.digest);
    assert_eq!(inspected["RepoTags"], json!(["v1"]));
    let said = skopeo
        .run(&["list-tags", "--tls-verify=false", &at("copied/far")])
        .await;
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(listed["Tags"], json!(["v1"]));

    skopeo
        .run(&["delete", "--tls-verify=false", &at("copied/far:v1")])
        .await;
    let gone = skopeo
        .fail(&["inspect", "--tls-verify=false", &at("copied/far:v1")])
        .await;
    assert!(gone.contains("manifest unknown"), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_cannot_push_with_read_only_credentials() {
    let Some(skopeo) = Tool::find("skopeo") else {
        return;
    };
    let bench = Bench::with_registry("basic").await;
    let image = Image::new("a").layer("layer").tag("v1");
    bench.sandbox.push("acme", image).unwrap();
    let host = log_in(&skopeo, &bench, "").await;
    let from = format!("docker://{host}/acme/a:v1");
    skopeo
        .run(&["copy", "--src-tls-verify=false", &from, "dir:layout"])
        .await;
    let to = format!("docker://{host}/acme/b:v1");
    let denied = skopeo
        .fail(&["copy", "--dest-tls-verify=false", "dir:layout", &to])
        .await;
    assert!(denied.contains("denied"), "{denied}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_reports_the_repository_limit() {
    let Some(skopeo) = Tool::find("skopeo") else {
        return;
    };
    let bench = Bench::with_registry("starter").await;
    let image = Image::new("a").layer("layer").tag("v1");
    bench.sandbox.push("acme", image).unwrap();
    let host = log_in(&skopeo, &bench, "?read_write=true").await;
    let copy = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let from = format!("docker://{host}/acme/a:v1");
    let again = format!("docker://{host}/acme/a:v2");
    skopeo.run(&[&copy[..], &[&from, &again]].concat()).await;
    let other = format!("docker://{host}/acme/b:v1");
    let denied = skopeo.fail(&[&copy[..], &[&from, &other]].concat()).await;
    // Not every release shows the reason.
    let reason = "registry contains 1 repositories, limit is 1";
    assert!(
        denied.contains(reason) || denied.contains("403 (Forbidden)"),
        "{denied}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buildah_pushes_what_it_has_built_and_pulls_it_again() {
    let Some(buildah) = Tool::find("buildah") else {
        return;
    };
    let bench = Bench::with_registry("basic").await;
    let host = log_in(&buildah, &bench, "?read_write=true").await;
    let (root, run) = (buildah.path().join("root"), buildah.path().join("run"));
    let own = [
        "--root",
        root.to_str().unwrap(),
        "--runroot",
        run.to_str().unwrap(),
        "--storage-driver",
        "vfs",
    ];
    std::fs::write(buildah.path().join("file"), vec![1; 200_000]).unwrap();
    // Not everyone may build.
    let began = buildah
        .try_run(&[&own[..], &["from", "scratch"]].concat())
        .await;
    if !began.status.success() {
        return leave_out("buildah", &String::from_utf8_lossy(&began.stderr));
    }
    let container = String::from_utf8(began.stdout).unwrap().trim().to_owned();
    buildah
        .run(&[&own[..], &["copy", &container, "file", "/file"]].concat())
        .await;
    buildah
        .run(&[&own[..], &["commit", &container, "built"]].concat())
        .await;
    for format in ["oci", "v2s2"] {
        let to = format!("docker://{host}/acme/built:{format}");
        let digests = buildah.path().join("digest");
        let digests = digests.to_str().unwrap();
        buildah
            .run(
                &[
                    &own[..],
                    &["push", "--tls-verify=false", "--format", format],
                    &["--digestfile", digests, "built", &to],
                ]
                .concat(),
            )
            .await;
        let path = "/v2/registries/acme/repositories/built/tags";
        let tags = bench.get(path).await.json();
        let mut tags = tags["tags"].as_array().unwrap().iter();
        let tag = tags.find(|tag| tag["tag"] == format).unwrap();
        let digest = std::fs::read_to_string(digests).unwrap();
        assert_eq!(tag["manifest_digest"], digest.trim());
        let from = format!("{host}/acme/built:{format}");
        buildah
            .run(&[&own[..], &["pull", "--tls-verify=false", &from]].concat())
            .await;
    }
}
