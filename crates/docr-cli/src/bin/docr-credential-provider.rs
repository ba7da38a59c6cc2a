//! `docr-credential-provider`: a credential provider for the kubelet.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docr_cli::docr_credential_provider().await
}
