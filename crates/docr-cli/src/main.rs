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
mod interrupt;
mod output;
mod sample;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = cli.output;
    match cli.run().await {
        Ok(outcome) => outcome.into(),
        Err(error) => output::fail(format, &error),
    }
}
