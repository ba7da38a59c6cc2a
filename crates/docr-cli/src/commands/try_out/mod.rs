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
        "Log Docker in to the sandbox, in a configuration of its own",
        "docr try -- docr login",
    ),
];

/// Try docr in a local sandbox: in a shell, or with one command.
///
/// Starts a sandbox with sample images, sets the variables that lead docr, doctl and Terraform to it, and opens a shell or
/// runs COMMAND with them. Within it every docr command works in the sandbox, and nothing is real: Docker's configuration
/// and docr's own are in a folder that goes when the shell or COMMAND ends, like the sandbox. The exit code is theirs.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Try {
    /// Begin with the accounts, registries, images and certificates of this JSON file. DIGITALOCEAN_TOKEN is that of its
    /// accounts without a token of their own.
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// What to run [default: a shell].
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Try {
    pub(crate) async fn run(self, output: &Output) -> Result<Outcome> {
        let sandbox = sandbox::start(self.seed.as_deref()).await?;
        let folder = tempfile::tempdir().context("a folder for the configurations")?;
        let environment = Environment::of(&sandbox, folder.path());
        introduce(&sandbox, &environment, self.command.is_empty(), output);
        let mut command = match self.command.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
            None => shell::command(folder.path(), io::stdin().is_terminal())?,
        };
        environment.apply(&mut command);
        Ok(Outcome::Exited(child::run(command).await?))
    }
}

fn introduce(sandbox: &Sandbox, environment: &Environment, is_shell: bool, output: &Output) {
    let what = if is_shell { "shell" } else { "command" };
    output.note(format_args!(
        "The sandbox is at {url}, its page at {url}/_docr/ui. Nothing in it is real, and it ends with this {what}. \
         For other shells:",
        url = sandbox.url()
    ));
    output.note_verbatim(&format!("\n{environment}"));
    if is_shell {
        output.note("Begin with: docr usage. Leave with: exit.");
    }
}
