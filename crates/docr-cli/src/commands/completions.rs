//! `docr completions`

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "In ~/.bashrc: source <(docr completions bash)",
        "docr completions bash",
    ),
    ("In a folder of $fpath, as _docr", "docr completions zsh"),
];

/// Print a script that lets a shell complete commands, options, and the names of registries, repositories and tags.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl Completions {
    #[allow(clippy::unused_async, reason = "as all commands")]
    pub(crate) async fn run(self, _: AccountArguments, output: &Output) -> Result<Outcome> {
        let shell: &dyn EnvCompleter = match self.shell {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
            Shell::Powershell => &Powershell,
        };
        let mut script = Vec::new();
        shell.write_registration("COMPLETE", "docr", "docr", "docr", &mut script)?;
        output.print_raw(&String::from_utf8(script)?)?;
        Ok(Outcome::Done)
    }
}
