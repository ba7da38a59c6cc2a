//! The parts of images, read from the registry itself.

use std::error;

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    secrets::RegistryAuth,
};
use serde::Deserialize;

use super::inventory::ImageParts;
use crate::{Digest, DockerCredentials, InvalidInput, RegistryName, RepositoryName};

/// What a manifest may be.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Reads the parts of multi-platform images from the registry itself, `registry.digitalocean.com`, a manifest at a time
/// (features `oci` and `retention`).
///
/// ```no_run
/// use docr::{CredentialsRequest, retention::{OciParts, RegistryInventory}};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let mut inventory = RegistryInventory::read(&registry).await?;
/// let credentials = registry.docker_credentials(CredentialsRequest::read_only()).await?;
/// inventory.resolve(&OciParts::new(registry.name(), &credentials)?).await?;
/// docr.revoke(&credentials).await?;
/// # Ok(())
/// # }
/// ```
pub struct OciParts {
    client: Client,
    auth: RegistryAuth,
    host: String,
    registry: RegistryName,
}

impl OciParts {
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
            client: Client::new(ClientConfig::default()),
            auth: credentials.registry_auth()?,
            host: DockerCredentials::HOST.to_owned(),
            registry: registry.clone(),
        })
    }

    /// Reads from another host that speaks plain HTTP: a sandbox, by its address.
    #[must_use]
    pub fn plain_http_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self.client = Client::new(ClientConfig {
            protocol: ClientProtocol::HttpsExcept(vec![self.host.clone()]),
            ..ClientConfig::default()
        });
        self
    }
}

/// An index as far as it matters here; any other manifest has no such list.
#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    digest: String,
}

impl ImageParts for OciParts {
    async fn parts(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, Box<dyn error::Error + Send + Sync>> {
        let repository = format!("{}/{repository}", self.registry);
        let image = Reference::with_digest(self.host.clone(), repository, digest.to_string());
        let pulled = self
            .client
            .pull_manifest_raw(&image, &self.auth, &MEDIA_TYPES);
        let (manifest, _) = pulled.await?;
        let index: Index = serde_json::from_slice(&manifest)?;
        let parts = index.manifests.iter().map(|part| part.digest.parse());
        Ok(parts.collect::<Result<_, InvalidInput>>()?)
    }
}

impl std::fmt::Debug for OciParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OciParts")
            .field("host", &self.host)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}
