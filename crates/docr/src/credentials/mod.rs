//! Credentials with which Docker and Kubernetes pull and push.

// Calculates with numbers and times from outside.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod cache;
mod docker_config;
#[cfg(feature = "credential-files")]
mod files;
mod kubernetes;
mod mint;
mod place;

use std::{collections::BTreeMap, fmt, sync::LazyLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use docr_api::{Secret, types};
use serde::Serialize;

use crate::{
    call::{Core, Target, call},
    error::{Error, InvalidInput, Result},
};

pub use cache::CredentialsCache;
pub use docker_config::{DockerConfig, DockerConfigError};
#[cfg(feature = "credential-files")]
pub use files::{CredentialFiles, KeptCredentials};
pub use kubernetes::KubernetesSecret;
pub(crate) use mint::{or_revoke, revoke};

/// The longest expiry that the service accepts, in seconds.
const LONGEST: u64 = 50 * 365 * 24 * 60 * 60;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Which credentials to mint: read-only or read-write, and for how long.
///
/// ```
/// use std::time::Duration;
/// use docr::CredentialsRequest;
///
/// let for_a_cluster = CredentialsRequest::read_only().never_expires();
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
            expires_in: Some(MONTH),
        }
    }

    /// Credentials that can pull, push and delete, for 30 days.
    pub fn read_write() -> Self {
        Self {
            read_write: true,
            ..Self::read_only()
        }
    }

    /// How long the credentials are valid, in whole seconds, rounded down; at most 50 years of 365 days.
    pub fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = Some(duration);
        self
    }

    /// Credentials that never expire. Whoever has them keeps access until they are revoked.
    pub fn never_expires(mut self) -> Self {
        self.expires_in = None;
        self
    }

    pub(crate) fn is_read_write(self) -> bool {
        self.read_write
    }

    /// The seconds for the request, where 0 means never.
    pub(crate) fn expiry_seconds(self) -> Result<u64, InvalidInput> {
        match self.expires_in.map(|duration| duration.as_secs()) {
            // Sent as 0, a fraction of a second would become forever.
            Some(0) => Err(InvalidInput::new(
                "credentials' expiry",
                format!("{:?}", self.expires_in.unwrap_or_default()),
                "is below a second; for credentials without an expiry, request ones that never expire",
            )),
            Some(seconds) if seconds > LONGEST => Err(InvalidInput::new(
                "credentials' expiry",
                format!("{seconds} s"),
                format!(
                    "is above {LONGEST} s (50 years), the maximum; for credentials without an expiry, request ones that never expire"
                ),
            )),
            Some(seconds) => Ok(seconds),
            None => Ok(0),
        }
    }
}

/// Credentials for `registry.digitalocean.com`. They give access to all registries of the account; `Debug` hides
/// them.
///
/// ```no_run
/// use docr::CredentialsRequest;
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
/// std::fs::write("config.json", credentials.docker_config_json().expose())?;
/// println!("read-write: {}, valid for {:?}", credentials.is_read_write(), credentials.expires_in());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DockerCredentials {
    response: types::DockerCredentials,
    request: CredentialsRequest,
}

impl DockerCredentials {
    /// The host that the credentials are for, the key under `auths` in a Docker `config.json`.
    pub const HOST: &str = crate::names::HOST;

    /// `None` for a response without a credential.
    pub(crate) fn new(
        response: types::DockerCredentials,
        request: CredentialsRequest,
    ) -> Option<Self> {
        let credentials = Self { response, request };
        let has_any = credentials.hosts().next().is_some();
        has_any.then_some(credentials)
    }

    /// Mints credentials. Each call leaves another one with the service, unless it is dropped: then they are revoked.
    pub(crate) async fn mint(registry: &Target, wanted: CredentialsRequest) -> Result<Self> {
        let expiry_seconds = wanted.expiry_seconds()?;
        let name = registry.name.clone();
        let mint = async move |core: Core| {
            let minted = call!(
                core,
                registries_get_docker_credentials
                    .registry_name(name.as_str())
                    .read_write(wanted.is_read_write())
                    .expiry_seconds(expiry_seconds)
            );
            let operation = docr_api::operations::registries_get_docker_credentials();
            Self::new(minted?, wanted).ok_or_else(|| Error::no_credentials(operation))
        };
        or_revoke(&registry.core, mint).await
    }

    /// The hosts of the credentials, each with the value of `auth` in a Docker `config.json`: [`HOST`](Self::HOST), and
    /// any others that the service may add.
    ///
    /// ```
    /// # fn example(credentials: docr::DockerCredentials) {
    /// for (host, auth) in credentials.hosts() {
    ///     println!("{host}: {} bytes", auth.expose().len());
    /// }
    /// # }
    /// ```
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let auths = &self.response.auths;
        let main = auths.registry_digitalocean_com.iter();
        let main = main.map(|entry| (Self::HOST, entry));
        let others = auths.extra.iter();
        let others = others.map(|(host, entry)| (host.as_str(), entry));
        let all = main.chain(others);
        all.filter_map(|(host, entry)| Some((host, entry.auth.as_ref()?)))
    }

    /// The credential, base64, the value of `auth` in a Docker `config.json`; that of the first of the
    /// [`hosts`](Self::hosts), if there is none for [`HOST`](Self::HOST).
    ///
    /// ```
    /// # fn example(credentials: docr::DockerCredentials) {
    /// let entry = serde_json::json!({ "auth": credentials.auth().expose() });
    /// # }
    /// ```
    pub fn auth(&self) -> &Secret {
        static NONE: LazyLock<Secret> = LazyLock::new(|| Secret::from(""));
        self.hosts().next().map_or(&*NONE, |(_, auth)| auth)
    }

    /// A complete Docker `config.json` with these credentials and nothing else.
    pub fn docker_config_json(&self) -> Secret {
        let auths = self.hosts().map(|(host, auth)| (host, Auth { auth }));
        let config = Config {
            auths: auths.collect(),
        };
        // Texts can always be written as JSON.
        Secret::from(serde_json::to_string(&config).unwrap_or_default())
    }

    /// The credential as user name and password, for programs that need these; `None` if it has a form that this version
    /// doesn't know. Don't rely on the form of either part.
    ///
    /// ```
    /// # use docr::DockerCredentials;
    /// # fn example(credentials: DockerCredentials) {
    /// if let Some((user, password)) = credentials.user_and_password() {
    ///     println!("docker login --username {} --password-stdin {}", user.expose(), DockerCredentials::HOST);
    /// }
    /// # }
    /// ```
    pub fn user_and_password(&self) -> Option<(Secret, Secret)> {
        user_and_password(self.auth())
    }

    /// The credential as the type of `oci-client`, for libraries that use the registry's own protocol (feature `oci`).
    ///
    /// ```no_run
    /// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use docr::CredentialsRequest;
    ///
    /// let registry = docr.registry("acme-images".parse()?);
    /// let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
    /// let auth = credentials.registry_auth()?; // for oci_client::Client::pull and the like
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`], if the credential has a form other than user and password.
    #[cfg(feature = "oci")]
    pub fn registry_auth(&self) -> Result<oci_client::secrets::RegistryAuth, InvalidInput> {
        let (user, password) = self.user_and_password().ok_or_else(other_form)?;
        let (user, password) = (user.expose().to_owned(), password.expose().to_owned());
        Ok(oci_client::secrets::RegistryAuth::Basic(user, password))
    }

    /// The token with which the service revokes the credential.
    pub(crate) fn token(&self) -> Result<Secret, InvalidInput> {
        let parts = self.user_and_password();
        parts.map(|(_, token)| token).ok_or_else(other_form)
    }

    /// Whether the credentials can push and delete.
    pub fn is_read_write(&self) -> bool {
        self.request.read_write
    }

    /// How long the credentials are valid from when they were minted; `None` if they don't expire.
    pub fn expires_in(&self) -> Option<Duration> {
        self.request.expires_in
    }
}

/// Docker's configuration, serialized without a copy of its secrets.
#[derive(Serialize)]
struct Config<'a> {
    auths: BTreeMap<&'a str, Auth<'a>>,
}

#[derive(Serialize)]
struct Auth<'a> {
    auth: &'a Secret,
}

/// The two parts of `auth` in a Docker `config.json`.
fn user_and_password(auth: &Secret) -> Option<(Secret, Secret)> {
    let bytes = BASE64.decode(auth.expose()).ok()?;
    let plain = Secret::from(String::from_utf8(bytes).ok()?);
    let (user, password) = plain.expose().split_once(':')?;
    let is_there = !user.is_empty() && !password.is_empty();
    is_there.then(|| (user.into(), password.into()))
}

/// The credential itself is not shown.
fn other_form() -> InvalidInput {
    let rule = "is not base64 of a user name and a password, the only form that this version knows";
    InvalidInput::new("credential", "[redacted]", rule)
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
             for credentials without an expiry, request ones that never expire"
        );
    }

    #[test]
    fn an_expiry_above_the_services_maximum_is_refused() {
        let request =
            |seconds| CredentialsRequest::read_only().expires_in(Duration::from_secs(seconds));
        assert_eq!(request(1_576_800_000).expiry_seconds(), Ok(1_576_800_000));
        let error = request(1_576_800_001).expiry_seconds().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("is above 1576800000 s (50 years)"),
            "{error}"
        );
    }

    #[test]
    fn credentials_expire_by_default() {
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

    #[test]
    fn a_credential_is_split_into_user_and_password_if_it_has_both() {
        let parts = |plain: &str| {
            let parts = user_and_password(&BASE64.encode(plain).into())?;
            Some((parts.0.expose().to_owned(), parts.1.expose().to_owned()))
        };
        assert_eq!(
            parts("user:pass:word"),
            Some(("user".into(), "pass:word".into()))
        );
        for plain in ["", "user", "user:", ":password", ":"] {
            assert_eq!(parts(plain), None, "{plain}");
        }
        assert!(user_and_password(&"no base64!".to_owned().into()).is_none());
    }

    #[test]
    fn credentials_remember_scope_and_lifetime() {
        let minted = |request| {
            let response = serde_json::json!({ "auths": { DockerCredentials::HOST: { "auth": "bmV3OnNlY3JldA==" } } });
            DockerCredentials::new(serde_json::from_value(response).unwrap(), request).unwrap()
        };
        let hour = Duration::from_secs(3_600);
        let read_only = minted(CredentialsRequest::read_only().expires_in(hour));
        assert_eq!(
            (read_only.is_read_write(), read_only.expires_in()),
            (false, Some(hour))
        );
        let read_write = minted(CredentialsRequest::read_write().never_expires());
        assert_eq!(
            (read_write.is_read_write(), read_write.expires_in()),
            (true, None)
        );
    }
}
