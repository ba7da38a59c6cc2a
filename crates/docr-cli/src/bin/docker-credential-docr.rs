//! `docker-credential-docr`: hands credentials of the registry out to Docker, Podman and others that speak its protocol.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docr_cli::docker_credential_docr().await
}
