//! The examples in each command's help.

use std::{path::Path, thread};

use docr_sandbox::Sandbox;

use crate::shell::Shell;

/// All commands, as listed in the help.
pub(crate) fn commands() -> Vec<String> {
    let shell = Shell::new();
    let subcommands = |command: &str| -> Vec<String> {
        let help = shell.run(&format!("{command} --help")).out;
        let Some((_, rest)) = help.split_once("Commands:\n") else {
            return Vec::new();
        };
        let lines = rest.split("\n\n").next().unwrap().lines();
        let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        names
            .filter(|name| !name.is_empty() && *name != "help")
            .map(|name| format!("{command} {name}").trim().to_owned())
            .collect()
    };
    let mut all = Vec::new();
    for command in subcommands("") {
        match subcommands(&command) {
            below if below.is_empty() => all.push(command),
            below => all.extend(below),
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_has_two_examples_that_work() {
    let commands = commands();
    assert!(commands.len() > 30, "{commands:?}");
    let (even, odd) = commands.split_at(commands.len() / 2);
    thread::scope(|scope| {
        for part in [even, odd] {
            scope.spawn(move || part.iter().for_each(|command| check(command)));
        }
    });
}

fn check(command: &str) {
    let help = Shell::new().run(&format!("{command} --help")).out;
    let (_, examples) = help
        .split_once("\nExamples:\n")
        .unwrap_or_else(|| panic!("{help}"));
    let lines: Vec<_> = examples
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$ docr "))
        .collect();
    assert_eq!(lines.len(), 2, "{command}: {examples}");
    for line in lines {
        assert!(line.starts_with(command), "{command}: {line}");
        // These need a sandbox that outlives the command.
        let ended = match command {
            "logout" | "credentials revoke" | "configure-docker" => run_with_a_sandbox(line),
            // It runs docr itself.
            "try" => Shell::new().set("PATH", programs()).run(line),
            _ => {
                let shell = Shell::new();
                home(&shell).run(&format!("--sandbox {line}"))
            }
        };
        // Some checks exit with 3.
        assert!(matches!(ended.code, 0 | 3), "docr {line}\n{ended}");
    }
}

fn run_with_a_sandbox(line: &str) -> crate::shell::Ended {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.add_sample().unwrap();
        let shell = Shell::at(&sandbox).set("PATH", programs());
        let minted = shell.run("login --config-file config.json");
        assert_eq!(minted.code, 0, "{minted}");
        shell.run(line)
    })
}

/// Writes the files that the examples use.
fn home(shell: &Shell) -> &Shell {
    shell.write("rules.toml", "[[rule]]\nkeep_newest = 3\n");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters =
        rcgen::CertificateParams::new(vec!["mail.example.com".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2025, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2027, 1, 1);
    shell.write("key.pem", &key.serialize_pem());
    shell.write("cert.pem", &parameters.self_signed(&key).unwrap().pem());
    shell.write(
        "swap.sh",
        "#!/bin/sh\ntest -n \"$DOCR_NEW_CERTIFICATE_ID\"\n",
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(shell.home().join("swap.sh"), mode).unwrap();
    }
    shell
}

/// The directory of the programs.
pub(crate) fn programs() -> &'static str {
    let docr = Path::new(env!("CARGO_BIN_EXE_docr"));
    docr.parent().unwrap().to_str().unwrap()
}
