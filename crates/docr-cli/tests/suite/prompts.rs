//! What asks: on a terminal it is answered, elsewhere it refuses unless --yes is given.

use crate::{shell::Shell, terminal::OnTerminal};

/// A command that asks, what it asks, and what agrees. With --sandbox it asks as the real thing does.
const ASKING: [(&str, &str, &str); 9] = [
    (
        "registry delete sample",
        "Type the name to go on, sample: ",
        "sample",
    ),
    ("repository delete shop/web", "Delete this? [y/N] ", "y"),
    (
        "tag delete shop/api:build-1",
        "Delete these tags? [y/N] ",
        "yes",
    ),
    (
        "image delete shop/api:build-1",
        "Delete these images with their tags? [y/N] ",
        "y",
    ),
    ("certificate delete mail", "Delete this? [y/N] ", "y"),
    (
        "cluster unlink CLUSTER",
        "find no images of it. [y/N] ",
        "y",
    ),
    ("gc run --type both", "Take these manifests? [y/N] ", "y"),
    (
        "prune --apply --keep-newest 9 --gc",
        "Delete this? [y/N] ",
        "y",
    ),
    (
        "certificate rotate mail mail-2027 --dns-name mail.example.com",
        "Is that done? [y/N] ",
        "y",
    ),
];

const CLUSTER: &str = "d81a8d2b-5a44-45ac-9b01-602b100b9ed7";

/// What is shown, without the breaks between words.
fn run(line: &str, question: &str, reply: &str) -> (i32, String) {
    let line = format!("--sandbox {}", line.replace("CLUSTER", CLUSTER));
    let mut running = OnTerminal::start(&Shell::new(), &line, 200);
    running.wait_for(question);
    running.types(&format!("{reply}\n"));
    running.end()
}

#[test]
fn who_agrees_gets_it_done() {
    for (line, question, reply) in ASKING {
        let (code, seen) = run(line, question, reply);
        assert_eq!(code, 0, "{line}: {seen}");
        assert!(!seen.contains("Nothing was"), "{line}: {seen}");
    }
}

#[test]
fn who_does_not_agree_leaves_all_as_it_is() {
    for (line, question, _) in ASKING {
        for reply in ["", "sampel"] {
            let (code, seen) = run(line, question, reply);
            let is_rotation = line.contains("rotate");
            assert_eq!(code, if is_rotation { 1 } else { 3 }, "{line}: {seen}");
            let left = ["Nothing was", "were not swapped; both are there"];
            assert!(
                left.iter().any(|left| seen.contains(left)),
                "{line}: {seen}"
            );
        }
    }
    let (_, seen) = run(ASKING[0].0, ASKING[0].1, "y");
    assert!(seen.contains("Nothing was deleted."), "{seen}");
}

#[test]
fn who_interrupts_or_hangs_up_leaves_all_as_it_is() {
    for (line, question, _) in [ASKING[0], ASKING[2], ASKING[6], ASKING[7]] {
        for signal in ["INT", "TERM", "HUP"] {
            let line = format!("--sandbox {line}");
            let mut running = OnTerminal::start(&Shell::new(), &line, 200);
            running.wait_for(question);
            running.signal(signal);
            let (code, seen) = running.end();
            assert_eq!(code, 130, "{line}: {seen}");
            assert!(seen.contains("Nothing was"), "{line}: {seen}");
        }
    }
}

#[test]
fn where_nobody_can_be_asked_nothing_is_sent_and_the_way_out_is_named() {
    for (line, ..) in ASKING {
        let line = line.replace("CLUSTER", CLUSTER);
        for form in ["", " --output json"] {
            let ended = Shell::new().run(&format!("--sandbox {line}{form}"));
            assert_eq!(ended.code, 2, "{line}: {ended}");
            assert!(
                ended.err.contains("cannot prompt: pass "),
                "{line}: {ended}"
            );
        }
    }
}

#[test]
fn a_dry_run_asks_nothing_and_changes_nothing() {
    for line in [
        "registry create acme-images --tier basic",
        "registry ensure acme-images",
        "registry tier professional",
        "registry delete sample",
        "repository delete shop/web",
        "tag delete shop/api:build-1",
        "image delete shop/api:build-1",
        "gc run --type both",
        "gc run --type unreferenced-blobs",
        "gc cancel",
        "prune --apply --keep-newest 1",
        "certificate create shop --dns-name shop.example.com",
        "certificate rotate mail mail-2027 --dns-name mail.example.com",
        "certificate delete mail",
        "cluster link CLUSTER",
        "cluster unlink CLUSTER",
        "login",
        "credentials docker-config",
        "credentials kubernetes-secret",
    ] {
        let line = line.replace("CLUSTER", CLUSTER);
        let ended = Shell::new().run(&format!("-v --sandbox {line} --dry-run"));
        assert!(matches!(ended.code, 0 | 3), "{line}: {ended}");
        for request in ended
            .err
            .lines()
            .filter_map(|line| line.trim().strip_prefix("INFO "))
        {
            // Reading manifests takes a credential, which is revoked.
            let is_reading = request.starts_with("GET ")
                || request.starts_with("POST /v2/registries/validate-name")
                || request.contains("/v1/oauth/revoke");
            assert!(is_reading, "{line}: {request}");
            let mints = request.contains("/docker-credentials");
            assert!(
                !mints || line.contains("gc ") || line.contains("prune") || line.contains("image"),
                "{line}: {request}"
            );
        }
    }
}
