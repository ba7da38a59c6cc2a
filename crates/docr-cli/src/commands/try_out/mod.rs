//! `docr try`

mod child;
mod environment;
mod shell;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::Args;
use docr_sandbox::Sandbox;

use crate::{
    help::{Examples, examples},
    output::{Outcome, Output},
    sandbox,
};
use environment::Environment;

const EXAMPLES: Examples = [
    (
        "Run a command against a sandbox with sample images",
        "docr try -- docr usage",
    ),
    (
        "Log Docker in to the sandbox, in a separate configuration",
        "docr try -- docr login",
    ),
];

/// Try docr in a local sandbox: in a shell, or with one command.
///
/// Starts a sandbox with sample images, and opens a shell or runs COMMAND with the variables that point docr, doctl and
/// Terraform to it. Every docr command then works in the sandbox, and nothing real is changed. The configurations of
/// Docker and docr are in a temporary directory, which is deleted with the sandbox when the shell or COMMAND ends. docr
/// exits with its exit code.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Try {
    /// JSON file with the accounts, registries, images and certificates to start with. An account without a token gets
    /// that of DIGITALOCEAN_TOKEN.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Command to run [default: your shell].
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Try {
    pub(crate) async fn run(self, output: &Output) -> Result<Outcome> {
        let sandbox = sandbox::start(self.seed.as_deref()).await?;
        let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
        let environment = Environment::of(&sandbox, directory.path());
        introduce(&sandbox, &environment, self.command.is_empty(), output);
        let mut command = match self.command.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            None => shell::command(directory.path(), io::stdin().is_terminal())?,
        };
        environment.apply(&mut command);
        Ok(Outcome::Exited(child::run(command).await?))
    }
}

fn introduce(sandbox: &Sandbox, environment: &Environment, is_shell: bool, output: &Output) {
    let what = if is_shell { "shell" } else { "command" };
    output.note(format_args!(
        "The sandbox runs at {url}, with a dashboard at {url}/_docr/ui. It ends with this {what}. \
         To use it in another shell:",
        url = sandbox.url()
    ));
    output.note_verbatim(&format!("\n{environment}"));
    if is_shell {
        output.note("To look around: docr usage. To leave: exit.");
    }
}
