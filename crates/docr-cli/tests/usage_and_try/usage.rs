//! `docr usage`: its number of requests, its formats, and its output after a failure.

use std::process::Output;

use docr_sandbox::{Clock, Image, Sandbox, ScriptedResponse};
use serde_json::Value;
use tempfile::TempDir;

use super::{docr, stderr, stdout};

const REGISTRY: &str = "sample";

/// A sandbox with the samples, and this many more repositories with two images each.
async fn sandbox(more: u64) -> Sandbox {
    let noon = "2026-01-01T12:00:00Z".parse().unwrap();
    let builder = Sandbox::builder().clock(Clock::manual(noon));
    let sandbox = builder.token("dop_v1_right").start().await.unwrap();
    sandbox.add_sample().unwrap();
    for number in 0..more {
        for version in 1..=2 {
            let image = Image::new(format!("many/r{number}"));
            let image = image.sized_layer(1000 + 2 * number + version, 1_000_000 + number);
            let tagged = image.tag(format!("v{version}"));
            sandbox.push(REGISTRY, tagged).unwrap();
        }
    }
    sandbox
}

fn usage(sandbox: &Sandbox, arguments: &str) -> Output {
    let home = TempDir::new().unwrap();
    docr(home.path())
        .args(["--registry", REGISTRY, "usage"])
        .args(arguments.split_whitespace())
        .env("DIGITALOCEAN_API_URL", sandbox.url())
        .env("DIGITALOCEAN_TOKEN", "dop_v1_right")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn shown(output: &Output) -> String {
    let code = output.status.code().unwrap();
    let text = format!(
        "{}\n--- stderr\n{}\n--- exit code {code}\n",
        stdout(output).trim_end(),
        stderr(output).trim_end()
    );
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_of_454_repositories_takes_five_requests() {
    let sandbox = sandbox(451).await;
    let all = json(&usage(&sandbox, "-o json"));
    // Subscription, registries, and three pages of repositories.
    assert_eq!(sandbox.requests().len(), 5);
    let repositories = all["by_repository"].as_array().unwrap();
    assert_eq!(repositories.len(), 454);
    assert_eq!(all["repositories"]["used"], 454);
    let of = |name: &str| {
        let mut all = repositories.iter();
        all.find(|one| one["name"] == name).unwrap()
    };
    // One image, so the list has the exact size.
    assert_eq!(of("shop/web")["bytes"], of("shop/web")["at_least_bytes"]);
    assert_eq!(of("many/r7")["bytes"], Value::Null);
    assert!(of("many/r7")["at_least_bytes"].as_u64().unwrap() >= 1_000_007);
    assert_eq!(of("many/r7")["manifests"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_takes_one_more_request_for_each_repository_with_several_images() {
    let sandbox = sandbox(20).await;
    let all = json(&usage(&sandbox, "--deep -o json"));
    // Besides the added ones, shop/api has several images.
    assert_eq!(sandbox.requests().len(), 3 + 21);
    let repositories = all["by_repository"].as_array().unwrap();
    let bytes: Vec<_> = repositories
        .iter()
        .map(|one| one["bytes"].as_u64())
        .collect();
    assert!(
        bytes.iter().all(Option::is_some) && bytes.is_sorted_by(|a, b| a >= b),
        "{bytes:?}"
    );
    let many = repositories
        .iter()
        .find(|one| one["name"] == "many/r7")
        .unwrap();
    assert!(many["bytes"].as_u64().unwrap() >= 2_000_014);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_shows_what_is_known() {
    let sandbox = sandbox(2).await;
    let mut all = String::new();
    for arguments in [
        "",
        "--deep",
        "--sort tags:desc --limit 1 --columns repository,tags",
        "-o csv",
        "-o jsonl",
        "-o ids",
        "-o prometheus",
        "-o prometheus --deep",
    ] {
        all += &format!(
            "$ docr usage {arguments}\n{}\n",
            shown(&usage(&sandbox, arguments))
        );
    }
    insta::assert_snapshot!(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_shown_if_the_rest_cannot_be_read() {
    let sandbox = sandbox(0).await;
    sandbox
        .respond_next(
            "registries_list_repositoryManifests",
            ScriptedResponse::status(403),
        )
        .unwrap();
    let output = usage(&sandbox, "--deep -o json");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["by_repository"].as_array().unwrap().len(), 3);
    let said: Value = serde_json::from_slice(&output.stderr).unwrap();
    let message = said["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("0 of 1 repositories were read"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_only_supported_by_usage() {
    let sandbox = sandbox(0).await;
    let home = TempDir::new().unwrap();
    let output = docr(home.path())
        .args(["--sandbox", "certificates", "-o", "prometheus"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--output prometheus"),
        "{}",
        stderr(&output)
    );
    let output = usage(&sandbox, "--legacy");
    assert_eq!(output.status.code(), Some(2));
    assert!(sandbox.requests().is_empty());
}
