//! `docr prune` and `docr gc` when interrupted, piped, with a full disk, and with files.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use docr_sandbox::{Clock, GcTiming, Image, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

const REGISTRY: &str = "sample";
const DAY: Duration = Duration::from_secs(86_400);

/// A registry with five images of `shop/api`, `v1` to `v5`, and an untagged one of `shop/web`.
struct Bench {
    sandbox: Arc<Sandbox>,
    home: TempDir,
}

impl Bench {
    async fn start() -> Self {
        let clock = Clock::manual("2026-01-01T12:00:00Z".parse().unwrap());
        let at_once = Duration::ZERO;
        let timing = GcTiming {
            requested: at_once,
            waiting: at_once,
            scanning: at_once,
            deleting: at_once,
            cancelling: at_once,
        };
        let sandbox = Sandbox::builder().clock(clock.clone()).gc_timing(timing);
        let sandbox = sandbox.start().await.unwrap();
        sandbox.add_sample().unwrap();
        for seed in 1..=5_u64 {
            let image = Image::new("many").sized_layer(seed + 20, 1_000_000);
            let tag = format!("v{seed}");
            sandbox.push(REGISTRY, image.tag(tag)).unwrap();
            clock.advance(DAY);
        }
        // So that the repository is not deleted as a whole.
        let stays = Image::new("many").sized_layer(30, 1_000_000).tag("stays");
        sandbox.push(REGISTRY, stays).unwrap();
        clock.advance(DAY);
        Self {
            sandbox: Arc::new(sandbox),
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_docr"));
        command
            .args(arguments.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .env("DIGITALOCEAN_API_URL", self.sandbox.url())
            .env("DIGITALOCEAN_TOKEN", self.sandbox.token())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &str) -> Ended {
        Ended::of(&self.command(arguments).output().unwrap())
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.home.path().join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.home.path().join(file)).unwrap()
    }

    fn deletes(&self) -> usize {
        let requests = self.sandbox.requests();
        requests
            .iter()
            .filter(|request| request.method == "DELETE")
            .count()
    }

    /// The temporary credentials are revoked.
    fn assert_all_revoked(&self) {
        let credentials = self.sandbox.credentials();
        assert!(
            credentials.iter().all(|minted| minted.revoked),
            "{credentials:?}"
        );
    }

    /// Signals when the given number of requests with a method has arrived.
    fn at_request(&self, method: &'static str, number: usize) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        let seen = AtomicUsize::new(0);
        self.sandbox.before_each(Some(move |found: &str, _: &str| {
            if found == method && seen.fetch_add(1, SeqCst) + 1 == number {
                sender.send(()).unwrap();
                // Gives the test time to act.
                std::thread::park_timeout(Duration::from_millis(50));
            }
        }));
        receiver
    }
}

/// The output and the exit code of a command.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

const RULES: &str = "min_age = '0s'\n[[rule]]\nrepositories = ['many']\ndelete_tags = ['v*']\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_finishes_the_deletion_in_progress_and_reports_all() {
    for (name, output) in [("-INT", "json"), ("-TERM", "table")] {
        let bench = Bench::start().await;
        bench.write("rules.toml", RULES);
        let third = bench.at_request("DELETE", 3);
        let arguments = format!("prune --apply --yes --gc --rules rules.toml --output {output}");
        let child = bench.command(&arguments).spawn().unwrap();
        third.recv_timeout(Duration::from_secs(30)).unwrap();
        signal(child.id(), name);
        let ended = Ended::of(&child.wait_with_output().unwrap());
        assert_eq!(ended.code, 130, "{ended:?}");
        if output == "json" {
            let report = ended.json();
            assert_eq!(report["report"]["steps"].as_array().unwrap().len(), 10);
            assert_eq!(report["garbage_collection"], Value::Null);
        } else {
            assert!(ended.out.contains("not tried"), "{ended:?}");
        }
        assert!(bench.deletes() < 10);
        bench.assert_all_revoked();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_while_reading_deletes_nothing() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    let reading = bench.at_request("GET", 4);
    let child = bench
        .command("prune --apply --yes --rules rules.toml")
        .spawn()
        .unwrap();
    reading.recv_timeout(Duration::from_secs(30)).unwrap();
    signal(child.id(), "-INT");
    let ended = Ended::of(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{ended:?}");
    assert_eq!(bench.deletes(), 0);
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_closed_pipe_the_report_is_written_to_stderr() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    let third = bench.at_request("DELETE", 3);
    let mut child = bench
        .command("prune --apply --yes --rules rules.toml")
        .spawn()
        .unwrap();
    third.recv_timeout(Duration::from_secs(30)).unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{err}");
    assert!(err.contains("deleted"), "{err}");
    assert!(bench.deletes() < 10, "it stops");
    bench.assert_all_revoked();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn with_a_full_disk_the_report_is_written_to_stderr() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let mut command = bench.command("prune --apply --yes --rules rules.toml");
    let ended = Ended::of(&command.stdout(full()).output().unwrap());
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.err.contains("10 deleted") && ended.err.contains("cannot write the result"),
        "{ended:?}"
    );
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_complete_even_if_the_garbage_collection_cannot_start() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    for format in ["table", "json"] {
        let failed = docr_sandbox::ScriptedResponse::status(409);
        bench
            .sandbox
            .respond_next("registries_run_garbageCollection", failed)
            .unwrap();
        let policy = match format {
            "table" => "prune --apply --yes --gc --rules rules.toml",
            _ => "prune --apply --yes --gc --keep-newest 0 --min-age 0s --output json",
        };
        let ended = bench.run(policy);
        assert_eq!(ended.code, 3, "{ended:?}");
        if format == "table" {
            assert!(
                ended.out.contains("10 deleted") && ended.out.contains("docr gc wait"),
                "{ended:?}"
            );
        } else {
            let report = ended.json();
            assert!(report["garbage_collection_error"].is_string(), "{report}");
            assert!(!report["report"]["steps"].as_array().unwrap().is_empty());
        }
    }
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_has_a_line_before_and_after_each_deletion() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    bench.write("audit.jsonl", "{\"event\":\"older\"}\n");
    let ended = bench.run("prune --apply --yes --rules rules.toml --audit-log audit.jsonl");
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = bench.read("audit.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!(lines.len(), 21);
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("older"), of("begin"), of("end")), (1, 10, 10));
    assert_eq!(lines[1]["registry"], REGISTRY);
    assert_eq!(lines[20]["outcome"], "deleted");
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_that_cannot_be_logged() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    fs::create_dir(bench.home.path().join("directory")).unwrap();
    let ended = bench.run("prune --apply --yes --rules rules.toml --audit-log directory");
    assert_eq!((ended.code, bench.deletes()), (1, 0), "{ended:?}");
    assert!(ended.err.contains("the audit log directory"), "{ended:?}");
    if cfg!(target_os = "linux") {
        let ended = bench.run("prune --apply --yes --rules rules.toml --audit-log /dev/full");
        assert_eq!((ended.code, bench.deletes()), (3, 0), "{ended:?}");
        assert!(ended.out.contains("could not be recorded"), "{ended:?}");
    }
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn images_in_use_are_read_from_a_file_or_a_pipe() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    bench.write(
        "images",
        "registry.digitalocean.com/sample/many:v2 docker.io/library/redis:7\nregistry.digitalocean.com/sample/many:v9\n",
    );
    let ended = bench.run("prune --plan --rules rules.toml --in-use images");
    assert!(ended.out.contains("4 images will be deleted"), "{ended:?}");
    assert!(
        ended
            .out
            .contains("in use, but not in the registry: registry.digitalocean.com/sample/many:v9")
    );
    let piped = |text: &str| {
        let mut command = bench.command("prune --plan --rules rules.toml --in-use -");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        Ended::of(&child.wait_with_output().unwrap())
    };
    let ended = piped("registry.digitalocean.com/sample/many:v1\n");
    assert!(ended.out.contains("4 images will be deleted"), "{ended:?}");
    // The command before the pipe failed, so everything would look unused.
    bench.sandbox.clear_requests();
    let ended = piped("");
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(
        ended
            .err
            .contains("check whether the command that lists the images failed"),
        "{ended:?}"
    );
    assert_eq!(bench.sandbox.requests().len(), 0);
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_other_tools_are_refused_with_a_suggestion() {
    let bench = Bench::start().await;
    for (pattern, part) in [
        (r"^v\d+", r#"write "re:v\\d+""#),
        ("v*,hold-*", r#"write "{v*,hold-*}""#),
    ] {
        let ended = bench.run(&format!("prune --plan --older-than 1d --protect {pattern}"));
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains(part), "{ended:?}");
    }
    assert_eq!(bench.sandbox.requests().len(), 0);
    let ended = bench.run("prune --plan --older-than 0s --min-age 0s --protect v[0-9]*");
    assert!(ended.out.contains("protected by v[0-9]*"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_a_policy_hold_and_are_reported() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    let ended = bench.run("prune --apply --yes --rules rules.toml --max-delete 20%");
    assert_eq!((ended.code, bench.deletes()), (2, 0), "{ended:?}");
    assert!(
        ended.err.contains("of 6 images, and 5 would be deleted"),
        "{ended:?}"
    );
    let ended = bench.run("prune --plan --rules rules.toml --max-delete 20%");
    assert!(
        ended
            .out
            .contains("5 images would be deleted, and max_delete allows 1"),
        "{ended:?}"
    );
    let ended = bench.run("prune --plan --rules rules.toml --min-age 3d");
    assert!(ended.out.contains("younger than 3d"), "{ended:?}");
    let ended = bench.run("prune --apply --yes --rules rules.toml --tags-only");
    assert!(ended.out.contains("5 deleted"), "{ended:?}");
    assert!(!ended.out.contains("To free the storage"), "{ended:?}");
    bench.assert_all_revoked();
}

/// An edit of a plan.
type Edit = fn(&mut Value);

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_checked_before_anything_is_sent() {
    let bench = Bench::start().await;
    bench.write("rules.toml", RULES);
    let ended = bench.run("prune --plan --rules rules.toml --save plan.json");
    assert_eq!(ended.code, 0, "{ended:?}");
    let plan: Value = serde_json::from_str(&bench.read("plan.json")).unwrap();
    let edits: [(&str, Edit); 6] = [
        ("newer version", |plan| plan["version"] = 3.into()),
        ("older version", |plan| {
            drop(plan.as_object_mut().unwrap().remove("version"))
        }),
        ("the plan is for the registry other", |plan| {
            plan["registry"] = "other".into()
        }),
        (
            "made with the API at https://api.digitalocean.com",
            |plan| {
                plan["api"] = "https://api.digitalocean.com".into();
            },
        ),
        ("is deleted twice", |plan| {
            let again = plan["deletions"][0].clone();
            plan["deletions"].as_array_mut().unwrap().push(again);
        }),
        ("tag \"v1\\u{1b}[1A\\u{1b}[2K\"", |plan| {
            plan["deletions"][0]["subject"]["tag"] = "v1\u{1b}[1A\u{1b}[2K".into();
        }),
    ];
    for (part, edit) in edits {
        let mut edited = plan.clone();
        edit(&mut edited);
        bench.write("edited.json", &edited.to_string());
        let ended = bench.run("prune --apply --yes --registry sample --from edited.json");
        assert_eq!((ended.code, bench.deletes()), (2, 0), "{part}: {ended:?}");
        assert!(ended.err.contains(part), "{part}: {ended:?}");
        assert!(!ended.err.contains('\u{1b}'), "{ended:?}");
    }
    let ended = bench.run("prune --apply --yes --from plan.json");
    assert_eq!((ended.code, bench.deletes()), (0, 10), "{ended:?}");
    let ended = bench.run("prune --apply --yes --from plan.json");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.out.contains("10 deleted earlier"),
        "twice is once: {ended:?}"
    );
    bench.assert_all_revoked();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbage_collection_of_untagged_manifests_is_shown_and_must_be_confirmed() {
    let bench = Bench::start().await;
    let started = || {
        let requests = bench.sandbox.requests();
        requests
            .iter()
            .filter(|request| {
                request.method == "POST" && request.path.ends_with("garbage-collection")
            })
            .count()
    };
    for what in ["both", "untagged-manifests"] {
        let ended = bench.run(&format!("gc run --type {what}"));
        assert_eq!((ended.code, started()), (2, 0), "{ended:?}");
        assert!(ended.err.contains("cannot prompt: pass --yes"), "{ended:?}");
    }
    let ended = bench.run("gc run --type both --yes --wait");
    assert_eq!((ended.code, started()), (0, 1), "{ended:?}");
    // An image whose tag was moved, and the two parts of `latest`.
    assert!(ended.err.contains("shop/api"), "{ended:?}");
    let row = ended
        .err
        .lines()
        .find(|line| line.starts_with("shop/api"))
        .unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!((cells[1], cells[4], cells[5]), ("3", "2", "0"), "{row}");
    let ended = bench.run("gc run --type unreferenced-blobs --wait");
    assert_eq!(ended.code, 0, "{ended:?}");
    let ended = bench.run("gc wait");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended.out.contains("No garbage collection is active."),
        "{ended:?}"
    );
    bench.assert_all_revoked();
}
