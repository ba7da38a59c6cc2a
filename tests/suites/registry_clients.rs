//! Clients of the registry protocol against the sandbox: the API reports what they push, and after a garbage collection
//! they can pull what a plan keeps and nothing that it deletes.
//!
//! `oci-client` is a library and always tested; programs are tested if they are installed. With `DOCR_REQUIRE_CLIENTS=1`
//! a missing one is a failure.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use docr::{
    Client, CredentialsRequest, RegistryHandle,
    retention::{OciManifests, RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::{Clock, GcTiming, Image};
use docr_tests::sandbox::{Checked, furnish, registry_name, sharing, start_with};
use oci_client::{
    Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    manifest::{IMAGE_LAYER_MEDIA_TYPE, OciImageManifest},
    secrets::RegistryAuth,
};

/// A sandbox as a registry, and its API.
struct Bench {
    sandbox: Checked,
    clock: Clock,
    docr: Client,
    registry: RegistryHandle,
}

impl Bench {
    async fn start() -> Self {
        let (sandbox, clock) = start_with(|builder| builder.gc_timing(GcTiming::default())).await;
        furnish(&sandbox).await;
        let docr = sharing(&sandbox, &clock);
        let registry = docr.registry(registry_name());
        Self {
            sandbox,
            clock,
            docr,
            registry,
        }
    }

    fn host(&self) -> String {
        self.sandbox.addr().to_string()
    }

    fn at(&self, image: &str) -> String {
        format!("{}/acme-images/{image}", self.host())
    }

    async fn auth(&self, request: CredentialsRequest) -> RegistryAuth {
        let credentials = self.registry.docker_credentials(request).await.unwrap();
        credentials.registry_auth().unwrap()
    }

    /// The digest that the API reports for a tag.
    async fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let repository = self.registry.repository(repository.parse().unwrap());
        let tags = match repository.tags().all().await {
            Err(error) if error.is_not_found() => return None,
            tags => tags.unwrap(),
        };
        let found = tags.into_iter().find(|found| found.tag == tag)?;
        found.manifest_digest
    }

    /// Applies a policy, and collects the garbage.
    async fn prune(&self, policy: &str) -> RetentionPlan {
        let policy = RetentionPolicy::from_toml(policy).unwrap();
        let request = CredentialsRequest::read_only();
        let credentials = self.registry.docker_credentials(request).await.unwrap();
        let reader = OciManifests::new(self.registry.name(), &credentials).unwrap();
        let reader = reader.plain_http_host(self.host());
        let mut inventory = RegistryInventory::read_for(&self.registry, &policy)
            .await
            .unwrap();
        inventory.read_manifests(&policy, &reader).await;
        let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
        let execution = plan.execution(&self.registry).unwrap().reader(&reader);
        let report = execution.run(|_| {}).await;
        assert!(report.is_complete(), "{report:?}");
        if let Some(what) = report.garbage_collection() {
            let runs = self.registry.garbage_collections();
            let run = runs.start(what).await.unwrap();
            runs.watch(&run).wait().await.unwrap();
        }
        plan
    }
}

fn http() -> oci_client::Client {
    oci_client::Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    })
}

#[tokio::test]
async fn oci_client_pushes_pulls_and_is_refused_what_its_credentials_do_not_allow() {
    let bench = Bench::start().await;
    let client = http();
    let writer = bench.auth(CredentialsRequest::read_write()).await;
    let image: Reference = bench.at("shop/api:v1").parse().unwrap();
    let layers = vec![
        ImageLayer::new(vec![7; 300_000], IMAGE_LAYER_MEDIA_TYPE.into(), None),
        ImageLayer::new(&b"small"[..], IMAGE_LAYER_MEDIA_TYPE.into(), None),
    ];
    let config = Config::oci_v1(&b"{}"[..], None);
    let manifest = OciImageManifest::build(&layers, &config, None);
    client
        .push(&image, &layers, config, &writer, Some(manifest))
        .await
        .unwrap();
    let digest = client.fetch_manifest_digest(&image, &writer).await.unwrap();
    assert_eq!(bench.digest("shop/api", "v1").await, Some(digest.clone()));
    let repository = bench.registry.repository("shop/api".parse().unwrap());
    let stored = repository.manifests().all().await.unwrap().remove(0);
    assert_eq!(stored.blobs.len(), 3, "{:?}", stored.blobs);

    let reader = bench.auth(CredentialsRequest::read_only()).await;
    let other = http();
    let pulled = other
        .pull(&image, &reader, vec![IMAGE_LAYER_MEDIA_TYPE])
        .await
        .unwrap();
    assert_eq!(pulled.digest, Some(digest.clone()));
    let mut lengths: Vec<_> = pulled.layers.iter().map(|layer| layer.data.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [5, 300_000]);

    let copy: Reference = bench.at("shop/copy:v1").parse().unwrap();
    let refused = other
        .push(
            &copy,
            &layers,
            Config::oci_v1(&b"{}"[..], None),
            &reader,
            None,
        )
        .await;
    assert!(refused.is_err());
    assert_eq!(bench.digest("shop/copy", "v1").await, None);

    // What the API deleted or revoked is unavailable here, too.
    repository.delete_manifest(&stored).await.unwrap();
    http().pull_manifest(&image, &reader).await.unwrap_err();
    let RegistryAuth::Basic(_, password) = &reader else {
        panic!("a user and a password");
    };
    bench
        .docr
        .revoke_password(&password.as_str().into())
        .await
        .unwrap();
    let revoked = http().auth(&copy, &reader, RegistryOperation::Pull).await;
    revoked.unwrap_err();
}

#[tokio::test]
async fn only_kept_images_can_be_pulled_after_a_garbage_collection() {
    let bench = Bench::start().await;
    let writer = bench.auth(CredentialsRequest::read_write()).await;
    for number in 0..6_u8 {
        // A new client: by its own clock an old token would still be valid.
        let client = http();
        let image: Reference = bench.at(&format!("shop/api:v{number}")).parse().unwrap();
        // All share the first layer.
        let layers = vec![
            ImageLayer::new(vec![1; 100_000], IMAGE_LAYER_MEDIA_TYPE.into(), None),
            ImageLayer::new(
                vec![number; 100_000 + usize::from(number)],
                IMAGE_LAYER_MEDIA_TYPE.into(),
                None,
            ),
        ];
        let config = Config::oci_v1(vec![b' ', number], None);
        client
            .push(&image, &layers, config, &writer, None)
            .await
            .unwrap();
        bench.clock.advance(std::time::Duration::from_secs(86_400));
    }
    bench
        .clock
        .advance(std::time::Duration::from_secs(3 * 86_400));
    let plan = bench.prune("[[rule]]\nkeep_newest = 2").await;
    assert_eq!(plan.images_going(), 4, "{plan}");
    let reader = bench.auth(CredentialsRequest::read_only()).await;
    for number in 0..6 {
        let image: Reference = bench.at(&format!("shop/api:v{number}")).parse().unwrap();
        let pulled = http()
            .pull(&image, &reader, vec![IMAGE_LAYER_MEDIA_TYPE])
            .await;
        assert_eq!(pulled.is_ok(), number >= 4, "v{number}");
    }
}

/// A program with a working directory of its own.
struct Tool {
    program: &'static str,
    directory: tempfile::TempDir,
}

impl Tool {
    /// Finds a program. If it isn't installed, prints so and returns `None`.
    fn find(program: &'static str) -> Option<Self> {
        let found = Command::new(program).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            skip(program);
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let policy = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
        let configuration = directory.path().join(".config/containers");
        fs::create_dir_all(&configuration).unwrap();
        fs::write(configuration.join("policy.json"), policy).unwrap();
        Some(Self { program, directory })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn try_run(&self, arguments: &str) -> Output {
        let mut command = Command::new(self.program);
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("REGISTRY_AUTH_FILE", self.path().join("auth.json"));
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.unwrap().unwrap()
    }

    async fn run(&self, arguments: &str) -> String {
        let output = self.try_run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{} {arguments}: {stderr}",
            self.program
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    async fn log_in(&self, bench: &Bench, request: CredentialsRequest) {
        let RegistryAuth::Basic(user, password) = bench.auth(request).await else {
            panic!("a user and a password");
        };
        let host = bench.host();
        self.run(&format!(
            "login --tls-verify=false -u {user} -p {password} {host}"
        ))
        .await;
    }
}

#[allow(clippy::print_stdout, reason = "reports what is skipped")]
fn skip(program: &str) {
    let required = std::env::var_os("DOCR_REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    assert!(!required, "{program} is not installed");
    println!("skipped: {program} is not installed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn skopeo_pulls_only_the_images_that_a_plan_kept() {
    let Some(skopeo) = Tool::find("skopeo") else {
        return;
    };
    let bench = Bench::start().await;
    skopeo
        .log_in(&bench, CredentialsRequest::read_write())
        .await;
    // Multi-platform images, made in one registry and copied to another.
    let source = Bench::start().await;
    for number in 0..4_u64 {
        let part = |seed| Image::new("made").sized_layer(seed, 150_000);
        let index = Image::index("made")
            .child(part(2 * number))
            .child(part(2 * number + 1));
        source
            .sandbox
            .push_tags("acme-images", index, [format!("v{number}")])
            .unwrap();
    }
    let other = Tool::find("skopeo").unwrap();
    other.log_in(&source, CredentialsRequest::read_only()).await;
    let copy =
        "copy --quiet --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false";
    for number in 0..4 {
        let from = source.at(&format!("made:v{number}"));
        let layout = other.path().join(format!("v{number}"));
        let layout = layout.display();
        other
            .run(&format!("{copy} docker://{from} dir:{layout}"))
            .await;
        let to = bench.at(&format!("shop/api:v{number}"));
        skopeo
            .run(&format!("{copy} dir:{layout} docker://{to}"))
            .await;
        assert_eq!(
            bench.digest("shop/api", &format!("v{number}")).await,
            source.digest("made", &format!("v{number}")).await
        );
        bench.clock.advance(std::time::Duration::from_secs(86_400));
    }
    bench
        .clock
        .advance(std::time::Duration::from_secs(2 * 86_400));
    let before = [
        bench.digest("shop/api", "v2").await,
        bench.digest("shop/api", "v3").await,
    ];
    bench.prune("[[rule]]\nkeep_newest = 2").await;
    let after = [
        bench.digest("shop/api", "v2").await,
        bench.digest("shop/api", "v3").await,
    ];
    assert_eq!(before, after);
    let fresh = Tool::find("skopeo").unwrap();
    fresh.log_in(&bench, CredentialsRequest::read_only()).await;
    for number in 0..4 {
        let from = bench.at(&format!("shop/api:v{number}"));
        let output = fresh
            .try_run(&format!("{copy} docker://{from} dir:pulled{number}"))
            .await;
        assert_eq!(
            output.status.success(),
            number >= 2,
            "v{number}: {output:?}"
        );
    }
    let listed = fresh
        .run(&format!(
            "list-tags --tls-verify=false docker://{}",
            bench.at("shop/api")
        ))
        .await;
    assert!(listed.contains("v3") && !listed.contains("v1"), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podman_pulls_tags_and_pushes_and_skopeo_pushes_what_umoci_built() {
    let bench = Bench::start().await;
    // Two blocks of zeros are an empty tar archive.
    let image = Image::new("tools/empty").tag("v1").layer([0; 1024]);
    bench.sandbox.push("acme-images", image).unwrap();
    if let Some(podman) = Tool::find("podman") {
        podman
            .log_in(&bench, CredentialsRequest::read_write())
            .await;
        let own = "--root images --runroot run --storage-driver vfs --cgroup-manager cgroupfs";
        let (from, to) = (bench.at("tools/empty:v1"), bench.at("tools/copied:v2"));
        podman
            .run(&format!("{own} pull --quiet --tls-verify=false {from}"))
            .await;
        podman.run(&format!("{own} tag {from} {to}")).await;
        podman
            .run(&format!(
                "{own} push --quiet --tls-verify=false --digestfile digest {to}"
            ))
            .await;
        let digest = fs::read_to_string(podman.path().join("digest")).unwrap();
        assert_eq!(
            bench.digest("tools/copied", "v2").await.as_deref(),
            Some(digest.trim())
        );
    }
    if let (Some(umoci), Some(skopeo)) = (Tool::find("umoci"), Tool::find("skopeo")) {
        umoci.run("init --layout built").await;
        umoci.run("new --image built:v1").await;
        umoci
            .run("config --image built:v1 --author docr --config.cmd /bin/true")
            .await;
        skopeo
            .log_in(&bench, CredentialsRequest::read_write())
            .await;
        let layout = umoci.path().join("built");
        let to = bench.at("tools/built:v1");
        let copy = format!(
            "copy --quiet --dest-tls-verify=false oci:{}:v1 docker://{to}",
            layout.display()
        );
        skopeo.run(&copy).await;
        let inspected = skopeo
            .run(&format!(
                "inspect --config --tls-verify=false docker://{to}"
            ))
            .await;
        assert!(
            inspected.contains("\"author\":\"docr\"") || inspected.contains("\"author\": \"docr\""),
            "{inspected}"
        );
        assert!(bench.digest("tools/built", "v1").await.is_some());
    }
}
