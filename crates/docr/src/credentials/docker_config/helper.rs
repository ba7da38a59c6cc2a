//! Programs that keep credentials for Docker: `docker-credential-...`, by their protocol.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use docr_api::Secret;
use serde::Deserialize;
use serde_json::json;

use super::DockerConfigError;
use crate::text::clean;

/// What a helper says of a host that it doesn't know; it is compared as a text.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A credential helper, by the name that stands in Docker's configuration.
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

    /// Nothing to erase is no failure.
    pub(super) fn erase(&self, host: &str) -> Result<(), DockerConfigError> {
        match self.run("erase", host) {
            Err(DockerConfigError::Helper { said, .. }) if said == NOT_FOUND => Ok(()),
            end => end.map(drop),
        }
    }

    /// What is kept for a host.
    pub(super) fn get(&self, host: &str) -> Result<Option<(Secret, Secret)>, DockerConfigError> {
        let said = match self.run("get", host) {
            Err(DockerConfigError::Helper { said, .. }) if said == NOT_FOUND => return Ok(None),
            end => end?,
        };
        let kept: Kept = serde_json::from_str(said.expose())
            .map_err(|_| self.failed("get", "it answers with something else than credentials"))?;
        Ok(Some((kept.user.into(), kept.secret)))
    }

    /// Why it can't keep a credential that is not one of user and password.
    pub(super) fn takes_no_other_form(&self) -> DockerConfigError {
        self.failed("store", "the credential is not one of user and password")
    }

    /// What it says on success. A failure is said on the output, too.
    fn run(&self, action: &'static str, input: &str) -> Result<Secret, DockerConfigError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !self.0.chars().all(is_name) {
            return Err(self.failed(action, "that is not the name of a helper"));
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
            // One that ends early says why.
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
        Err(self.failed(action, said.unwrap_or("it fails without a word")))
    }

    fn failed(&self, action: &'static str, said: &str) -> DockerConfigError {
        DockerConfigError::Helper {
            name: clean(&self.0),
            action,
            said: clean(said),
        }
    }
}
