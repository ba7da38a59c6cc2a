//! The tour against a sandbox that it takes for the real API.

use std::{io::Write as _, process::Stdio};

use docr_sandbox::Sandbox;

use crate::example;

/// Runs the tour with a token and these answers to its questions; returns what it printed.
fn run(sandbox: &Sandbox, answers: &str) -> String {
    let mut child = example("tour")
        .env("DIGITALOCEAN_API_URL", sandbox.url())
        .env("DIGITALOCEAN_TOKEN", sandbox.token())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the tour starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(answers.as_bytes())
        .expect("the tour reads its answers");
    drop(stdin);
    let output = child.wait_with_output().expect("the tour ends");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The methods and paths of the requests that change something.
fn changes(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests().into_iter();
    requests
        .filter(|request| request.method != "GET" || request.path.ends_with("docker-credentials"))
        .filter(|request| !request.path.ends_with("validate-name"))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_yes_nothing_is_created() {
    let sandbox = Sandbox::start().await.unwrap();
    let printed = run(&sandbox, "n\n");
    assert!(printed.contains("Nothing was created"), "{printed}");
    assert_eq!(changes(&sandbox), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_needs_its_own_yes() {
    let sandbox = Sandbox::start().await.unwrap();
    let printed = run(&sandbox, "y\nn\nn\ny\n");
    assert!(printed.contains("was deleted"), "{printed}");
    let (_, name) = printed.split_once("created ").unwrap();
    let (name, _) = name.split_once(' ').unwrap();
    assert_eq!(
        changes(&sandbox),
        [
            "POST /v2/registries".to_owned(),
            format!("DELETE /v2/registries/{name}")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_was_there_before_is_left_alone() {
    let sandbox = Sandbox::start().await.unwrap();
    // Answers run out after the first: the registry that was created is kept.
    run(&sandbox, "y\n");
    sandbox.clear_requests();
    let printed = run(&sandbox, "y\ny\ny\ny\n");
    assert!(printed.contains("leaves it alone"), "{printed}");
    assert_eq!(changes(&sandbox), [] as [&str; 0]);
}
