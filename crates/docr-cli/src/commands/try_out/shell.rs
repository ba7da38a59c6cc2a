//! The user's shell, with a prompt that says where it is.

use std::{ffi::OsString, fs, io, path::Path, process::Command};

use anyhow::{Context as _, Result};

/// A file that a shell reads when it begins: its name and text.
type StartFile = (&'static str, &'static str);

const BASH: [StartFile; 1] = [(
    "bashrc",
    "[ -r ~/.bashrc ] && . ~/.bashrc\nPS1=\"(docr) $PS1\"\n",
)];
/// Z shell looks for both of its files in the folder that it is given.
const ZSH: [StartFile; 2] = [
    (".zshenv", "[ -r ~/.zshenv ] && . ~/.zshenv\n"),
    (
        ".zshrc",
        "[ -r ~/.zshrc ] && . ~/.zshrc\nPS1=\"(docr) $PS1\"\n",
    ),
];
const FISH: &str = "functions -c fish_prompt docr_outer_prompt; \
                    function fish_prompt; echo -n '(docr) '; docr_outer_prompt; end";

/// The shell that the user has chosen. Start files of its own go into a folder.
pub(super) fn command(folder: &Path, is_interactive: bool) -> Result<Command> {
    let shell = chosen();
    let mut command = Command::new(&shell);
    if !is_interactive {
        return Ok(command);
    }
    let name = Path::new(&shell).file_stem().unwrap_or_default();
    let write = |files: &[StartFile]| -> io::Result<()> {
        let mut files = files.iter();
        files.try_for_each(|(name, text)| fs::write(folder.join(name), text))
    };
    match name.to_str() {
        Some("bash") => {
            write(&BASH).context("the shell's start file")?;
            command.arg("--rcfile").arg(folder.join("bashrc"));
        }
        Some("zsh") => {
            write(&ZSH).context("the shell's start files")?;
            command.env("ZDOTDIR", folder);
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
