//! Credentials with which Docker and Kubernetes pull and push.

use std::{fmt, time::Duration};

use docr_api::{Secret, types};

use crate::InvalidInput;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What credentials to mint: for reading or also for writing, and for how long.
///
/// ```
/// use std::time::Duration;
/// use docr::CredentialsRequest;
///
/// let for_a_cluster = CredentialsRequest::read_only();
/// let for_a_build = CredentialsRequest::read_write().expires_in(Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct CredentialsRequest {
    read_write: bool,
    expires_in: Option<Duration>,
}

impl CredentialsRequest {
    /// Credentials that can pull, for 30 days.
    pub fn read_only() -> Self {
        Self {
            read_write: false,
            expires_in: Some(30 * DAY),
        }
    }

    /// Credentials that can pull, push and delete, for 30 days.
    pub fn read_write() -> Self {
        Self {
            read_write: true,
            ..Self::read_only()
        }
    }

    /// How long the credentials are good for, in whole seconds, rounded down.
    pub fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = Some(duration);
        self
    }

    /// Credentials that never expire. Whoever gets hold of them keeps access until they are revoked.
    pub fn never_expires(mut self) -> Self {
        self.expires_in = None;
        self
    }

    pub(crate) fn is_read_write(self) -> bool {
        self.read_write
    }

    /// The seconds as they travel, where 0 means never.
    pub(crate) fn expiry_seconds(self) -> Result<u64, InvalidInput> {
        match self.expires_in.map(|duration| duration.as_secs()) {
            // Sent as 0, a fraction of a second would become forever.
            Some(0) => Err(InvalidInput::new(
                "credentials' expiry",
                format!("{:?}", self.expires_in.unwrap_or_default()),
                "is below a second; for credentials without an expiry, call never_expires",
            )),
            Some(seconds) => Ok(seconds),
            None => Ok(0),
        }
    }
}

/// Credentials for `registry.digitalocean.com`. They open every registry of the account; `Debug` hides
/// them.
#[derive(Clone)]
pub struct DockerCredentials {
    answer: types::DockerCredentials,
    request: CredentialsRequest,
}

impl DockerCredentials {
    /// The host that the credentials are for, the key under `auths` in a Docker `config.json`.
    pub const HOST: &str = "registry.digitalocean.com";

    pub(crate) fn new(answer: types::DockerCredentials, request: CredentialsRequest) -> Self {
        Self { answer, request }
    }

    /// The credential, base64, as it stands under `auth` in a Docker `config.json`.
    pub fn auth(&self) -> &Secret {
        &self.answer.auths.registry_digitalocean_com.auth
    }

    /// A complete Docker `config.json` with these credentials and nothing else.
    pub fn docker_config_json(&self) -> Secret {
        let config = serde_json::json!({
            "auths": { Self::HOST: { "auth": self.auth().expose() } }
        });
        Secret::from(config.to_string())
    }

    /// Whether the credentials can push and delete.
    pub fn is_read_write(&self) -> bool {
        self.request.read_write
    }

    /// How long the credentials are good for, from when they were minted; `None` if they don't expire.
    pub fn expires_in(&self) -> Option<Duration> {
        self.request.expires_in
    }
}

impl fmt::Debug for DockerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerCredentials")
            .field("host", &Self::HOST)
            .field("auth", self.auth())
            .field("read_write", &self.request.read_write)
            .field("expires_in", &self.request.expires_in)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_below_a_second_does_not_become_forever() {
        let request = CredentialsRequest::read_only().expires_in(Duration::from_millis(999));
        let error = request.expiry_seconds().unwrap_err();
        assert_eq!(
            error.to_string(),
            "credentials' expiry \"999ms\": is below a second; \
             for credentials without an expiry, call never_expires"
        );
    }

    #[test]
    fn credentials_expire_unless_asked_otherwise() {
        assert_eq!(
            CredentialsRequest::read_write().expiry_seconds(),
            Ok(2_592_000)
        );
        assert_eq!(
            CredentialsRequest::read_only()
                .never_expires()
                .expiry_seconds(),
            Ok(0)
        );
    }
}
