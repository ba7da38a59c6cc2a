//! Whatever the service, a proxy or a file says, no control character of it reaches the terminal.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use docr_sandbox::{Clock, GcTiming, Sandbox};
use serde_json::{Value, json};

/// Sets the title, clears the screen, goes back to the line's begin, and turns the direction of writing.
const TOKEN: &str = "dop_v1_of_the_test";

const ESCAPES: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\r\n\u{9b}1A\u{202e}\t\u{7f}";

/// What a proxy makes of a response.
type Spoil = fn(u16, Value) -> (u16, Value);

/// Every text gets escapes, also where the client expects an id, a date or a digest.
fn all(status: u16, body: Value) -> (u16, Value) {
    (status, spoiled("", body, &|_| true))
}

/// Those texts get them that can be anything, so that the client goes on.
fn free(status: u16, body: Value) -> (u16, Value) {
    let is_free = |key: &str| {
        let is_read = key.ends_with("_at") || key.ends_with("digest") || key == "auth";
        !is_read
            && !matches!(
                key,
                "id" | "uuid" | "name" | "registry_name" | "next" | "last" | "first" | "slug"
            )
    };
    (status, spoiled("", body, &is_free))
}

/// Names, too: they are only shown, in lists.
fn names(status: u16, body: Value) -> (u16, Value) {
    let is_registry = body.get("registry").is_some() || body.get("registries").is_some();
    (
        status,
        spoiled("", body, &|key| key == "name" && !is_registry),
    )
}

fn refusal(status: u16) -> (u16, Value) {
    let text = format!("no{ESCAPES}");
    (
        status,
        json!({"id": text, "message": text, "request_id": text}),
    )
}

fn spoiled(key: &str, value: Value, is_chosen: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::String(text) if is_chosen(key) => Value::String(text + ESCAPES),
        Value::Array(all) => all
            .into_iter()
            .map(|value| spoiled(key, value, is_chosen))
            .collect(),
        Value::Object(all) => {
            let all = all.into_iter();
            all.map(|(key, value)| (key.clone(), spoiled(&key, value, is_chosen)))
                .collect()
        }
        other => other,
    }
}

/// A proxy before a sandbox, for as long as the test goes on.
fn proxy(sandbox: SocketAddr, spoil: Spoil) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(move || pass(client?, sandbox, spoil));
        }
    });
    address
}

/// Passes one request on, and its response back.
fn pass(mut client: TcpStream, sandbox: SocketAddr, spoil: Spoil) -> io::Result<()> {
    let request = message(&mut client)?;
    let mut service = TcpStream::connect(sandbox)?;
    let request = request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    service.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    service.read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response).into_owned();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let (status, body) = match serde_json::from_str(body) {
        Ok(body) => {
            let (status, body) = spoil(status, body);
            (status, body.to_string())
        }
        Err(_) => (status, body.to_owned()),
    };
    let headers = head.lines().skip(1).filter(|line| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("content-length") && !line.starts_with("connection")
    });
    let mut spoiled = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n");
    headers.for_each(|line| spoiled += &format!("{line}\r\n"));
    spoiled += &format!("content-length: {}\r\n\r\n{body}", body.len());
    client.write_all(spoiled.as_bytes())
}

/// A request whole.
fn message(stream: &mut TcpStream) -> io::Result<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        read.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(length > 0, "{text}");
            continue;
        };
        let head = head.to_ascii_lowercase();
        let wanted = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= wanted.map_or(0, |length| length.parse().unwrap()) {
            return Ok(text.into_owned());
        }
    }
}

#[track_caller]
fn assert_fit(what: &str, stream: &[u8]) {
    let text = String::from_utf8(stream.to_vec()).unwrap();
    let is_hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(is_hostile), "{what}: {text:?}");
}

async fn sandbox() -> Arc<Sandbox> {
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
    Arc::new(sandbox)
}

/// Runs a command line as a person would, in a directory with hostile files; what it says.
fn run(url: &str, arguments: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| fs::write(home.path().join(name), text).unwrap();
    file(
        "bad.toml",
        format!("[[rule]]\nkeep_newest = \"{ESCAPES}\"\n"),
    );
    file(
        "strange.toml",
        format!("[[rule]]\n\"{}\" = 1\n", "a".repeat(500) + "\\u001b[2J"),
    );
    file(
        "pattern.toml",
        "[[rule]]\nrepositories = [\"[\\u001b[2J\"]\n".to_owned(),
    );
    file(
        "plan.json",
        json!({"version": 2, "registry": ESCAPES}).to_string(),
    );
    file(
        "in-use.txt",
        format!("registry.digitalocean.com/{ESCAPES}/UPPER"),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_docr"))
        .args(arguments.split_whitespace())
        .env_clear()
        .env("HOME", home.path())
        .env("DIGITALOCEAN_API_URL", url)
        .env("DIGITALOCEAN_TOKEN", TOKEN)
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_fit(&format!("stdout of {arguments}"), &output.stdout);
    assert_fit(&format!("stderr of {arguments}"), &output.stderr);
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

const COMMANDS: [&str; 15] = [
    "usage",
    "certificates",
    "certificates --expiring-within 900d",
    "gc list",
    "gc run --type both",
    "gc run --type both --yes",
    "gc wait",
    "gc cancel",
    "prune --plan --keep-newest 0 --untagged --orphans",
    "prune --apply --yes --keep-newest 0",
    "login",
    "kubernetes-secret",
    "--registry sample usage",
    "--registry sample prune --plan --keep-newest 1",
    "--registry sample prune --apply --yes --keep-newest 1 --gc",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_command_passes_on_what_would_move_the_cursor() {
    let refusals: [Spoil; 5] = [
        |_, _| refusal(401),
        |_, _| refusal(404),
        |_, _| refusal(409),
        |_, _| refusal(422),
        |status, body| match status {
            // Reads go on, changes are refused.
            200 => names(status, body),
            _ => refusal(422),
        },
    ];
    let mut shown = 0;
    for spoil in [all as Spoil, free, names].into_iter().chain(refusals) {
        for arguments in COMMANDS {
            let sandbox = sandbox().await;
            let url = format!("http://{}", proxy(sandbox.addr(), spoil));
            let said = tokio::task::spawn_blocking(move || run(&url, arguments))
                .await
                .unwrap();
            assert!(!said.contains("panicked"), "{arguments}: {said}");
            // As an escape that a person can read.
            shown += usize::from(said.contains("u{1b}") || said.contains("u001b"));
        }
    }
    assert!(shown > 60, "{shown} runs have shown what came from outside");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_gets_its_control_characters_into_an_error() {
    let sandbox = sandbox().await;
    for arguments in [
        "prune --plan --rules bad.toml",
        "prune --plan --rules strange.toml",
        "prune --plan --rules pattern.toml",
        "prune --apply --from plan.json",
        "prune --plan --keep-newest 1 --in-use in-use.txt",
    ] {
        let url = sandbox.url().to_owned();
        let said = tokio::task::spawn_blocking(move || run(&url, arguments))
            .await
            .unwrap();
        assert!(!said.is_empty(), "{arguments}");
    }
}
