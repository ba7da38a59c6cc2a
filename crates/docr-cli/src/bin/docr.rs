//! `docr`: the jobs around a DigitalOcean Container Registry, from the command line.

use std::process::ExitCode;

// One worker beside the main thread: signals are heard while that one works or waits for a file.
#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    docr_cli::docr().await
}
