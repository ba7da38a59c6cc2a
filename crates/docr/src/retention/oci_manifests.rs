//! The documents of manifests, read from the registry itself.

use std::{
    error,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    manifest::{ManifestDocument, ManifestReader},
    oci_tokens::{Access, LONGEST_LIFETIME, OciTokens, may_pass as may_pass_with, unusable_token},
};
use crate::{
    Clock, Digest, DockerCredentials, InvalidInput, RegistryName, RepositoryName, Secret,
    SystemClock,
    call::{CallOptions, retry::backoff},
    error::redaction::Hidden,
};
use futures_util::FutureExt as _;
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    secrets::RegistryAuth,
};
use reqwest::StatusCode;

/// How long to wait for a registry that sends nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// The default time limit for a manifest, all attempts together.
const TIME_LIMIT: Duration = Duration::from_secs(2 * 60);

/// What a manifest may be.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Reads the documents of manifests from the registry itself, `registry.digitalocean.com` (features `oci` and
/// `retention`).
///
/// ```no_run
/// use docr::{CredentialsRequest, retention::{OciManifests, RegistryInventory, RetentionPolicy}};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let policy = RetentionPolicy::from_toml("[[rule]]\nkeep_newest = 10")?;
/// let mut inventory = RegistryInventory::read_for(&registry, &policy).await?;
/// let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
/// let reader = OciManifests::new(registry.name(), &credentials)?;
/// inventory.read_manifests(&policy, &reader).await;
/// docr.revoke(&credentials).await?;
/// # Ok(())
/// # }
/// ```
pub struct OciManifests {
    /// Created when first needed: by then the protocol of the host is known.
    client: OnceLock<Client>,
    auth: RegistryAuth,
    host: String,
    has_plain_http: bool,
    registry: RegistryName,
    time_limit: Duration,
    clock: Arc<dyn Clock>,
    tokens: OciTokens,
}

impl OciManifests {
    /// Reads from a registry, with credentials that can pull.
    ///
    /// # Errors
    ///
    /// If the credentials are not a user and a password.
    ///
    /// See the [example](OciManifests).
    pub fn new(
        registry: &RegistryName,
        credentials: &DockerCredentials,
    ) -> Result<Self, InvalidInput> {
        Ok(Self {
            client: OnceLock::new(),
            auth: credentials.registry_auth()?,
            host: DockerCredentials::HOST.to_owned(),
            has_plain_http: false,
            registry: registry.clone(),
            time_limit: TIME_LIMIT,
            clock: Arc::new(SystemClock),
            tokens: OciTokens::new(),
        })
    }

    /// Reads from another host by plain HTTP: a sandbox, by its address.
    ///
    /// ```
    /// # fn example(registry: docr::RegistryName, credentials: docr::DockerCredentials) -> Result<(), docr::InvalidInput> {
    /// # use docr::retention::OciManifests;
    /// let reader = OciManifests::new(&registry, &credentials)?.plain_http_host("127.0.0.1:5000");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn plain_http_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self.has_plain_http = true;
        self.client = OnceLock::new();
        self.tokens = OciTokens::new();
        self
    }

    /// Limits the time for a manifest, all attempts together; 2 minutes by default. What can't be read by then is
    /// [`Unreadable`](super::ManifestContent::Unreadable).
    ///
    /// ```
    /// # fn example(reader: docr::retention::OciManifests) {
    /// let reader = reader.time_limit(std::time::Duration::from_secs(30));
    /// # }
    /// ```
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets the clock for waiting between attempts; the system's by default.
    ///
    /// ```
    /// # fn example(reader: docr::retention::OciManifests) {
    /// let reader = reader.clock(std::sync::Arc::new(docr::SystemClock));
    /// # }
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A manifest as it is stored.
    pub(super) async fn bytes(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<u8>, Box<dyn error::Error + Send + Sync>> {
        let image = self.reference(repository, digest);
        let manifest = tokio::time::timeout(self.time_limit, self.pull(&image)).await;
        let manifest = manifest.map_err(|_| format!("not read within {:?}", self.time_limit))?;
        // The registry's message may quote the request.
        Ok(manifest.map_err(|error| self.shown(&error))?)
    }

    pub(super) fn reference(&self, repository: &RepositoryName, digest: &Digest) -> Reference {
        let repository = format!("{}/{repository}", self.registry);
        Reference::with_digest(self.host.clone(), repository, digest.to_string())
    }

    /// Reads a manifest, with retries after transient errors.
    async fn pull(&self, image: &Reference) -> Result<Vec<u8>, OciDistributionError> {
        let client = self.client();
        let mut attempt = 1;
        loop {
            let pulled = async {
                self.tokens.provide(client, image, &self.access()).await?;
                let pulled = client.pull_manifest_raw(image, &self.auth, &MEDIA_TYPES);
                // If no token was provided, `oci-client` panics on one that can't be sent.
                let pulled = AssertUnwindSafe(pulled).catch_unwind().await;
                pulled.unwrap_or_else(|_| Err(unusable_token()))
            };
            match pulled.await {
                Err(error) if attempt < CallOptions::new().max_attempts && may_pass(&error) => {
                    let wait = backoff(attempt, self.clock.random());
                    self.clock.sleep(wait).await;
                    attempt = attempt.saturating_add(1);
                }
                pulled => return pulled.map(|(manifest, _)| manifest.into()),
            }
        }
    }

    fn access(&self) -> Access<'_> {
        Access {
            host: &self.host,
            has_plain_http: self.has_plain_http,
            silence: SILENCE,
            auth: &self.auth,
            clock: &*self.clock,
        }
    }

    fn shown(&self, error: &OciDistributionError) -> String {
        let secret = match &self.auth {
            RegistryAuth::Basic(_, secret) | RegistryAuth::Bearer(secret) => Some(secret.as_str()),
            RegistryAuth::Anonymous => None,
        };
        let secret = secret.map(Secret::from);
        Hidden::new(&secret).shown(&error.to_string())
    }

    pub(super) fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            Client::new(ClientConfig {
                protocol: match self.has_plain_http {
                    true => ClientProtocol::HttpsExcept(vec![self.host.clone()]),
                    false => ClientProtocol::Https,
                },
                // Any proxy replaces the environment's, even one that no host uses.
                https_proxy: self.has_plain_http.then(|| "http://127.0.0.1".to_owned()),
                no_proxy: self.has_plain_http.then(|| "*".to_owned()),
                connect_timeout: Some(SILENCE),
                read_timeout: Some(SILENCE),
                // Tokens are renewed here, before that.
                default_token_expiration_secs: LONGEST_LIFETIME.as_secs() as usize,
                ..ClientConfig::default()
            })
        })
    }
}

impl ManifestReader for OciManifests {
    async fn read(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument, Box<dyn error::Error + Send + Sync>> {
        let manifest = self.bytes(repository, digest).await?;
        Ok(ManifestDocument::from_bytes(None, &manifest))
    }
}

/// Whether another attempt may succeed.
fn may_pass(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RequestError(_) | OciDistributionError::IoError(_) => true,
        OciDistributionError::ServerError { code, .. } => {
            StatusCode::from_u16(*code).is_ok_and(may_pass_with)
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let mut errors = envelope.errors.iter();
            errors.any(|error| error.code == OciErrorCode::Toomanyrequests)
        }
        _ => false,
    }
}

impl std::fmt::Debug for OciManifests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OciManifests")
            .field("host", &self.host)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use chrono::{DateTime, Utc};
    use futures_core::future::BoxFuture;
    use oci_client::errors::{OciEnvelope, OciError};

    use super::*;
    use crate::CredentialsRequest;

    /// Counts the waits, which take no time.
    #[derive(Debug, Default)]
    struct Waits(AtomicU32);

    impl Clock for Waits {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            self.0.fetch_add(1, SeqCst);
            Box::pin(std::future::ready(()))
        }

        fn random(&self) -> f64 {
            0.5
        }
    }

    #[tokio::test]
    async fn an_unreachable_registry_is_retried_as_often_as_the_service() {
        let minted = serde_json::json!({
            "auths": { DockerCredentials::HOST: { "auth": "bmV3OnNlY3JldA==" } }
        });
        let minted = serde_json::from_value(minted).unwrap();
        let credentials = DockerCredentials::new(minted, CredentialsRequest::read_only());
        let registry = "acme-images".parse().unwrap();
        let waits = Arc::new(Waits::default());
        // Bound, so that nobody else gets the port, and not listening.
        let bound = tokio::net::TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let host = bound.local_addr().unwrap().to_string();
        let reader = OciManifests::new(&registry, &credentials.unwrap()).unwrap();
        let reader = reader.plain_http_host(host).clock(waits.clone());
        let digest = format!("sha256:{}", "01".repeat(32)).parse().unwrap();
        let read = reader.bytes(&"shop/api".parse().unwrap(), &digest).await;
        assert!(read.is_err());
        let attempts = waits.0.load(SeqCst) + 1;
        assert_eq!(attempts, CallOptions::new().max_attempts);
    }

    #[test]
    fn only_rate_limits_and_faults_of_the_registry_are_retried() {
        let server = |code| OciDistributionError::ServerError {
            code,
            url: "https://registry.example.com".into(),
            message: String::new(),
        };
        let refused = |codes: Vec<OciErrorCode>| {
            let errors = codes.into_iter().map(|code| OciError {
                code,
                message: String::new(),
                detail: serde_json::Value::Null,
            });
            OciDistributionError::RegistryError {
                envelope: OciEnvelope {
                    errors: errors.collect(),
                },
                url: "https://registry.example.com".into(),
            }
        };
        for error in [
            server(408),
            server(429),
            server(503),
            refused(vec![OciErrorCode::Toomanyrequests]),
            refused(vec![OciErrorCode::Denied, OciErrorCode::Toomanyrequests]),
            OciDistributionError::IoError(std::io::ErrorKind::ConnectionReset.into()),
        ] {
            assert!(may_pass(&error), "{error:?}");
        }
        for error in [
            server(400),
            server(404),
            refused(vec![]),
            refused(vec![OciErrorCode::ManifestUnknown]),
            OciDistributionError::AuthenticationFailure("no".into()),
        ] {
            assert!(!may_pass(&error), "{error:?}");
        }
    }
}
