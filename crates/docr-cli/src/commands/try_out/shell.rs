//! The user's shell, with a prompt that shows that it is in the sandbox.

use std::{ffi::OsString, fs, io, path::Path, process::Command};

use anyhow::{Context as _, Result};

/// A startup file of a shell: its name and content.
type StartFile = (&'static str, &'static str);

const BASH: [StartFile; 1] = [(
    "bashrc",
    "[ -r ~/.bashrc ] && . ~/.bashrc\nPS1=\"(docr) $PS1\"\n",
)];
/// Zsh reads both of its files from `ZDOTDIR`.
const ZSH: [StartFile; 2] = [
    (".zshenv", "[ -r ~/.zshenv ] && . ~/.zshenv\n"),
    (
        ".zshrc",
        "[ -r ~/.zshrc ] && . ~/.zshrc\nPS1=\"(docr) $PS1\"\n",
    ),
];
const FISH: &str = "functions -c fish_prompt docr_outer_prompt; \
                    function fish_prompt; echo -n '(docr) '; docr_outer_prompt; end";

/// The command that starts the user's shell. Its startup files are written to a directory.
pub(super) fn command(directory: &Path, is_interactive: bool) -> Result<Command> {
    let shell = chosen();
    let mut command = Command::new(&shell);
    if !is_interactive {
        return Ok(command);
    }
    let name = Path::new(&shell).file_stem().unwrap_or_default();
    let write = |files: &[StartFile]| -> io::Result<()> {
        let mut files = files.iter();
        files.try_for_each(|(name, text)| fs::write(directory.join(name), text))
    };
    match name.to_str() {
        Some("bash") => {
            write(&BASH).context("the shell's startup file")?;
            command.arg("--rcfile").arg(directory.join("bashrc"));
        }
        Some("zsh") => {
            write(&ZSH).context("the shell's startup files")?;
            command.env("ZDOTDIR", directory);
        }
        Some("fish") => {
            command.args(["--init-command", FISH]);
        }
        _ if cfg!(windows) => {
            command.env("PROMPT", "(docr) $P$G");
        }
        _ => {
            command.env("PS1", "(docr) $ ");
        }
    }
    Ok(command)
}

fn chosen() -> OsString {
    let (variable, default) = match cfg!(windows) {
        true => ("COMSPEC", "cmd.exe"),
        false => ("SHELL", "/bin/sh"),
    };
    let set = std::env::var_os(variable).filter(|shell| !shell.is_empty());
    set.unwrap_or_else(|| default.into())
}
