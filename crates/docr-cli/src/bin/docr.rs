//! `docr`: the jobs around a DigitalOcean Container Registry, from the command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docr_cli::docr().await
}
