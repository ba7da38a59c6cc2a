//! `docr try`: everything stays in the sandbox, which ends with the program.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::{docr, stderr, stdout};

/// A command with the settings of a real account: tokens and a doctl context.
fn real(home: &Path) -> Command {
    let directory = home.join(".config/doctl");
    fs::create_dir_all(&directory).unwrap();
    let text = "access-token: dop_v1_real\ncontext: work\nauth-contexts:\n  work: dop_v1_real\n";
    fs::write(directory.join("config.yaml"), text).unwrap();
    let mut command = docr(home);
    command
        .env("DIGITALOCEAN_TOKEN", "dop_v1_real")
        .env("DIGITALOCEAN_ACCESS_TOKEN", "dop_v1_real")
        .env("DIGITALOCEAN_CONTEXT", "work")
        .env("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    command
}

fn script(home: &Path, text: &str) -> Output {
    let mut command = real(home);
    command
        .args(["try", "--", "sh", "-c", text])
        .output()
        .unwrap()
}

#[test]
fn a_command_runs_in_the_sandbox_and_docr_exits_with_its_code() {
    let home = TempDir::new().unwrap();
    let output = script(home.path(), "env | sort\ndocr usage -o ids\nexit 7");
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let out = stdout(&output);
    assert!(out.contains("shop/api\n") && !out.contains("real"), "{out}");
    let said = stderr(&output);
    assert!(
        said.contains("/_docr/ui")
            && said.contains("export DIGITALOCEAN_API_URL=http://127.0.0.1:"),
        "{said}"
    );
    assert!(said.contains(": DOCR_SANDBOX_URL is set."), "{said}");
    // The variables that were printed are set.
    for line in said.lines().filter_map(|line| line.strip_prefix("export ")) {
        assert!(out.contains(&format!("{line}\n")), "{line}");
    }
}

#[test]
fn configurations_are_deleted_with_the_sandbox() {
    let home = TempDir::new().unwrap();
    let output = script(
        home.path(),
        "docr login -q && docr configure-docker -q --read-write && cat $DOCKER_CONFIG/config.json && echo $DOCKER_CONFIG",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let out = stdout(&output);
    assert!(out.contains("\"127.0.0.1:"), "{out}");
    let directory = out.lines().last().unwrap();
    assert!(
        directory.ends_with("/docker") && !Path::new(directory).exists(),
        "{directory}"
    );
    assert!(!home.path().join(".docker").exists());
    assert!(!home.path().join(".config/docr").exists());
    assert!(!home.path().join(".cache").exists());
}

#[test]
fn options_for_another_account_are_refused() {
    let home = TempDir::new().unwrap();
    for option in [
        "--context work",
        "--profile work",
        "--api-url http://127.0.0.1:9",
        "--token-file x",
        "--doctl-config x",
    ] {
        let output = script(home.path(), &format!("docr usage {option}"));
        assert_eq!(output.status.code(), Some(2), "{option}");
        let said = stderr(&output);
        assert!(said.contains("cannot be used in the sandbox"), "{said}");
    }
    for (url, token) in [
        ("https://api.digitalocean.com", Some("x")),
        ("http://127.0.0.1:9", None),
    ] {
        let mut command = real(home.path());
        command.arg("usage").env("DOCR_SANDBOX_URL", url);
        command.envs(token.map(|token| ("DOCR_SANDBOX_TOKEN", token)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("DOCR_SANDBOX_"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_seed_file_replaces_the_samples() {
    let home = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    write(
        "seed.json",
        r#"{"accounts":[{"registries":[{"name":"acme","images":[{"repository":"mine","tags":["v1"]}]}]}]}"#,
    );
    let run = |seed: &str| {
        let mut command = real(home.path());
        let arguments = ["try", "--seed", seed, "--", "docr", "usage", "-o", "ids"];
        command.args(arguments).output().unwrap()
    };
    let output = run("seed.json");
    assert_eq!(stdout(&output), "mine\n", "{}", stderr(&output));
    write(
        "wrong.json",
        r#"{"accounts":[{"registries":[{"nmae":"acme"}]}]}"#,
    );
    let output = run("wrong.json");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("seed file wrong.json: accounts[0].registries[0]"),
        "{said}"
    );
}

#[test]
fn a_missing_program_is_invalid_input() {
    let home = TempDir::new().unwrap();
    let output = real(home.path())
        .args(["try", "--", "no-such-program"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("cannot run \"no-such-program\""),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_shell_without_a_terminal_reads_its_input() {
    let home = TempDir::new().unwrap();
    let mut child = real(home.path())
        .arg("try")
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"docr certificates -o ids\nexit 4\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("shop-front\n"),
        "{}",
        stdout(&output)
    );
}

#[cfg(unix)]
mod signals {
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// Runs a script that prints the sandbox's URL; returns docr's exit code after a signal, and the address.
    fn signalled(text: &str, signal: Signal) -> (Option<i32>, String) {
        let home = TempDir::new().unwrap();
        let mut child = real(home.path())
            .args(["try", "-q", "--", "sh", "-c", text])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().to_owned();
        assert!(TcpStream::connect(&address).is_ok());
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        (child.wait().unwrap().code(), address)
    }

    #[test]
    fn a_signal_ends_the_command_and_the_sandbox_with_it() {
        for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
            let (ended, address) = signalled("echo $DOCR_SANDBOX_URL; exec sleep 60", signal);
            assert_eq!(ended, Some(code), "{signal:?}");
            assert!(TcpStream::connect(address).is_err());
        }
    }

    #[test]
    fn a_command_that_handles_the_signal_is_waited_for() {
        let text = "trap 'exit 5' INT; echo $DOCR_SANDBOX_URL; while :; do sleep 0.02; done";
        assert_eq!(signalled(text, Signal::INT).0, Some(5));
    }

    #[test]
    fn a_killed_command_has_the_exit_code_of_shells() {
        let home = TempDir::new().unwrap();
        let output = script(home.path(), "kill -9 $$");
        assert_eq!(output.status.code(), Some(137));
    }
}
