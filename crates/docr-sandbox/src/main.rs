//! Runs the sandbox until ctrl-c.

#![allow(
    clippy::print_stderr,
    reason = "a command tells its user what went wrong"
)]

use std::io::{self, Write};
use std::path::PathBuf;
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
    /// Begin with sample content: a registry with images, a cluster and a certificate.
    #[arg(long)]
    sample: bool,
    /// Keep everything in this folder, and go on where an earlier sandbox ended.
    #[arg(long, env = "DOCR_SANDBOX_DATA")]
    data: Option<PathBuf>,
    /// Let Let's Encrypt issue for this domain, and others that are given so, only; without it for any.
    #[arg(long, value_name = "DOMAIN")]
    managed_domain: Vec<String>,
    /// Speak HTTPS, for clients that refuse plain HTTP.
    #[arg(long)]
    tls: bool,
    /// Where to write the self-signed certificate that clients must trust.
    #[arg(long, requires = "tls", default_value = "docr-sandbox.pem")]
    tls_cert: PathBuf,
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

async fn run(arguments: Arguments) -> io::Result<()> {
    let mut builder = Sandbox::builder()
        .port(arguments.port)
        .tls(arguments.tls)
        .forget_requests(true)
        .credentials_for_own_host(true);
    if let Some(token) = arguments.token {
        builder = builder.token(token);
    }
    if !arguments.managed_domain.is_empty() {
        builder = builder.managed_domains(arguments.managed_domain);
    }
    if let Some(folder) = arguments.data {
        builder = builder.data(folder);
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
    let host = sandbox.addr();
    writeln!(
        io::stdout(),
        "\nIt is a registry, too, in which <registry> has been created by the API:\n\n\
         docker login -u {token} -p {token} {host}\n\
         docker push {host}/<registry>/<repository>"
    )?;
    if arguments.sample {
        let sample = sandbox.add_sample().map_err(io::Error::other)?;
        writeln!(
            io::stdout(),
            "\nThe registry {} has sample images.\n\n\
             export DOCR_SAMPLE_CLUSTER={}",
            sample.registry,
            sample.cluster
        )?;
    }
    if let Some(pem) = sandbox.certificate_pem() {
        std::fs::write(&arguments.tls_cert, pem)?;
        // Absolute, since the client's shell may stand elsewhere.
        let path = std::path::absolute(&arguments.tls_cert)?;
        let path = quoted(&path.display().to_string());
        writeln!(
            io::stdout(),
            "\nIts certificate is in {path}. For clients that ask for one file to trust:\n\n\
             export SSL_CERT_FILE={path}\n\
             export REQUESTS_CA_BUNDLE={path}"
        )?;
    }
    until_told_to_stop().await?;
    sandbox.stop().await;
    Ok(())
}

/// Waits for ctrl-c, or for what ends a service.
async fn until_told_to_stop() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => stopped,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// A word as every POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_read_more_than_a_word() {
        assert_eq!(quoted("/tmp/docr-sandbox.pem"), "/tmp/docr-sandbox.pem");
        assert_eq!(quoted("/tmp/my files/a.pem"), "'/tmp/my files/a.pem'");
        assert_eq!(quoted("/tmp/it's; $HOME"), r"'/tmp/it'\''s; $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
