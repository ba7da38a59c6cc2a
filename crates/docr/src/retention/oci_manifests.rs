//! The documents of manifests, read from the registry itself.

use std::{error, sync::OnceLock, time::Duration};

use super::manifest::{ManifestDocument, ManifestReader};
use crate::{Digest, DockerCredentials, InvalidInput, RegistryName, RepositoryName};
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};

/// How long a silent registry is waited for.
const SILENCE: Duration = Duration::from_secs(30);

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
    /// Set up when it is first needed: by then it is known how the host is spoken to.
    client: OnceLock<Client>,
    auth: RegistryAuth,
    host: String,
    has_plain_http: bool,
    registry: RegistryName,
}

impl OciManifests {
    /// Reads from a registry, with credentials that can pull.
    ///
    /// # Errors
    ///
    /// When the credentials have another form than user and password.
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
        })
    }

    /// Reads from another host that speaks plain HTTP: a sandbox, by its address.
    #[must_use]
    pub fn plain_http_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self.has_plain_http = true;
        self.client = OnceLock::new();
        self
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            Client::new(ClientConfig {
                protocol: match self.has_plain_http {
                    true => ClientProtocol::HttpsExcept(vec![self.host.clone()]),
                    false => ClientProtocol::Https,
                },
                connect_timeout: Some(SILENCE),
                read_timeout: Some(SILENCE),
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
        let repository = format!("{}/{repository}", self.registry);
        let image = Reference::with_digest(self.host.clone(), repository, digest.to_string());
        let pulled = self
            .client()
            .pull_manifest_raw(&image, &self.auth, &MEDIA_TYPES);
        let (manifest, _) = pulled.await?;
        Ok(ManifestDocument::from_bytes(None, &manifest))
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
