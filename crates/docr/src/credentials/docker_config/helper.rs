//! Docker's credential helpers, the programs `docker-credential-...`, and their protocol.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use docr_api::Secret;
use serde::Deserialize;
use serde_json::json;

use super::DockerConfigError;
use crate::text::clean;

/// A helper's message for an unknown host, which the protocol compares as text.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A credential helper, by its name in Docker's configuration.
pub(super) struct Helper(pub(super) String);

#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: Secret,
}

impl Helper {
    pub(super) fn store(
        &self,
        host: &str,
        user: &str,
        secret: &Secret,
    ) -> Result<(), DockerConfigError> {
        let entry = json!({ "ServerURL": host, "Username": user, "Secret": secret.expose() });
        self.run("store", Secret::from(entry.to_string()).expose())
            .map(drop)
    }

    /// Deletes the credentials of a host, if there are any.
    pub(super) fn erase(&self, host: &str) -> Result<(), DockerConfigError> {
        match self.run("erase", host) {
            Err(DockerConfigError::Helper { said, .. }) if said == NOT_FOUND => Ok(()),
            end => end.map(drop),
        }
    }

    /// The user name and password of a host.
    pub(super) fn get(&self, host: &str) -> Result<Option<(Secret, Secret)>, DockerConfigError> {
        let said = match self.run("get", host) {
            Err(DockerConfigError::Helper { said, .. }) if said == NOT_FOUND => return Ok(None),
            end => end?,
        };
        let kept: Kept = serde_json::from_str(said.expose())
            .map_err(|_| self.failed("get", "its output is not valid credentials"))?;
        Ok(Some((kept.user.into(), kept.secret)))
    }

    /// The error for a credential without user and password, which the protocol doesn't support.
    pub(super) fn takes_no_other_form(&self) -> DockerConfigError {
        self.failed("store", "the credential is not a user name and password")
    }

    /// Its output on success. The protocol writes errors to the standard output, too.
    fn run(&self, action: &'static str, input: &str) -> Result<Secret, DockerConfigError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !self.0.chars().all(is_name) {
            return Err(self.failed(action, "this is not a valid name of a helper"));
        }
        let io = |error: std::io::Error| self.failed(action, &error.to_string());
        let mut child = Command::new(format!("docker-credential-{}", self.0))
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that exits early reports why.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(io)?;
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            return Ok(Secret::from(said.trim()));
        }
        let also = String::from_utf8_lossy(&output.stderr);
        let said = [said.trim(), also.trim()]
            .into_iter()
            .find(|said| !said.is_empty());
        Err(self.failed(action, said.unwrap_or("it printed no message")))
    }

    fn failed(&self, action: &'static str, said: &str) -> DockerConfigError {
        DockerConfigError::Helper {
            name: clean(&self.0),
            action,
            said: clean(said),
        }
    }
}
