//! The shells that `docr try` opens: their prompts show that, and they complete lines.

use std::{env, path::Path, process::Command};

use crate::{
    shell::{DOCR, Shell},
    terminal::OnTerminal,
};

/// A shell, its startup file, and the content of that.
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
fn a_shell_of_docr_try_has_a_prompt_of_its_own_and_completes_names_of_the_sandbox() {
    for (name, file, text) in SHELLS {
        let Some(program) = program(name) else {
            continue;
        };
        let shell = Shell::new()
            .set("SHELL", program)
            .set("PATH", "/usr/bin:/bin");
        shell.write(file, text);
        // Without this directory fish reads all manual pages in the background.
        shell.write(".local/share/fish/generated_completions/none", "");
        // A shell needs a controlling terminal.
        let mut leader = Command::new("setsid");
        leader.args(["--ctty", DOCR]);
        let mut command = shell.run_by(leader, "try");
        // Without escapes, so that the output can be compared.
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

/// The path of a shell. In CI a missing one is a failure.
#[allow(clippy::print_stderr, reason = "a test reports what it skips")]
fn program(name: &str) -> Option<String> {
    let mut places = ["/usr/bin", "/bin", "/usr/local/bin"].into_iter();
    let found = places.find_map(|place| {
        let path = format!("{place}/{name}");
        Path::new(&path).is_file().then_some(path)
    });
    let is_required = env::var_os("DOCR_REQUIRE_TOOLS").is_some();
    assert!(found.is_some() || !is_required, "{name} is missing");
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}
