//! The shells that `docr try` opens: their prompts say where they are, and they complete lines.

use std::{env, path::Path, process::Command};

use crate::{
    shell::{DOCR, Shell},
    terminal::OnTerminal,
};

/// A shell, and a file that it reads when it begins.
const SHELLS: [(&str, &str, &str); 3] = [
    (
        "bash",
        ".bashrc",
        "source <(docr completions bash)\nPS1='mine> '\n",
    ),
    (
        "zsh",
        ".zshrc",
        "autoload -U compinit; compinit -u -D\nsource <(docr completions zsh)\nPS1='mine> '\n",
    ),
    (
        "fish",
        ".config/fish/config.fish",
        "docr completions fish | source\nfunction fish_prompt; echo -n 'mine> '; end\n",
    ),
];

#[test]
fn a_shell_of_docr_try_says_where_it_is_and_completes_names_of_the_sandbox() {
    for (name, file, text) in SHELLS {
        let Some(program) = program(name) else {
            continue;
        };
        let shell = Shell::new()
            .set("SHELL", program)
            .set("PATH", "/usr/bin:/bin");
        shell.write(file, text);
        // Without this folder fish goes on in the background, to read all manual pages.
        shell.write(".local/share/fish/generated_completions/none", "");
        // A shell wants a terminal of its own.
        let mut leader = Command::new("setsid");
        leader.args(["--ctty", DOCR]);
        let mut command = shell.run_by(leader, "try");
        // One that knows no escapes, so that what a shell writes can be read.
        command.env("TERM", "dumb");
        let mut running = OnTerminal::of(command, 200);
        running.wait_for("export DIGITALOCEAN_TOKEN=");
        running.wait_for("(docr) mine> ");
        running.types("docr registry show sa\t");
        running.wait_for("docr registry show sample");
        running.types("\n");
        running.wait_for("CREATED");
        running.types("exit 6\n");
        let (code, seen) = running.end();
        assert_eq!(code, 6, "{name}: {seen}");
    }
}

/// Where a shell is. CI makes it a failure where one is missing.
#[allow(
    clippy::print_stderr,
    reason = "a test that leaves something out says so"
)]
fn program(name: &str) -> Option<String> {
    let mut places = ["/usr/bin", "/bin", "/usr/local/bin"].into_iter();
    let found = places.find_map(|place| {
        let path = format!("{place}/{name}");
        Path::new(&path).is_file().then_some(path)
    });
    let is_required = env::var_os("DOCR_REQUIRE_TOOLS").is_some();
    assert!(found.is_some() || !is_required, "{name} is missing");
    if found.is_none() {
        eprintln!("left out: {name} is not there");
    }
    found
}
