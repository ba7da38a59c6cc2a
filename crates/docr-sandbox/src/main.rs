//! Runs the sandbox until ctrl-c or SIGTERM.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use docr_sandbox::Sandbox;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// The exit status when the port is in use.
const PORT_IN_USE: u8 = 3;
/// How long the end may take when it is demanded twice.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A local stand-in for the DigitalOcean Container Registry and certificates API.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS)]
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
    /// Speak HTTPS, for clients that refuse plain HTTP.
    #[arg(long)]
    tls: bool,
    /// Where to write the self-signed certificate that clients must trust.
    #[arg(long, requires = "tls", default_value = "docr-sandbox.pem")]
    tls_cert: PathBuf,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  stopped by ctrl-c or SIGTERM, which end it at once
  1  it can't start
  2  the arguments are wrong
  3  the port is in use";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let port = arguments.port;
    let ended = Runtime::new().and_then(|runtime| {
        let ended = runtime.block_on(run(arguments));
        // What waits for a client or a disk still doesn't hold up the end.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            complain(&format!(
                "port {port} of 127.0.0.1 is in use; choose another one with --port, or a free one with --port 0"
            ));
            ExitCode::from(PORT_IN_USE)
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // Before anyone can know that it runs.
    let mut signals = Signals::new()?;
    let mut builder = Sandbox::builder()
        .port(arguments.port)
        .tls(arguments.tls)
        .forget_requests(true)
        .credentials_for_own_host(true);
    if let Some(token) = arguments.token {
        builder = builder.token(token);
    }
    if let Some(folder) = arguments.data {
        builder = builder.data(folder);
    }
    let sandbox = builder.start().await?;
    let sample = arguments.sample.then(|| sandbox.add_sample()).transpose();
    let sample = sample.map_err(io::Error::other)?;
    introduce(&sandbox);
    if let Some(sample) = sample {
        say(&format!(
            "\nThe registry {} has sample images.\n\n\
             export DOCR_SAMPLE_CLUSTER={}",
            sample.registry, sample.cluster
        ));
    }
    if let Some(pem) = sandbox.certificate_pem() {
        write_certificate(&arguments.tls_cert, pem)?;
    }
    signals.next().await;
    let mut ending = tokio::spawn(sandbox.stop());
    tokio::select! {
        _ended = &mut ending => {}
        () = signals.next() => drop(timeout(LAST_WAIT, ending).await),
    }
    Ok(())
}

fn introduce(sandbox: &Sandbox) {
    let (url, token, host) = (sandbox.url(), sandbox.token(), sandbox.addr());
    say(&format!(
        "The sandbox listens on {url} and accepts the token {token}\n\
         Ctrl-C stops it. In the shell of your client:\n\n\
         export DIGITALOCEAN_API_URL={url}\n\
         export DIGITALOCEAN_TOKEN={token}\n\n\
         It is a registry, too, in which <registry> has been created by the API:\n\n\
         docker login -u {token} -p {token} {host}\n\
         docker push {host}/<registry>/<repository>"
    ));
}

fn write_certificate(file: &Path, pem: &str) -> io::Result<()> {
    std::fs::write(file, pem).map_err(|error| {
        let file = file.display();
        let message = format!(
            "the certificate can't be written to {file}: {error}; choose another file with --tls-cert"
        );
        io::Error::new(error.kind(), message)
    })?;
    // Absolute, since the client's shell may stand elsewhere.
    let path = std::path::absolute(file)?;
    let path = quoted(&path.display().to_string());
    say(&format!(
        "\nIts certificate is in {path}. For clients that ask for one file to trust:\n\n\
         export SSL_CERT_FILE={path}\n\
         export REQUESTS_CA_BUNDLE={path}"
    ));
    Ok(())
}

/// Tells the user something. The sandbox goes on when nobody reads it, as after `docr-sandbox | head -1`.
fn say(text: &str) {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("can't write to the standard output: {error}"));
        }
        _ => {}
    }
}

/// Not `eprintln!`, which panics when it can't be written.
fn complain(text: &str) {
    let _unheard = writeln!(io::stderr(), "docr-sandbox: {text}");
}

/// What ends the sandbox: ctrl-c, or the signal that ends a service.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        let _pressed = tokio::signal::ctrl_c().await;
    }
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
