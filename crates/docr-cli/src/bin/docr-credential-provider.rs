//! `docr-credential-provider`: hands credentials of the registry out to the kubelet.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    docr_cli::docr_credential_provider().await
}
