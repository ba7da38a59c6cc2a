//! The output and the exit code of each command.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use docr_sandbox::{Clock, Sandbox, ScriptedResponse};
use tempfile::TempDir;

/// An isolated shell: no token, and an empty home directory.
struct Shell {
    home: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Shell {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// With the URL of a sandbox.
    fn at(sandbox: &Sandbox) -> Self {
        Self::new().set("DIGITALOCEAN_API_URL", sandbox.url())
    }

    fn path(&self, file: &str) -> String {
        self.home.path().join(file).to_str().unwrap().to_owned()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.home.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command line, its output, and its exit code.
    fn run(&self, arguments: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_docr"));
        let output = command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().unwrap();
        let home = self.home.path().to_str().unwrap();
        format!(
            "$ docr {arguments}\n{}\n--- stderr\n{}\n--- exit code {code}\n",
            text(&output.stdout).trim_end(),
            text(&output.stderr).trim_end()
        )
        .replace(home, "~")
    }
}

/// A sandbox with sample images and a known token.
async fn sample() -> Sandbox {
    let sandbox = Sandbox::builder().token("dop_v1_right");
    let sandbox = sandbox.start().await.unwrap();
    sandbox.add_sample().unwrap();
    sandbox
}

macro_rules! assert_shown {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            omit_expression => true,
            filters => [
                (r"/tmp/\.tmp\w+", "/tmp/[random]"),
                (r"(dockerconfigjson: )[\w=]+", "$1[a secret]"),
                (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
                // The number of earlier requests depends on how many connections read manifests at once.
                (r#"(request id: |"request_id":")[0-9a-f-]{36}"#, "$1[id]"),
            ],
        }, { insta::assert_snapshot!($name, $text) });
    };
}

#[test]
fn every_command_in_the_sandbox() {
    for (name, arguments) in [
        ("usage", "--sandbox usage"),
        ("usage-json", "--sandbox usage --output json"),
        ("certificates", "--sandbox certificates"),
        ("certificates-json", "--sandbox certificates -o json"),
        (
            "certificates-expiring",
            "--sandbox certificates --expiring-within 90d",
        ),
        (
            "certificates-expiring-none",
            "--sandbox certificates --expiring-within 1d",
        ),
        ("prune-plan", "--sandbox prune --plan"),
        (
            "prune-plan-json",
            "--sandbox prune --plan --keep-newest 9 --output json",
        ),
        ("prune-apply", "--sandbox prune --apply --yes"),
        (
            "prune-apply-json",
            "--sandbox prune --apply --yes --gc --keep-newest 9 --output json",
        ),
        (
            "prune-apply-gc",
            "--sandbox prune --apply --yes --gc --older-than 1w",
        ),
        (
            "prune-nothing",
            "--sandbox prune --apply --yes --older-than 52w",
        ),
        (
            "prune-untagged",
            "--sandbox prune --apply --yes --keep-newest 9 --untagged",
        ),
        (
            "prune-unknown-parts",
            "--sandbox prune --plan --keep-newest 9 --untagged --even-unknown-parts",
        ),
        ("prune-schema", "prune --schema"),
        ("gc-run", "--sandbox gc run --type both --yes"),
        (
            "gc-run-wait",
            "--sandbox gc run --type unreferenced-blobs --wait",
        ),
        (
            "gc-run-json",
            "--sandbox gc run --type untagged-manifests --wait --yes -o json",
        ),
        ("gc-list", "--sandbox gc list"),
        ("gc-cancel", "--sandbox gc cancel"),
        ("login", "--sandbox login"),
        (
            "login-json",
            "--sandbox login --read-only --expires-in 12h --output json",
        ),
        ("login-never-expires", "--sandbox login --never-expires"),
        ("kubernetes-secret", "--sandbox kubernetes-secret"),
        (
            "kubernetes-secret-namespaces",
            "--sandbox kubernetes-secret --name pull -n shop -n tools",
        ),
    ] {
        assert_shown!(name, Shell::new().run(arguments));
    }
}

#[test]
fn invalid_input_exits_with_2_before_anything_is_sent() {
    let shell = Shell::new();
    let mut all = String::new();
    for arguments in [
        "usage",
        "--sandbox --registry Acme usage",
        "--sandbox kubernetes-secret -n Shop",
        "--sandbox login --expires-in soon",
        "--sandbox login --expires-in 0s",
        "--sandbox gc run",
        "--sandbox prune",
        "--sandbox prune --plan --rules none.toml --keep-newest 3",
    ] {
        all += &shell.run(arguments);
    }
    shell.write("rules.toml", "[[rule]]\nkeep_newset = 3\n");
    all += &shell.run("--sandbox prune --plan --rules rules.toml");
    all += &shell.run("--sandbox prune --plan --rules rules.toml --output json");
    assert!(
        !all.contains("exit code 0") && !all.contains("exit code 1"),
        "{all}"
    );
    assert_shown!("wrong-input", all);
}

#[test]
fn rules_are_read_from_a_file_and_a_plan_is_saved_and_applied_later() {
    let shell = Shell::new();
    shell.write(
        "rules.toml",
        "[[rule]]\nrepositories = ['shop/web']\ndelete_tags = ['pr-*']\n",
    );
    let mut all = shell.run("--sandbox prune --plan --rules rules.toml --save plan.json");
    all += &shell.run("--sandbox prune --apply --yes --from plan.json");
    // The option has no effect any more, and a plan that was made with it can be applied.
    shell.run(
        "--sandbox prune --plan --keep-newest 9 --untagged --even-unknown-parts --save blind.json",
    );
    all += &shell.run("--sandbox prune --apply --yes --from blind.json");
    assert_shown!("prune-from-a-file", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_read_from_the_environment_or_from_doctl() {
    let sandbox = sample().await;
    let command = "certificates --expiring-within 1d";
    let succeeds = |shell: &Shell, arguments: &str| shell.run(arguments).contains("exit code 0");

    let shell = Shell::at(&sandbox).set("DIGITALOCEAN_ACCESS_TOKEN", "dop_v1_right");
    assert!(succeeds(&shell, command));
    let shell = shell.set("DIGITALOCEAN_TOKEN", "dop_v1_wrong");
    assert!(!succeeds(&shell, command));

    let configuration = "access-token: dop_v1_wrong\ncontext: work\nauth-contexts:\n  work: dop_v1_right\n  home: dop_v1_wrong\n";
    let shell = Shell::at(&sandbox);
    shell.write(".config/doctl/config.yaml", configuration);
    assert!(succeeds(&shell, command));
    for (context, right) in [("work", true), ("home", false), ("default", false)] {
        let arguments = format!("--context {context} {command}");
        assert_eq!(succeeds(&shell, &arguments), right, "{context}");
    }
    let unknown = shell.run(&format!("--context play {command}"));
    assert!(
        unknown.contains("doctl has no context \"play\"; available: home, work"),
        "{unknown}"
    );
    // As in doctl, a chosen context takes precedence over the environment, in any case.
    let wrong = Shell::at(&sandbox).set("DIGITALOCEAN_ACCESS_TOKEN", "dop_v1_wrong");
    wrong.write(".config/doctl/config.yaml", configuration);
    let said = wrong.run(command);
    assert!(said.contains("exit code 0"), "{said}");
    assert!(
        said.contains(
            "Using doctl's context \"work\", which takes precedence over DIGITALOCEAN_ACCESS_TOKEN."
        ),
        "{said}"
    );
    assert!(succeeds(&wrong, &format!("--context WORK {command}")));
    assert!(!succeeds(&wrong, &format!("--context default {command}")));
    let wrong = wrong.set("DIGITALOCEAN_CONTEXT", "Work");
    assert!(succeeds(&wrong, command));
    assert!(!succeeds(&wrong, &format!("--context home {command}")));
    let nowhere = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_right");
    assert!(succeeds(&nowhere, command));
    let nowhere = nowhere.set("DIGITALOCEAN_CONTEXT", "work");
    let said = nowhere.run(command);
    assert!(
        said.contains("doctl has no context \"work\"; available: none"),
        "{said}"
    );
    // Nulls count as absent, and with a token in the environment the file need not be readable.
    for (text, is_found) in [
        ("access-token: null\ncontext: null\nauth-contexts:\n", true),
        ("auth-contexts:\n  work: null\ncontext: default\n", true),
        ("", true),
        ("access-token: [dop_v1_right", true),
        (
            "context: Home\nauth-contexts:\n  home: dop_v1_wrong\n",
            false,
        ),
    ] {
        let shell = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_right");
        shell.write(".config/doctl/config.yaml", text);
        assert_eq!(succeeds(&shell, command), is_found, "{text}");
    }
    // --context takes precedence over the environment.
    let shell = shell.set("DIGITALOCEAN_TOKEN", "dop_v1_wrong");
    assert!(succeeds(&shell, &format!("--context work {command}")));
    shell.write("elsewhere.yaml", "access-token: dop_v1_right");
    let elsewhere = format!("--context default --doctl-config elsewhere.yaml {command}");
    assert!(succeeds(&shell, &elsewhere));
    shell.write("broken.yaml", "access-token: [dop_v1_right");
    let broken = shell.run(&format!(
        "--context default --doctl-config broken.yaml {command}"
    ));
    assert!(
        broken.contains("broken.yaml is not a valid doctl configuration")
            && !broken.contains("dop_v1"),
        "{broken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_has_an_exit_code_and_a_message_for_people_or_programs() {
    let noon = "2026-01-01T12:00:00Z".parse().unwrap();
    let sandbox = Sandbox::builder()
        .clock(Clock::manual(noon))
        .token("dop_v1_right")
        .start()
        .await
        .unwrap();
    let shell = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_right");
    let mut all = shell.run("usage");
    sandbox.add_sample().unwrap();
    all += &shell.run("prune --apply --keep-newest 1 --min-age 0s");
    all += &shell.run("--registry nowhere prune --plan --keep-newest 1");
    sandbox
        .respond_next(
            "registries_get_dockerCredentials",
            ScriptedResponse::html(500, "<html></html>"),
        )
        .unwrap();
    all += &shell.run("--registry sample login");
    sandbox
        .respond_next(
            "registries_get_dockerCredentials",
            ScriptedResponse::status(403),
        )
        .unwrap();
    all += &shell.run("--registry sample kubernetes-secret --output json");
    let wrong = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_wrong");
    all += &wrong.run("certificates");
    assert_shown!("failures", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_gets_credentials_beside_its_others_and_they_are_revoked_if_they_cannot_be_stored() {
    let sandbox = sample().await;
    let shell = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_right");
    shell.write(
        ".docker/config.json",
        r#"{"auths": {"ghcr.io": {"auth": "b2xk"}}}"#,
    );
    let said = shell.run("login");
    assert!(
        said.contains("The credentials are stored in ~/.docker/config.json."),
        "{said}"
    );
    let config = fs::read_to_string(shell.path(".docker/config.json")).unwrap();
    assert!(
        config.contains("ghcr.io") && config.contains(&sandbox.addr().to_string()),
        "{config}"
    );
    assert_eq!(sandbox.minted_credentials(), 1);

    // An unreadable file fails before anything is minted.
    shell.write("broken.json", "[]");
    let said = shell.run("login --config-file broken.json");
    assert!(
        said.contains("exit code 1")
            && said.contains("broken.json is not a valid Docker configuration"),
        "{said}"
    );
    assert_eq!(sandbox.minted_credentials(), 1);
    // A failure to write comes later: the credentials are revoked.
    shell.write("file", "");
    let said = shell.run("login --config-file file/config.json");
    assert!(said.contains("exit code 1"), "{said}");
    let revoked: Vec<_> = sandbox
        .credentials()
        .iter()
        .map(|minted| minted.revoked)
        .collect();
    assert!(
        revoked == [false] || revoked == [false, true],
        "{revoked:?}"
    );
    assert!(Path::new(&shell.path("file")).is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_this_machine_go_through_no_proxy() {
    let sandbox = sample().await;
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut shell = Shell::at(&sandbox).set("DIGITALOCEAN_TOKEN", "dop_v1_right");
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        shell = shell.set(name, address.clone());
    }
    // The API, the registry itself, and revoking credentials; and the sandbox of --sandbox.
    for arguments in [
        "usage",
        "prune --apply --yes --keep-newest 1 --min-age 0s --untagged",
        "--sandbox prune --apply --yes --gc",
        "--sandbox usage",
    ] {
        let said = shell.run(arguments);
        assert!(said.contains("exit code 0"), "{said}");
        assert!(
            proxy.accept().is_err(),
            "{arguments} went through the proxy"
        );
    }
    assert!(sandbox.minted_credentials() > 0);
    assert!(sandbox.credentials().iter().all(|minted| minted.revoked));
}
