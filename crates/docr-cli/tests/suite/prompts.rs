//! Prompts: on a terminal they can be answered, elsewhere --yes is required.

use std::{collections::BTreeMap, fs, path::Path};

use docr_sandbox::Sandbox;

use crate::{examples::programs, shell::Shell, terminal::OnTerminal};

/// A command that prompts, its question, and the reply that confirms. With --sandbox it prompts, too.
const ASKING: [(&str, &str, &str); 9] = [
    (
        "registry delete sample",
        "Type sample to confirm: ",
        "sample",
    ),
    (
        "repository delete shop/web",
        "Delete the repository and everything in it? [y/N] ",
        "y",
    ),
    (
        "tag delete shop/api:build-1",
        "Delete this tag? [y/N] ",
        "yes",
    ),
    (
        "image delete shop/api:build-1",
        "Delete this image and its tags? [y/N] ",
        "y",
    ),
    (
        "certificate delete mail",
        "Delete this certificate? [y/N] ",
        "y",
    ),
    (
        "cluster unlink CLUSTER",
        "cannot pull its images. [y/N] ",
        "y",
    ),
    ("gc run --type both", "Delete these manifests? [y/N] ", "y"),
    (
        "prune --apply --keep-newest 9 --gc",
        "Delete what the plan lists? [y/N] ",
        "y",
    ),
    (
        "certificate rotate mail mail-2027 --dns-name mail.example.com",
        "Is that done? [y/N] ",
        "y",
    ),
];

const CLUSTER: &str = "d81a8d2b-5a44-45ac-9b01-602b100b9ed7";

/// Runs a command on a terminal, and replies to its question.
fn run(line: &str, question: &str, reply: &str) -> (i32, String) {
    let line = format!("--sandbox {}", line.replace("CLUSTER", CLUSTER));
    let mut running = OnTerminal::start(&Shell::new(), &line, 200);
    running.wait_for(question);
    running.types(&format!("{reply}\n"));
    running.end()
}

#[test]
fn a_confirmed_command_is_carried_out() {
    for (line, question, reply) in ASKING {
        let (code, seen) = run(line, question, reply);
        assert_eq!(code, 0, "{line}: {seen}");
        assert!(!seen.contains("Nothing was"), "{line}: {seen}");
    }
}

#[test]
fn a_declined_command_changes_nothing() {
    for (line, question, _) in ASKING {
        for reply in ["", "sampel"] {
            let (code, seen) = run(line, question, reply);
            let is_rotation = line.contains("rotate");
            assert_eq!(code, if is_rotation { 1 } else { 3 }, "{line}: {seen}");
            let left = ["Nothing was", "were not swapped; both exist"];
            assert!(
                left.iter().any(|left| seen.contains(left)),
                "{line}: {seen}"
            );
        }
    }
    let (_, seen) = run(ASKING[0].0, ASKING[0].1, "y");
    assert!(seen.contains("Nothing was deleted."), "{seen}");
}

/// Whether this process ignores a signal, as it does in the background of a shell or with `nohup`.
fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[test]
fn an_interrupt_or_a_hangup_at_a_prompt_changes_nothing() {
    for (line, question, _) in [ASKING[0], ASKING[2], ASKING[6], ASKING[7]] {
        for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
            if is_ignored(number) {
                eprintln!("skipped: SIG{signal} is ignored here, and by what is started here");
                continue;
            }
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
fn without_a_terminal_a_prompt_fails_and_the_error_names_the_way_out() {
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
fn a_dry_run_neither_prompts_nor_changes_anything() {
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
            // Reading manifests takes a credential, which is revoked afterwards.
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

/// The files below a directory, with their content.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => {
                let text = fs::read_to_string(&path).unwrap();
                all.insert(path.display().to_string(), text);
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_local_change_changes_no_file_and_sends_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.add_sample().unwrap();
    let shell = Shell::at(&sandbox).set("PATH", programs());
    for (before, line, said) in [
        (None, "logout", "There are no credentials for "),
        (
            None,
            "configure-docker",
            "Docker would get credentials for ",
        ),
        (
            None,
            "configure-docker --undo",
            "docr is not the credential helper for ",
        ),
        (
            None,
            "man --directory pages",
            "The pages would be written to pages.",
        ),
        (Some("login"), "logout", "would be removed and revoked."),
        (
            None,
            "logout --keep-valid",
            "would be removed, but not revoked.",
        ),
        (
            None,
            "credentials revoke --config-file .docker/config.json",
            "would be revoked.",
        ),
        (
            Some("configure-docker"),
            "logout",
            "The credentials that docr keeps for Docker would be revoked.",
        ),
        (None, "logout --keep-valid", "There is nothing to remove"),
        (
            None,
            "configure-docker --undo",
            "Docker would no longer get credentials for ",
        ),
    ] {
        if let Some(before) = before {
            let ended = shell.run(before);
            assert_eq!(ended.code, 0, "{before}: {ended}");
        }
        let (kept, sent) = (files(shell.home()), sandbox.requests().len());
        let ended = shell.run(&format!("{line} --dry-run"));
        assert_eq!(ended.code, 0, "{line}: {ended}");
        assert!(ended.to_string().contains(said), "{line}: {ended}");
        assert_eq!(files(shell.home()), kept, "{line}");
        assert_eq!(sandbox.requests().len(), sent, "{line}");
        assert!(sandbox.credentials().iter().all(|minted| !minted.revoked));
    }
}
