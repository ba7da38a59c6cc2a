//! Credentials on demand for Docker, Podman and the kubelet, and logging in and out.

#![cfg(unix)]
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a panic is how a test fails, and a test reports what it skips"
)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr_sandbox::{Sandbox, ScriptedResponse};
use serde_json::{Value, json};
use tempfile::TempDir;

const TOKEN: &str = "dop_v1_right";
const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// A user's home, and an account in a sandbox.
struct Bench {
    sandbox: Arc<Sandbox>,
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// The output of a program.
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Bench {
    async fn start() -> Self {
        let sandbox = Sandbox::builder().token(TOKEN).start().await.unwrap();
        sandbox.add_sample().unwrap();
        let home = tempfile::tempdir().unwrap();
        let url = sandbox.url().to_owned();
        Self {
            sandbox: Arc::new(sandbox),
            home,
            variables: vec![
                ("DIGITALOCEAN_API_URL", url),
                ("DIGITALOCEAN_TOKEN", TOKEN.to_owned()),
            ],
        }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self
    }

    /// The host of the sandbox's images.
    fn host(&self) -> String {
        self.sandbox.addr().to_string()
    }

    fn command(&self, program: &str, arguments: &str) -> Command {
        let mut command = Command::new(program);
        let programs = Path::new(env!("CARGO_BIN_EXE_docr")).parent().unwrap();
        let tools = self.home.path().join("bin");
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .env(
                "PATH",
                format!("{}:{}:/usr/bin:/bin", tools.display(), programs.display()),
            )
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, program: &str, arguments: &str, input: &str) -> Said {
        said(
            self.spawn(program, arguments, input)
                .wait_with_output()
                .unwrap(),
        )
    }

    fn spawn(&self, program: &str, arguments: &str, input: &str) -> std::process::Child {
        let mut child = self.command(program, arguments).spawn().unwrap();
        // It fails if the program has ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child
    }

    fn helper(&self, action: &str, input: &str) -> Said {
        let said = self.run(env!("CARGO_BIN_EXE_docker-credential-docr"), action, input);
        assert_eq!(
            said.err, "",
            "{action}: some clients fail on any output on stderr"
        );
        said
    }

    fn get(&self) -> Value {
        let said = self.helper("get", &format!("{}\n", self.host()));
        assert_eq!(said.code, 0, "{}", said.out);
        serde_json::from_str(&said.out).unwrap()
    }

    fn docr(&self, arguments: &str) -> Said {
        self.run(env!("CARGO_BIN_EXE_docr"), arguments, "")
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.home.path().join(file)).unwrap_or_default()
    }

    /// The files of the cache that hold credentials.
    fn kept(&self) -> Vec<PathBuf> {
        let directory = self.home.path().join(".cache/docr/credentials");
        let files = fs::read_dir(directory).into_iter().flatten();
        let paths = files.map(|file| file.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect()
    }

    /// Makes minting fail once.
    fn refuse_next(&self) {
        let refusal = ScriptedResponse::status(403);
        let next = self
            .sandbox
            .respond_next("registries_get_dockerCredentials", refusal);
        next.unwrap();
    }

    /// Makes the kept credentials older.
    fn age(&self, seconds: i64) {
        for path in self.kept() {
            let mut entry: Value =
                serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let minted: chrono::DateTime<chrono::Utc> =
                entry["minted_at"].as_str().unwrap().parse().unwrap();
            entry["minted_at"] = json!(minted - chrono::TimeDelta::seconds(seconds));
            fs::write(path, entry.to_string()).unwrap();
        }
    }

    /// The number of minted credentials, and of those that are valid.
    async fn minted(&self) -> (usize, usize) {
        let all = self.sandbox.credentials();
        (
            all.len(),
            all.iter().filter(|minted| !minted.revoked).count(),
        )
    }

    /// Installs a program, such as a credential helper.
    fn program(&self, name: &str, text: &str) {
        let path = self.write(&format!("bin/{name}"), text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn said(output: Output) -> Said {
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_helper_mints_once_and_again_after_half_of_the_lifetime() {
    let bench = Bench::start().await;
    let first = bench.get();
    assert_eq!(first["ServerURL"], bench.host());
    assert!(
        first["Secret"]
            .as_str()
            .is_some_and(|secret| secret.len() > 10)
    );
    assert_eq!(bench.get(), first);
    assert_eq!(bench.minted().await, (1, 1));
    let minted = &bench.sandbox.credentials()[0];
    assert_eq!(
        (minted.read_write, minted.expiry_seconds),
        (false, 12 * 3600)
    );
    for path in bench.kept() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    bench.age(6 * 3600 - 60);
    assert_eq!(bench.get(), first);
    bench.age(120);
    let second = bench.get();
    assert_ne!(second["Secret"], first["Secret"]);
    assert_eq!(bench.get(), second);
    assert_eq!(bench.minted().await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_credential_is_returned_while_the_api_is_unavailable_and_an_expired_one_never() {
    let bench = Bench::start().await;
    let first = bench.get();
    let away = |bench: Bench| bench.set("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    bench.age(11 * 3600);
    bench.refuse_next();
    assert_eq!(bench.get(), first);
    bench.age(2 * 3600);
    bench.refuse_next();
    let said = bench.helper("get", &bench.host());
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("registries_get_dockerCredentials: 403"),
        "{}",
        said.out
    );
    // Another base URL is another account, without kept credentials.
    let bench = away(bench);
    let said = bench.helper("get", "127.0.0.1:9");
    assert!(
        said.out.contains("no connection could be made"),
        "{}",
        said.out
    );
    assert_eq!(said.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_concurrent_calls_mint_once() {
    let bench = Bench::start()
        .await
        .set("DOCR_CREDENTIAL_REGISTRY", "sample");
    let host = bench.host();
    let program = env!("CARGO_BIN_EXE_docker-credential-docr");
    let all: Vec<_> = (0..100)
        .map(|_| bench.spawn(program, "get", &host))
        .collect();
    let all = all
        .into_iter()
        .map(|child| said(child.wait_with_output().unwrap()));
    let secrets: std::collections::BTreeSet<_> = all.map(|said| said.out).collect();
    assert_eq!(secrets.len(), 1, "{secrets:?}");
    assert_eq!(bench.minted().await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_helper_s_messages_are_those_that_clients_compare_with() {
    let bench = Bench::start().await;
    for host in [
        "ghcr.io",
        "https://index.docker.io/v1/",
        "registry.digitalocean.com.evil.example",
    ] {
        let said = bench.helper("get", host);
        assert_eq!((said.out.as_str(), said.code), (NOT_FOUND, 1), "{host}");
    }
    assert_eq!(
        bench.helper("get", " \n").out,
        "no credentials server URL\n"
    );
    let scheme = bench.helper("get", &format!("http://{}/v2/\n", bench.host()));
    assert_eq!(scheme.code, 0, "{}", scheme.out);
    assert!(
        bench
            .helper("version", "")
            .out
            .starts_with("docker-credential-docr 0.")
    );
    assert_eq!(bench.helper("burn", "").code, 1);
    assert_eq!(
        bench
            .helper("store", r#"{"ServerURL":"x","Username":"a","Secret":"b"}"#)
            .code,
        0
    );

    let wrong = Bench::start()
        .await
        .set("DIGITALOCEAN_TOKEN", "dop_v1_wrong");
    let said = wrong.helper("get", &wrong.host());
    assert!(said.out.contains("401") && said.code == 1, "{}", said.out);
    let without_token = Bench::start().await.without("DIGITALOCEAN_TOKEN");
    let said = without_token.helper("get", &without_token.host());
    assert_eq!((said.out.as_str(), said.code), (NOT_FOUND, 1));
    assert_eq!(without_token.helper("erase", &without_token.host()).code, 0);
    assert_eq!(without_token.helper("list", "").out, "{}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn erase_revokes_and_list_mints_nothing() {
    let bench = Bench::start().await;
    assert_eq!(bench.helper("list", "").out, "{}\n");
    assert_eq!(bench.minted().await, (0, 0));
    let kept = bench.get();
    let listed: Value = serde_json::from_str(&bench.helper("list", "").out).unwrap();
    assert_eq!(listed, json!({ bench.host(): kept["Username"] }));
    assert_eq!(bench.helper("erase", &bench.host()).code, 0);
    assert_eq!(bench.minted().await, (1, 0));
    assert_eq!(bench.kept(), Vec::<PathBuf>::new());
    assert_eq!(bench.helper("erase", &bench.host()).code, 0);
    assert_eq!(bench.helper("list", "").out, "{}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn scope_and_lifetime_are_read_from_variables_or_from_the_file() {
    let bench = Bench::start().await;
    let configured = bench.docr("configure-docker --read-write --expires-in 2h");
    assert_eq!(configured.code, 0, "{}", configured.err);
    bench.get();
    let minted = |at: usize| {
        let minted = &bench.sandbox.credentials()[at];
        (minted.read_write, minted.expiry_seconds)
    };
    assert_eq!(minted(0), (true, 7200));
    let bench = bench
        .set("DOCR_CREDENTIAL_SCOPE", "read-only")
        .set("DOCR_CREDENTIAL_LIFETIME", "1h");
    bench.get();
    let all = bench.sandbox.credentials();
    assert_eq!((all[1].read_write, all[1].expiry_seconds), (false, 3600));
    let bench = bench.set("DOCR_CREDENTIAL_SCOPE", "all");
    let said = bench.helper("get", &bench.host());
    assert!(
        said.out.contains("neither read-only nor read-write"),
        "{}",
        said.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_is_configured_and_nothing_else_in_its_file_changes() {
    let bench = Bench::start().await;
    let before = r#"{"auths": {"ghcr.io": {"auth": "b2xk"}}, "credHelpers": {"gcr.io": "gcloud"}, "x": 1.0}"#;
    bench.write(".docker/config.json", before);
    let done = bench.docr("configure-docker");
    assert_eq!(done.code, 0, "{}", done.err);
    let config: Value = serde_json::from_str(&bench.read(".docker/config.json")).unwrap();
    assert_eq!(
        config["credHelpers"],
        json!({"gcr.io": "gcloud", bench.host(): "docr"})
    );
    assert_eq!(config["auths"], json!({"ghcr.io": {"auth": "b2xk"}}));
    let login = bench.docr("login");
    assert!(login.out.contains("no need to log in"), "{}", login.out);
    assert_eq!(bench.minted().await, (0, 0));
    for _ in 0..2 {
        assert_eq!(bench.docr("configure-docker --undo").code, 0);
        let config: Value = serde_json::from_str(&bench.read(".docker/config.json")).unwrap();
        assert_eq!(config, serde_json::from_str::<Value>(before).unwrap());
    }
    let lost = bench.set("PATH", "/usr/bin:/bin");
    let refused = lost.docr("configure-docker");
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("docker-credential-docr is not in PATH"),
        "{}",
        refused.err
    );
    assert!(!lost.read(".docker/config.json").contains("docr\""));
}

fn request(version: &str, image: &str) -> String {
    let version = format!("credentialprovider.kubelet.k8s.io/{version}");
    json!({"kind": "CredentialProviderRequest", "apiVersion": version, "image": image,
        "serviceAccountToken": "", "serviceAccountAnnotations": {}})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubelet_gets_credentials_in_its_own_version_of_the_protocol() {
    let bench = Bench::start().await;
    let provider = env!("CARGO_BIN_EXE_docr-credential-provider");
    let image = format!("{}/sample/shop/api:latest", bench.host());
    for version in ["v1", "v1beta1"] {
        let said = bench.run(provider, "", &request(version, &image));
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let mut response: Value = serde_json::from_str(&said.out).unwrap();
        let password = response["auth"][bench.host()]["password"].take();
        assert!(
            password
                .as_str()
                .is_some_and(|password| password.len() > 10)
        );
        let username = response["auth"][bench.host()]["username"].take();
        let keep = response["cacheDuration"].take();
        let keep = keep.as_str().unwrap();
        assert!(keep == "6h0m0s" || keep.starts_with("5h59m"), "{keep}");
        assert_eq!(username, password);
        assert_eq!(
            response,
            json!({
                "kind": "CredentialProviderResponse",
                "apiVersion": format!("credentialprovider.kubelet.k8s.io/{version}"),
                "cacheKeyType": "Registry",
                "cacheDuration": null,
                "auth": { bench.host(): { "username": null, "password": null } },
            })
        );
    }
    let said = bench.run(provider, "", &request("v1", "docker.io/library/redis:7"));
    let response: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&response["auth"], &response["cacheDuration"]),
        (&json!({}), &json!("0s"))
    );
    for (input, why) in [
        ("", "not a CredentialProviderRequest"),
        ("{}", "not a CredentialProviderRequest"),
        (&request("v2", &image), "is not supported"),
    ] {
        let said = bench.run(provider, "", input);
        assert_eq!((said.code, said.out.as_str()), (1, ""));
        assert!(said.err.contains(why), "{}", said.err);
    }
    assert_eq!(bench.minted().await, (1, 1));

    // A node that boots requests all images at once.
    let bench = Bench::start().await;
    let image = format!("{}/sample/shop/api:latest", bench.host());
    let all: Vec<_> = (0..50)
        .map(|_| bench.spawn(provider, "", &request("v1", &image)))
        .collect();
    for child in all {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(bench.minted().await, (1, 1));
    let config = bench.docr("kubelet-config --registry sample");
    assert!(
        config.out.contains("name: docr-credential-provider"),
        "{}",
        config.out
    );
    let json: Value = serde_json::from_str(&bench.docr("kubelet-config -o json").out).unwrap();
    assert_eq!(json["providers"][0]["matchImages"], json!([bench.host()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_revokes_the_replaced_credentials_and_a_logout_all() {
    let bench = Bench::start().await;
    assert_eq!(bench.docr("login").code, 0);
    assert_eq!(bench.minted().await, (1, 1));
    assert_eq!(bench.docr("login --read-only").code, 0);
    assert_eq!(bench.minted().await, (2, 1));
    // No token is needed.
    let bench = bench.without("DIGITALOCEAN_TOKEN");
    let out = bench.docr("logout");
    assert!(
        out.out.contains("removed and revoked"),
        "{} {}",
        out.out,
        out.err
    );
    assert_eq!(bench.minted().await, (2, 0));
    assert!(!bench.read(".docker/config.json").contains(&bench.host()));
    let again = bench.docr("logout");
    assert!(
        again.code == 0 && again.out.contains("There are no credentials"),
        "{}",
        again.out
    );

    let bench = bench.set("DIGITALOCEAN_TOKEN", TOKEN);
    assert_eq!(bench.docr("login").code, 0);
    let kept = bench.docr("logout --keep-valid");
    assert!(kept.out.contains("remain valid"), "{}", kept.out);
    assert_eq!(bench.minted().await, (3, 1));

    // Docker was logged in with the account's own token, which must not be revoked.
    let own = BASE64.encode(format!("me:{TOKEN}"));
    bench.write(
        ".docker/config.json",
        &json!({"auths": {bench.host(): {"auth": own}}}).to_string(),
    );
    let out = bench.docr("logout");
    assert!(out.out.contains("the account's own token"), "{}", out.out);
    assert_eq!(bench.docr("usage").code, 0);
    // A login does not revoke credentials that docr didn't mint.
    let foreign = bench.get()["Secret"].as_str().unwrap().to_owned();
    let auth = BASE64.encode(format!("{foreign}:{foreign}"));
    bench.write(
        ".docker/config.json",
        &json!({"auths": {bench.host(): {"auth": auth}}}).to_string(),
    );
    let (_, good) = bench.minted().await;
    assert_eq!(bench.docr("login").code, 0);
    assert_eq!(bench.minted().await.1, good + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_with_docr_as_the_helper_mints_nothing_and_revokes_the_kept_credentials() {
    let bench = Bench::start().await;
    assert_eq!(bench.docr("configure-docker").code, 0);
    let none = bench.docr("logout");
    assert_eq!(
        (none.code, bench.minted().await),
        (0, (0, 0)),
        "{}",
        none.err
    );
    bench.get();
    let kept = bench.docr("logout --keep-valid");
    assert_eq!(
        (kept.code, bench.minted().await),
        (0, (1, 1)),
        "{}",
        kept.err
    );
    let out = bench.docr("logout");
    assert_eq!((out.code, bench.minted().await), (0, (1, 0)), "{}", out.err);
    assert_eq!(bench.kept(), Vec::<PathBuf>::new());
    bench.get();
    assert_eq!(bench.minted().await, (2, 1));
}

const STORE: &str = "#!/bin/sh
cd \"$HOME\" || exit 1
case \"$1\" in
store) cat > stored ;;
get) [ -s stored ] && cat stored || { echo 'credentials not found in native keychain'; exit 1; } ;;
erase) rm -f stored ;;
esac
";

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_helper_stores_the_credentials_and_its_failure_is_reported() {
    let bench = Bench::start().await;
    bench.write(".docker/config.json", r#"{"credsStore": "shelf"}"#);
    let missing = bench.docr("login");
    assert!(
        missing
            .err
            .contains("the credential helper \"shelf\" failed to get"),
        "{}",
        missing.err
    );
    assert_eq!(bench.minted().await, (0, 0), "it failed before minting");

    bench.program("docker-credential-shelf", STORE);
    let login = bench.docr("login");
    assert!(
        login.out.contains("in the credential helper shelf"),
        "{} {}",
        login.out,
        login.err
    );
    let stored: Value = serde_json::from_str(&bench.read("stored")).unwrap();
    assert_eq!(stored["ServerURL"], bench.host());
    let config = bench.read(".docker/config.json");
    assert!(!config.contains("\"auth\""), "{config}");
    assert_eq!(bench.docr("logout").code, 0);
    assert_eq!(
        (bench.read("stored").as_str(), bench.minted().await),
        ("", (1, 0))
    );

    // If the helper can't store the credentials, they are revoked.
    let full = STORE.replace("cat > stored", "echo 'the shelf is full'; exit 1");
    bench.program("docker-credential-shelf", &full);
    let failed = bench.docr("login");
    assert!(failed.err.contains("the shelf is full"), "{}", failed.err);
    assert_eq!((failed.code, bench.minted().await), (1, (2, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn minted_credentials_are_handed_over_or_revoked() {
    let bench = Bench::start().await;
    let mut handed_over = 0;
    // A full disk, and a closed pipe.
    for arguments in ["kubernetes-secret", "kubernetes-secret -o json"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = bench.command(env!("CARGO_BIN_EXE_docr"), arguments);
        let failed = said(command.stdout(full).output().unwrap());
        assert!(
            failed.code == 1 && failed.err.contains("cannot print the secret"),
            "{}",
            failed.err
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = bench.command(env!("CARGO_BIN_EXE_docr"), arguments);
        assert_eq!(said(command.stdout(writer).output().unwrap()).code, 1);
        let fine = bench.docr(arguments);
        assert_eq!(fine.code, 0, "{}", fine.err);
        handed_over += 1;
    }
    // A file that can't be written, since its directory can't be created.
    assert_ne!(
        bench
            .docr("login --config-file /proc/none/config.json")
            .code,
        0
    );
    // A login's credentials are handed over before the output.
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = bench.command(env!("CARGO_BIN_EXE_docr"), "login");
    assert_eq!(said(command.stdout(full).output().unwrap()).code, 1);
    handed_over += 1;
    // Commands that mint for themselves.
    for arguments in [
        "prune --plan --keep-newest 1 --untagged --min-age 0s",
        "prune --apply --yes --keep-newest 1 --untagged --min-age 0s",
        "gc run --type both --yes",
    ] {
        for place in ["/dev/full", "/dev/null"] {
            let place = fs::OpenOptions::new().write(true).open(place).unwrap();
            let mut command = bench.command(env!("CARGO_BIN_EXE_docr"), arguments);
            command.stdout(place).output().unwrap();
        }
    }
    let (minted, good) = bench.minted().await;
    assert!(minted > 4, "{minted}");
    assert_eq!(good, handed_over);

    // A signal while the response is in transit.
    let bench = Bench::start().await;
    let helper = env!("CARGO_BIN_EXE_docker-credential-docr");
    let docr = env!("CARGO_BIN_EXE_docr");
    // Those that the helper keeps.
    let mut good = 1;
    for (program, arguments, number) in [
        (docr, "kubernetes-secret", 2),
        (docr, "login", 15),
        (
            docr,
            "prune --plan --keep-newest 1 --untagged --min-age 0s",
            2,
        ),
        (docr, "gc run --type both --yes", 15),
        (helper, "get", 2),
    ] {
        let asked = Arc::new(std::sync::Mutex::new(None::<u32>));
        let process = Arc::clone(&asked);
        bench.sandbox.before_each(Some(move |_: &str, path: &str| {
            if path.ends_with("docker-credentials")
                && let Some(process) = process.lock().unwrap().take()
            {
                let kill = format!("-{number}");
                Command::new("kill")
                    .args([&kill, &process.to_string()])
                    .status()
                    .unwrap();
            }
        }));
        let child = {
            let mut held = asked.lock().unwrap();
            let child = bench.spawn(program, arguments, &bench.host());
            *held = Some(child.id());
            child
        };
        let end = said(child.wait_with_output().unwrap());
        bench.sandbox.before_each(None::<fn(&str, &str)>);
        match program == helper {
            // The helper finishes and keeps the credentials.
            true => assert_eq!(end.code, 0, "{}", end.out),
            // On a busy machine the response may be handled before the signal.
            false if end.code == 0 => {
                good += usize::from(["kubernetes-secret", "login"].contains(&arguments));
            }
            false => {
                let out = end.out.trim();
                assert!(
                    end.code == 130 && (out.is_empty() || out == "Nothing was started."),
                    "{arguments}: {out} {}",
                    end.err
                );
            }
        }
    }
    assert_eq!((bench.minted().await, bench.kept().len()), ((5, good), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_name_need_not_be_unicode() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};
    let bench = Bench::start().await;
    let name = OsString::from_vec(vec![b'a', 0xff, b'.', b'j']);
    for output in ["table", "json"] {
        let mut command = bench.command(env!("CARGO_BIN_EXE_docr"), "login --output");
        let end = command
            .arg(output)
            .arg("--config-file")
            .arg(&name)
            .output()
            .unwrap();
        assert_eq!(said(end).code, 0);
    }
    assert!(
        fs::read_to_string(bench.home.path().join(&name))
            .unwrap()
            .contains(&bench.host())
    );
}

/// Whether a program is installed. In CI a missing one is a failure.
fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    let is_required = std::env::var_os("DOCR_REQUIRE_TOOLS").is_some();
    assert!(found || !is_required, "{program} is missing");
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_and_podman_pull_with_the_helper_s_credentials() {
    let bench = Bench::start().await;
    // Two blocks of zeros are an empty tar archive.
    let image = docr_sandbox::Image::new("tools/empty")
        .tag("v1")
        .layer([0; 1024]);
    let digest = image.digest();
    bench.sandbox.push("sample", image).unwrap();
    assert_eq!(bench.docr("configure-docker").code, 0);
    let reference = format!("{}/sample/tools/empty:v1", bench.host());
    if is_installed("skopeo") {
        let home = bench.home.path().display();
        let policy = bench.write(
            "policy.json",
            r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
        );
        let arguments = format!(
            "--policy {} copy --src-tls-verify=false docker://{reference} dir:{home}/pulled",
            policy.display()
        );
        let said = bench.run("skopeo", &arguments, "");
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
        assert!(
            bench
                .read("pulled/manifest.json")
                .contains("image.manifest")
        );
    }
    if is_installed("podman") {
        let home = bench.home.path().display();
        let policy = bench.write(
            ".config/containers/policy.json",
            r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
        );
        assert!(policy.exists());
        let arguments = format!(
            "--root {home}/images --runroot {home}/run --storage-driver vfs --cgroup-manager cgroupfs pull --quiet --tls-verify=false {reference}"
        );
        let said = bench.run("podman", &arguments, "");
        assert_eq!(said.code, 0, "{} {}", said.out, said.err);
    }
    let (minted, _) = bench.minted().await;
    assert!(minted <= 1, "{minted} for {digest}");
    let without_token = bench.without("DIGITALOCEAN_TOKEN");
    if is_installed("skopeo") {
        fs::remove_dir_all(without_token.home.path().join(".cache")).unwrap();
        let arguments = format!("inspect --raw --tls-verify=false docker://{reference}");
        let said = without_token.run("skopeo", &arguments, "");
        assert!(
            said.code != 0 && said.err.contains("auth"),
            "{} {}",
            said.out,
            said.err
        );
    }
}

/// Only root may change the owner of a file; for others this is skipped.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_user_keeps_its_owner_and_mode() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let bench = Bench::start().await;
    let path = bench.write(".docker/config.json", "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    if chown(&path, Some(1000), Some(1000)).is_err() {
        eprintln!("skipped: only root may change the owner of a file");
        return;
    }
    assert_eq!(bench.docr("login").code, 0);
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (after.uid(), after.gid(), after.mode() & 0o777),
        (1000, 1000, 0o644)
    );
    assert!(bench.read(".docker/config.json").contains(&bench.host()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_secret_is_valid_for_kubectl_and_has_its_expiry() {
    let bench = Bench::start().await;
    let said = bench.docr("kubernetes-secret --expires-in 2d");
    assert!(
        said.err.starts_with("The credentials expire on 2"),
        "{}",
        said.err
    );
    assert!(
        said.out.contains("docr-rs.github.io/expires-at: \"2"),
        "{}",
        said.out
    );
    let one: Value = serde_json::from_str(&bench.docr("kubernetes-secret -o json").out).unwrap();
    assert_eq!(
        (&one["kind"], &one["apiVersion"]),
        (&json!("Secret"), &json!("v1"))
    );
    let several = bench.docr("kubernetes-secret -o json --namespace a -n b --never-expires");
    let several: Value = serde_json::from_str(&several.out).unwrap();
    assert_eq!(
        (&several["kind"], &several["apiVersion"]),
        (&json!("List"), &json!("v1"))
    );
    for (item, namespace) in several["items"].as_array().unwrap().iter().zip(["a", "b"]) {
        assert_eq!(item["metadata"]["namespace"], namespace);
        assert_eq!(item["metadata"].get("annotations"), None);
        let config = BASE64
            .decode(item["data"][".dockerconfigjson"].as_str().unwrap())
            .unwrap();
        assert!(serde_json::from_slice::<Value>(&config).unwrap()["auths"].is_object());
    }
}
