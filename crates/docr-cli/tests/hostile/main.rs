//! Whatever the service, a proxy, a file or a program returns, none of its control characters and line breaks reach the
//! terminal.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod proxy;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr_sandbox::{Clock, GcTiming, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use proxy::{Spoil, proxy, refusal, spoiled};

const TOKEN: &str = "dop_v1_of_the_test";

/// Sets the title, clears the screen, starts a new line, moves up, reverses the writing direction, and hides text.
const ESCAPES: &str =
    "\u{1b}]0;x\u{7}\u{1b}[2J\r\nforged\u{9b}1A\u{202e}\u{2066}\u{200b}\u{e0041}\t\u{7f}";

const DOCR: &str = env!("CARGO_BIN_EXE_docr");
const HELPER: &str = env!("CARGO_BIN_EXE_docker-credential-docr");
const PROVIDER: &str = env!("CARGO_BIN_EXE_docr-credential-provider");

/// Command lines of `docr`, with all of its commands.
const COMMANDS: [&str; 52] = [
    "usage",
    "certificates",
    "certificate list --columns name,names --sort expires",
    "certificate list --output csv",
    "certificate list --output ids",
    "certificate show shop-front",
    "certificate delete shop-front --dry-run",
    "registry list",
    "registry show sample",
    "registry tier",
    "registry options",
    "registry ensure sample",
    "registry delete sample --dry-run",
    "repository list",
    "repository list --output csv",
    "repository delete shop/web --dry-run",
    "--registry sample tag list shop/api",
    "--registry sample tag list shop/api --output ids",
    "--registry sample tag list shop/api --output jsonl",
    "--registry sample tag delete shop/api:latest --dry-run",
    "--registry sample image list shop/api",
    "--registry sample image show shop/api:latest",
    "--registry sample image delete shop/api:latest --dry-run",
    "-vv gc list",
    "gc show",
    "cluster link 6f1a24c8-2c2e-4f21-9a3f-0e6b6a3c1d55",
    "credentials docker-config --dry-run",
    "try -- true",
    "completions bash",
    "man tag",
    "certificates --expiring-within 900d",
    "gc list",
    "gc run --type both",
    "gc run --type both --yes",
    "gc run --type unreferenced-blobs --wait",
    "gc wait",
    "gc cancel",
    "prune --plan --keep-newest 0 --untagged --orphans",
    "prune --apply --yes --keep-newest 0",
    "login",
    "login --config-file helper.json",
    "logout",
    "logout --config-file helper.json",
    "configure-docker",
    "kubelet-config",
    "kubernetes-secret",
    "--registry sample usage",
    "--registry sample prune --plan --keep-newest 1",
    "--registry sample prune --apply --yes --keep-newest 1 --gc",
    "certificate list --output json",
    "gc list --output jsonl",
    "--registry sample prune --plan --keep-newest 1 --output json",
];

/// A home with hostile files, and a service.
struct Home {
    directory: TempDir,
    url: String,
}

impl Home {
    fn new(service: impl std::fmt::Display) -> Self {
        let home = Self {
            directory: tempfile::tempdir().unwrap(),
            url: format!("http://{service}"),
        };
        let host = service.to_string();
        let auth = json!({ "auth": BASE64.encode(format!("{TOKEN}x:{TOKEN}x")) });
        for (name, text) in [
            (
                "bad.toml",
                format!("[[rule]]\nkeep_newest = \"{ESCAPES}\"\n"),
            ),
            (
                "long-key.toml",
                format!("[[rule]]\n\"{}\" = 1\n", "a".repeat(500) + "\\u001b[2J"),
            ),
            (
                "key.toml",
                "[[rule]]\n\"a\\r\\nforged\\u202e\" = 1\n".to_owned(),
            ),
            (
                "pattern.toml",
                "[[rule]]\nrepositories = [\"[\\u001b[2J\"]\n".to_owned(),
            ),
            (
                "plan.json",
                json!({"version": 2, "registry": ESCAPES}).to_string(),
            ),
            (
                "in-use.txt",
                format!("registry.digitalocean.com/{ESCAPES}/UPPER"),
            ),
            (
                "doctl.yaml",
                "auth-contexts:\n  \"a\\e[2J\\r\\nforged\\x9b1A\": t\n".to_owned(),
            ),
            ("bad.yaml", format!("auth-contexts: [{ESCAPES}")),
            (
                ".docker/config.json",
                json!({ "auths": { &host: auth } }).to_string(),
            ),
            (
                "helper.json",
                json!({ "credHelpers": { &host: "rude", "registry.digitalocean.com": "rude" } })
                    .to_string(),
            ),
            ("store.json", json!({ "credsStore": ESCAPES }).to_string()),
            (
                "bad.json",
                format!("{{\"auths\": {{\"{ESCAPES}\": {ESCAPES}"),
            ),
            ("auths.json", json!({ "auths": ESCAPES }).to_string()),
            (
                "settings/docr/credential-helper.toml",
                format!("scope = \"{}\"\n\"{ESCAPES}\" = 1", "\\u001b[2J"),
            ),
        ] {
            home.write(name, &text);
        }
        let rude =
            format!("#!/bin/sh\nprintf '%s' '{ESCAPES}'\nprintf '%s' '{ESCAPES}' >&2\nexit 1\n");
        let program = home.write("bin/docker-credential-rude", &rude);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        home
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command line of `docr`; returns its output.
    fn docr(&self, arguments: &str) -> String {
        self.run(DOCR, arguments, "", &[])
    }

    fn run(
        &self,
        program: &str,
        arguments: &str,
        input: &str,
        variables: &[(&str, &str)],
    ) -> String {
        let programs = Path::new(DOCR).parent().unwrap();
        let tools = self.directory.path().join("bin");
        let mut child = Command::new(program)
            .args(arguments.split(' ').filter(|argument| !argument.is_empty()))
            .env_clear()
            .env("HOME", self.directory.path())
            .env(
                "PATH",
                format!("{}:{}:/usr/bin:/bin", tools.display(), programs.display()),
            )
            .env("DIGITALOCEAN_API_URL", &self.url)
            .env("DIGITALOCEAN_TOKEN", TOKEN)
            .envs(variables.iter().copied())
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It fails if the program has ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|stream| {
            let text = String::from_utf8(stream).unwrap();
            assert_fit(&format!("{program} {arguments:?}"), &text);
            text
        });
        let said = said.concat();
        assert!(!said.contains("panicked"), "{arguments}: {said}");
        said
    }
}

#[track_caller]
fn assert_fit(what: &str, text: &str) {
    let is_hostile = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(
                c,
                '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0041}'
            )
    };
    assert!(!text.contains(is_hostile), "{what}: {text:?}");
    let is_forged = text.lines().any(|line| line.starts_with("forged"));
    assert!(!is_forged, "{what}: {text}");
}

/// Whether an escaped control character is shown.
fn is_shown(said: &str) -> bool {
    ["u{1b}", "u001b", "u{202e}", "u{9b}"]
        .iter()
        .any(|escape| said.contains(escape))
}

async fn sandbox() -> Sandbox {
    let clock = Clock::manual("2026-01-01T12:00:00Z".parse().unwrap());
    let at_once = Duration::ZERO;
    let timing = GcTiming {
        requested: at_once,
        waiting: at_once,
        scanning: at_once,
        deleting: at_once,
        cancelling: at_once,
    };
    let sandbox = Sandbox::builder()
        .token(TOKEN)
        .clock(clock.clone())
        .gc_timing(timing);
    let sandbox = sandbox.start().await.unwrap();
    sandbox.add_sample().unwrap();
    let docr = docr::Client::builder()
        .base_url(sandbox.url())
        .token(TOKEN)
        .build()
        .unwrap();
    let runs = docr
        .registry("sample".parse().unwrap())
        .garbage_collections();
    runs.start(docr::GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    clock.advance(Duration::from_secs(60 * 86_400));
    sandbox
}

/// Runs blocking code without blocking the sandbox.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_a_response_reaches_the_terminal() {
    let ways: [Spoil; 11] = [
        proxy::all,
        proxy::free,
        proxy::names,
        proxy::several,
        proxy::read_only,
        proxy::page,
        |_, _| refusal(401),
        |_, _| refusal(404),
        |_, _| refusal(409),
        |_, _| refusal(422),
        // A server error after which no request is repeated.
        |_, _| refusal(501),
    ];
    let mut shown = 0;
    for spoil in ways {
        for arguments in COMMANDS {
            let sandbox = sandbox().await;
            let home = Home::new(proxy(sandbox.addr(), spoil));
            shown += usize::from(is_shown(&beside(move || home.docr(arguments)).await));
        }
    }
    assert!(shown > 150, "only {shown} runs showed text from outside");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_a_response_passes_through_a_credential_helper() {
    let request = |host: &str| {
        json!({
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "kind": "CredentialProviderRequest",
            "image": format!("{host}/sample/shop"),
        })
        .to_string()
    };
    let ways: [Spoil; 5] = [
        proxy::all,
        proxy::free,
        proxy::several,
        proxy::page,
        |_, _| refusal(422),
    ];
    for spoil in ways {
        let sandbox = sandbox().await;
        let host = proxy(sandbox.addr(), spoil).to_string();
        beside(move || {
            let home = Home::new(&host);
            home.run(HELPER, "get", &host, &[]);
            home.run(HELPER, "erase", &host, &[]);
            home.run(PROVIDER, "", &request(&host), &[]);
            let settings = [("XDG_CONFIG_HOME", "settings")];
            assert!(is_shown(&home.run(HELPER, "get", &host, &settings)));
            let scope = [("DOCR_CREDENTIAL_SCOPE", ESCAPES)];
            assert!(is_shown(&home.run(PROVIDER, "", &request(&host), &scope)));
            let kind = json!({ "kind": ESCAPES }).to_string();
            assert!(is_shown(&home.run(PROVIDER, "", &kind, &[])));
        })
        .await;
    }
}

#[test]
fn every_command_is_tested() {
    let help = Home::new("127.0.0.1:9").docr("--help");
    let commands = help.split_once("Commands:\n").unwrap().1;
    let commands = commands.split("\n\n").next().unwrap().lines();
    // Lines with more indentation continue the line above.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> = names
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(names.contains(&"prune"), "{help}");
    for name in names {
        let is_tried = |arguments: &&str| arguments.split(' ').any(|word| word == name);
        assert!(COMMANDS.iter().any(is_tried), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_a_file_gets_into_an_error() {
    let sandbox = sandbox().await;
    let home = Home::new(sandbox.addr());
    beside(move || {
        for arguments in [
            "prune --plan --rules bad.toml",
            "prune --plan --rules long-key.toml",
            "prune --plan --rules key.toml",
            "prune --plan --rules pattern.toml",
            "prune --plan --keep-newest 1 --in-use in-use.txt",
            "--doctl-config doctl.yaml --context other usage",
            "login --config-file store.json",
            "login --config-file helper.json",
            "logout --config-file helper.json",
        ] {
            let said = home.docr(arguments);
            assert!(is_shown(&said), "{arguments}: {said}");
        }
        // These do not quote the file.
        for arguments in [
            "prune --apply --from plan.json",
            "--doctl-config bad.yaml --context other usage",
            "login --config-file bad.json",
            "login --config-file auths.json",
            "configure-docker --config-file bad.json",
        ] {
            let said = home.docr(arguments);
            assert!(said.starts_with("error: "), "{arguments}: {said}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_an_argument_or_a_variable_gets_into_an_error() {
    let sandbox = sandbox().await;
    let home = Home::new(sandbox.addr());
    beside(move || {
        for arguments in [
            "--registry {} usage",
            "--context {} usage",
            "--doctl-config {} --context other usage",
            "prune --plan --rules {}",
            "prune --apply --from {}",
            "prune --plan --protect {}",
            "certificates --expiring-within {}",
            "login --config-file {}/",
            "{}",
            "--{}",
        ] {
            let said = home.docr(&arguments.replace("{}", ESCAPES));
            assert!(is_shown(&said), "{arguments}: {said}");
        }
        for name in ["DIGITALOCEAN_CONTEXT", "DIGITALOCEAN_API_URL"] {
            home.run(DOCR, "usage", "", &[(name, ESCAPES)]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_character_of_a_plan_reaches_the_terminal() {
    let sandbox = sandbox().await;
    let home = Home::new(sandbox.addr());
    beside(move || {
        home.docr("prune --plan --keep-newest 1 --untagged --save good.json");
        let plan = fs::read(home.directory.path().join("good.json")).unwrap();
        let plan: Value = serde_json::from_slice(&plan).unwrap();
        let mut keys = BTreeSet::new();
        add_keys(&plan, &mut keys);
        assert!(keys.len() > 5, "{keys:?}");
        for key in keys {
            let spoiled = spoiled("", plan.clone(), &|other| other == key);
            home.write("spoiled.json", &spoiled.to_string());
            // It may be carried out in part; the plan is unchanged.
            let said = home.docr("prune --apply --yes --from spoiled.json");
            assert!(!said.is_empty(), "{key}");
        }
    })
    .await;
}

/// Collects the keys of texts in a value.
fn add_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|value| add_keys(value, keys)),
        Value::Object(all) => {
            for (key, value) in all {
                let is_text = |value: &Value| value.is_string();
                if is_text(value) || value.as_array().is_some_and(|all| all.iter().any(is_text)) {
                    keys.insert(key.clone());
                }
                add_keys(value, keys);
            }
        }
        _ => {}
    }
}
