//! The programs of docr: the command `docr`, and `docker-credential-docr` and `docr-credential-provider`, which Docker
//! and Kubernetes run to get credentials. Each is a function here; there is no other public API.

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
    // A shell is completing a line, by the script of `docr completions`.
    CompleteEnv::with_factory(Cli::command).complete();
    let arguments = std::env::args_os();
    if let Some(hostile) = arguments
        .map(|text| text.to_string_lossy().into_owned())
        // The rest belongs to another program.
        .take_while(|text| text != "--")
        .find(|text| text.contains(char::is_control))
    {
        let message = format!("argument {hostile:?}: control characters are not allowed");
        return output::fail(
            output::Format::Table,
            &anyhow::Error::new(output::WrongInput(message)),
        );
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are our own texts; an error quotes the arguments.
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
