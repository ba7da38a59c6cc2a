//! Runs the sandbox until ctrl-c.

#![allow(
    clippy::print_stderr,
    reason = "a command tells its user what went wrong"
)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use docr_sandbox::Sandbox;

/// A local stand-in for the DigitalOcean Container Registry and certificates API.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, env = "DOCR_SANDBOX_PORT", default_value_t = 0)]
    port: u16,
    /// Bearer token to accept; without it one is made up.
    #[arg(long, env = "DOCR_SANDBOX_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let port = arguments.port;
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            eprintln!(
                "docr-sandbox: port {port} of 127.0.0.1 is in use; choose another, or 0 for a free one"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("docr-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { port, token }: Arguments) -> io::Result<()> {
    let mut builder = Sandbox::builder().port(port);
    if let Some(token) = token {
        builder = builder.token(token);
    }
    let sandbox = builder.start().await?;
    let (url, token) = (sandbox.url(), sandbox.token());
    // Not `println!`, which panics when the reader of a pipe is gone.
    writeln!(
        io::stdout(),
        "The sandbox listens on {url} and accepts the token {token}\n\
         Ctrl-C stops it. In the shell of your client:\n\n\
         export DIGITALOCEAN_API_URL={url}\n\
         export DIGITALOCEAN_TOKEN={token}"
    )?;
    tokio::signal::ctrl_c().await?;
    sandbox.stop().await;
    Ok(())
}
