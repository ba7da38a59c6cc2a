//! `docker-credential-docr`: a credential helper for Docker, Podman and others.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docr_cli::docker_credential_docr().await
}
