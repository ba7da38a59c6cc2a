//! `docker-credential-docr`, by the protocol of Docker's credential helpers.
//!
//! Docker, Podman and others compare its messages with fixed texts, and some fail on any output on stderr: all messages
//! go to stdout.

use std::{
    env,
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use anyhow::{Error, Result, anyhow, bail};
use docr::for_terminal;
use serde_json::json;

use super::{Source, host_of, in_time, is_ours, parts};
use crate::{
    interrupt::{Interrupt, exit_on_signals},
    output::NoToken,
};

const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_URL: &str = "no credentials server URL";

/// The program `docker-credential-docr`, a credential helper for Docker, Podman and others, with the arguments and the
/// standard input of the process.
pub async fn docker_credential_docr() -> ExitCode {
    let action = env::args().nth(1).unwrap_or_default();
    // Ctrl-C reaches the client and this program: the request in progress is finished, and its result kept.
    let _exits = exit_on_signals(|| {});
    let _finishes = Interrupt::listen();
    let end = in_time(run(&action)).await;
    let (text, code) = match end {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(error) => (message(&error), ExitCode::FAILURE),
    };
    let mut out = io::stdout();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => code,
        // What was minted is kept for the next call.
        Err(_) => ExitCode::FAILURE,
    }
}

/// The message of a failure, on one line.
fn message(error: &Error) -> String {
    // Docker then continues without credentials.
    if error.chain().any(|cause| cause.is::<NoToken>()) {
        return NOT_FOUND.to_owned();
    }
    for_terminal(&format!("{error:#}"), 2000)
}

async fn run(action: &str) -> Result<String> {
    match action {
        "get" => get(&input()?).await,
        // Docker stores what it logged in with; it gets minted credentials regardless.
        "store" => input().map(|_| String::new()),
        "erase" => erase(&input()?).await,
        "list" => list(),
        "version" | "--version" => Ok(format!(
            "docker-credential-docr {}",
            env!("CARGO_PKG_VERSION")
        )),
        _ => bail!("usage: docker-credential-docr get|store|erase|list|version"),
    }
}

fn input() -> Result<String> {
    let mut input = String::new();
    // More than any address or credential has.
    io::stdin().take(1 << 20).read_to_string(&mut input)?;
    match input.trim() {
        "" => Err(anyhow!(NO_URL)),
        _ => Ok(input),
    }
}

async fn get(address: &str) -> Result<String> {
    if !is_ours(host_of(address)) {
        bail!(NOT_FOUND);
    }
    let kept = Source::open()?.credentials().await?;
    let (user, secret) = parts(&kept.credentials)?;
    let entry = json!({
        "ServerURL": address.trim(),
        "Username": user.expose(),
        "Secret": secret.expose(),
    });
    Ok(entry.to_string())
}

/// Revokes the kept credentials, if any.
async fn erase(address: &str) -> Result<String> {
    if !is_ours(host_of(address)) {
        return Ok(String::new());
    }
    let source = match Source::open() {
        Err(error) if error.chain().any(|cause| cause.is::<NoToken>()) => return Ok(String::new()),
        source => source?,
    };
    if let Some(registry) = source.known_registry() {
        source.files.revoke(&registry, source.wanted()).await?;
    }
    Ok(String::new())
}

/// Docker calls `get` for each entry, so nothing is minted here.
fn list() -> Result<String> {
    let kept = match Source::open() {
        Err(error) if error.chain().any(|cause| cause.is::<NoToken>()) => None,
        source => source?.kept(),
    };
    Ok(match kept {
        Some(kept) => {
            json!({ super::own_host(): parts(&kept.credentials)?.0.expose() }).to_string()
        }
        None => "{}".to_owned(),
    })
}
