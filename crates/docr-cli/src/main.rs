//! `docr`: the jobs around a DigitalOcean Container Registry, from the command line.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to a person through its output"
)]

mod account;
mod cli;
mod clock;
mod commands;
mod doctl;
mod output;
mod sample;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Arguments, Command};
use output::{Format, Outcome};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.output;
    match run(arguments).await {
        Ok(outcome) => outcome.into(),
        Err(error) => output::fail(format, &error),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let Arguments {
        account,
        output,
        command,
    } = arguments;
    if let Command::Prune(prune) = &command
        && prune.schema
    {
        return commands::prune::schema();
    }
    let account = account.open().await?;
    match command {
        Command::Login(login) => commands::login::run(&account, output, login).await,
        Command::KubernetesSecret(secret) => {
            commands::kubernetes_secret::run(&account, output, secret).await
        }
        Command::Gc { command } => commands::gc::run(&account, output, command).await,
        Command::Prune(prune) => commands::prune::run(&account, output, prune).await,
        Command::Usage => commands::usage::run(&account, output).await,
        Command::Certificates(certificates) => {
            commands::certificates::run(&account, output, certificates).await
        }
    }
}

/// Whether a person may be asked.
fn is_asked(format: Format) -> bool {
    use std::io::IsTerminal as _;
    format == Format::Table && std::io::stdin().is_terminal()
}
