//! The programs of docr: the command `docr`, and those that Docker and Kubernetes start to get credentials,
//! `docker-credential-docr` and `docr-credential-provider`. Each is a function here; nothing else is meant to be used.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to a person through its output"
)]

mod account;
mod cli;
mod clusters;
mod commands;
mod complete;
mod doctl;
mod habits;
mod help;
mod helpers;
mod interrupt;
mod ledger;
mod minted;
mod names;
mod output;
mod sandbox;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use cli::Cli;

pub use helpers::{docker_credential_docr, docr_credential_provider};

/// The command `docr`, with the arguments of the process.
pub async fn docr() -> ExitCode {
    // A shell that completes a line, as `docr completions` lets it.
    CompleteEnv::with_factory(Cli::command).complete();
    let arguments = std::env::args_os();
    if let Some(hostile) = arguments
        .map(|text| text.to_string_lossy().into_owned())
        // What comes after is another program's.
        .take_while(|text| text != "--")
        .find(|text| text.contains(char::is_control))
    {
        let message =
            format!("argument {hostile:?}: control characters can't stand in an argument");
        return output::fail(
            output::Format::Table,
            &anyhow::Error::new(output::WrongInput(message)),
        );
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are texts of our own; an error quotes what it was given.
        Err(error) if error.use_stderr() => {
            let line = std::env::args_os().skip(1);
            let line: Vec<_> = line
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            return output::refuse(&habits::explain(error, &line));
        }
        Err(text) => text.exit(),
    };
    let format = cli.format();
    match cli.run().await {
        Ok(outcome) => outcome.into(),
        Err(error) => output::fail(format, &error),
    }
}
