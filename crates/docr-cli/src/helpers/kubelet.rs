//! `docr-credential-provider`, by the protocol of the kubelet's image credential providers.

use std::{
    io::{self, Read as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use docr::for_terminal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Source, host_of, in_time, is_ours, parts};
use crate::interrupt::{Interrupt, exit_on_signals};

/// The versions of the protocol; a response has the version of its request.
const VERSIONS: [&str; 2] = [
    "credentialprovider.kubelet.k8s.io/v1",
    "credentialprovider.kubelet.k8s.io/v1beta1",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    image: String,
}

/// The program `docr-credential-provider`, a credential provider for the kubelet, with the standard input of the
/// process.
pub async fn docr_credential_provider() -> ExitCode {
    // The request in progress is finished, and its result kept.
    let _exits = exit_on_signals(|| {});
    let _finishes = Interrupt::listen();
    let end = in_time(run()).await.and_then(|response| {
        let mut out = io::stdout();
        writeln!(out, "{response}")?;
        Ok(out.flush()?)
    });
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The kubelet logs it. If writing fails, there is nowhere left to report it.
            let _ = writeln!(
                io::stderr(),
                "{}",
                for_terminal(&format!("{error:#}"), 2000)
            );
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Value> {
    let mut input = String::new();
    // A request has about 1 KiB, or a little more with a service account's token.
    io::stdin().take(1 << 20).read_to_string(&mut input)?;
    let request: Request =
        serde_json::from_str(&input).context("the input is not a CredentialProviderRequest")?;
    if request.kind != "CredentialProviderRequest" {
        bail!("{:?} is not a CredentialProviderRequest", request.kind);
    }
    if !VERSIONS.contains(&request.api_version.as_str()) {
        bail!(
            "{:?} is not supported; supported versions: {}",
            request.api_version,
            VERSIONS.join(", ")
        );
    }
    let host = host_of(&request.image);
    if !is_ours(host) {
        return Ok(response(&request.api_version, Duration::ZERO, json!({})));
    }
    let kept = Source::open()?.credentials().await?;
    let (user, password) = parts(&kept.credentials)?;
    // The kubelet drops them after half of the time that is left.
    let half = kept.left.map_or(Duration::from_secs(3600), |left| left / 2);
    let auth = json!({ host: { "username": user.expose(), "password": password.expose() } });
    Ok(response(&request.api_version, half, auth))
}

fn response(version: &str, keep: Duration, auth: Value) -> Value {
    json!({
        "kind": "CredentialProviderResponse",
        "apiVersion": version,
        "cacheKeyType": "Registry",
        "cacheDuration": go_duration(keep),
        "auth": auth,
    })
}

/// As Go writes it: `6h0m0s`.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{}s", seconds % 60),
        _ => format!("{hours}h{minutes}m{}s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m1s"),
            (21_600, "6h0m0s"),
            (90_061, "25h1m1s"),
        ] {
            assert_eq!(go_duration(Duration::from_secs(seconds)), text);
        }
    }
}
