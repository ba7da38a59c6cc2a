//! The command covers the whole API.

use std::{collections::BTreeSet, fs, time::Duration};

use docr_sandbox::{Clock, GcTiming, Sandbox};

use crate::shell::Shell;

/// Command lines that work with --legacy, too.
const BOTH: [&str; 18] = [
    "registry check-name another",
    "registry show",
    "registry options",
    "registry tier",
    "registry tier basic",
    "repository list",
    "tag list shop/api",
    "tag delete shop/api:v1.0.0 --yes",
    "image list shop/api",
    "image delete shop/api:v1.2.0 --yes --even-parts",
    "gc run --type unreferenced-blobs",
    "gc show",
    "gc list",
    "gc cancel",
    "cluster link CLUSTER",
    "cluster unlink CLUSTER --yes",
    "credentials docker-config",
    "registry delete sample --yes",
];

const NEWER: [&str; 7] = [
    "registry list",
    "repository delete shop/web --yes",
    "certificate list",
    "certificate show shop-front",
    "certificate show CERTIFICATE",
    "certificate create mail --dns-name mail.example.com",
    "certificate delete shop-front --yes",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_of_the_api_is_reached_by_a_command() {
    let mut reached = BTreeSet::new();
    for form in ["", "--legacy "] {
        let noon = "2026-01-01T12:00:00Z".parse().unwrap();
        let timing = GcTiming {
            requested: Duration::from_secs(3600),
            cancelling: Duration::ZERO,
            ..GcTiming::default()
        };
        let sandbox = Sandbox::builder()
            .clock(Clock::manual(noon))
            .gc_timing(timing);
        let sandbox = sandbox.start().await.unwrap();
        let sample = sandbox.add_sample().unwrap();
        let shell = Shell::at(&sandbox);
        let newer = match form {
            "" => &NEWER[..],
            _ => &["repository list --latest-tag"],
        };
        let created = ["registry create acme-images --tier basic"];
        for line in newer.iter().chain(&BOTH).chain(&created) {
            let line = line
                .replace("CLUSTER", &sample.cluster)
                .replace("CERTIFICATE", &sample.certificate);
            let ended = shell.run(&format!("{form}{line}"));
            assert!(matches!(ended.code, 0 | 3), "docr {form}{line}\n{ended}");
        }
        let requests = sandbox.requests();
        reached.extend(requests.into_iter().filter_map(|request| request.operation));
    }
    let all = docr_api::operations::ALL.iter();
    let missing: Vec<_> = all
        .map(|operation| operation.id)
        .filter(|id| !reached.contains(*id))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// The README lists doctl's commands about registries and certificates beside ours.
#[test]
fn the_readme_has_an_existing_equivalent_of_each_doctl_command() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let lines: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `doctl "))
        .collect();
    assert!(lines.len() >= 25, "{}", lines.len());
    let commands = crate::examples::commands();
    for line in lines {
        let (_, ours) = line
            .split_once("| `docr ")
            .unwrap_or_else(|| panic!("{line}"));
        let ours = ours.split('`').next().unwrap();
        let is_known = |command: &String| ours.starts_with(command.as_str());
        assert!(commands.iter().any(is_known), "{line}");
    }
}
