//! `docr`: DigitalOcean container registries and TLS certificates from the command line.

use std::process::ExitCode;

// One worker besides the main thread: signals are received while the main thread is busy or blocked.
#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    docr_cli::docr().await
}
