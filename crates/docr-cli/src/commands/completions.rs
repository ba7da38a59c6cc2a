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
        "For ~/.bashrc: source <(docr completions bash)",
        "docr completions bash",
    ),
    (
        "For a directory of $fpath, as _docr",
        "docr completions zsh",
    ),
];

/// Print a completion script for a shell.
///
/// It completes commands, options, and the names of registries, repositories, tags, certificates and clusters.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Completions {
    /// Shell to print the script for.
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
