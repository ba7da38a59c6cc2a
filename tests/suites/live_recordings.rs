//! Recording from the real API, with a sandbox in its place: what is created is announced, and deleted afterwards.

use std::process::{Command, Output, Stdio};

use docr_sandbox::{
    Sandbox, ScriptedResponse,
    recording::{Origin, Recording},
};
use docr_tests::{
    calls::Subjects,
    sandbox::{client, client_at, furnish, start},
    scenarios,
};
use tempfile::TempDir;

const FLOW: &str = "flow-registry-lifecycle";

/// Runs the command on the account of a sandbox.
async fn record(sandbox: &Sandbox, more: &[&str]) -> (Output, TempDir) {
    let directory = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_record"));
    command
        .args([
            "--base-url",
            sandbox.url(),
            "--token",
            sandbox.token(),
            "--into",
        ])
        .arg(directory.path())
        .args(more)
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    (output.unwrap().unwrap(), directory)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn resources_of_a_flow_are_announced_recorded_and_deleted() {
    let (sandbox, _) = start().await;
    let (output, directory) = record(&sandbox, &["--yes"]).await;
    let stdout = text(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", text(&output.stderr));
    assert!(
        stdout.contains("this creates the registry docr-recording-"),
        "{stdout}"
    );
    assert!(stdout.contains("wrote flow-options"), "{stdout}");
    assert!(
        client(&sandbox)
            .registries()
            .list()
            .all()
            .await
            .unwrap()
            .is_empty()
    );

    let scenario = scenarios::all()
        .into_iter()
        .find(|scenario| scenario.name() == FLOW);
    let scenario = scenario.unwrap();
    let recording = Recording::load(scenario.recording_path(directory.path())).unwrap();
    assert_eq!(recording.recorded_from, Origin::Live);
    let file = recording.to_json();
    assert!(
        !file.contains("docr-recording-") && !file.contains("127.0.0.1"),
        "{file}"
    );
    // A recording of one account can be replayed by any other.
    let replay = recording.replay().await.unwrap();
    let docr = client_at(replay.url(), replay.token());
    scenario.act(&docr, &Subjects::default()).await.unwrap();
    replay.finish().await.unwrap();
}

#[tokio::test]
async fn a_flow_that_fails_halfway_leaves_nothing_behind() {
    let (sandbox, _) = start().await;
    let refused = ScriptedResponse::status(422);
    sandbox
        .respond_next("registries_get_dockerCredentials", refused)
        .unwrap();
    let (output, directory) = record(&sandbox, &["--yes", FLOW]).await;
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("registries_get_dockerCredentials: 422"),
        "{output:?}"
    );
    assert!(
        text(&output.stdout).contains("deleted docr-recording-"),
        "{output:?}"
    );
    assert!(
        client(&sandbox)
            .registries()
            .list()
            .all()
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_account_with_a_registry_is_left_alone() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let (output, _directory) = record(&sandbox, &["--yes", FLOW]).await;
    assert!(
        text(&output.stderr).contains("the account has a registry"),
        "{output:?}"
    );
    assert_eq!(
        client(&sandbox)
            .registries()
            .list()
            .all()
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn without_confirmation_nothing_is_created() {
    let (sandbox, _) = start().await;
    let (output, _directory) = record(&sandbox, &[FLOW]).await;
    assert!(
        text(&output.stdout).contains("Go on? [y/N] left out"),
        "{output:?}"
    );
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn a_recording_that_cannot_be_made_live_is_refused_by_name() {
    let (sandbox, _) = start().await;
    for name in ["registry_delete-204", "flow-pruning"] {
        let (output, _directory) = record(&sandbox, &["--yes", name]).await;
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains(&format!("{name} can't be recorded live")),
            "{stderr}"
        );
    }
    let (output, _directory) = record(&sandbox, &["no-such-flow"]).await;
    assert!(
        text(&output.stderr).contains("there is no recording \"no-such-flow\""),
        "{output:?}"
    );
    assert_eq!(sandbox.requests(), []);
}
