//! Credentials in files, for a registry.

use super::registry::RegistryHandle;
use crate::{
    credentials::{CredentialFiles, CredentialsRequest, KeptCredentials},
    error::Result,
};

impl CredentialFiles {
    /// The stored credentials, or new ones. Credentials that can't be renewed are returned until they expire.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage), if the file can't be written: nothing was minted, or what was
    /// minted is revoked. Those of [`RegistryHandle::docker_credentials`].
    pub async fn get(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Result<KeptCredentials> {
        self.get_for(registry.target(), wanted).await
    }

    /// The stored credentials, if they are valid. Sends no request.
    ///
    /// ```no_run
    /// use docr::{CredentialFiles, CredentialsRequest};
    ///
    /// # fn example(registry: docr::RegistryHandle, files: CredentialFiles) {
    /// if let Some(kept) = files.kept(&registry, CredentialsRequest::read_only()) {
    ///     println!("logged in until {:?}", kept.expires_at);
    /// }
    /// # }
    /// ```
    pub fn kept(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Option<KeptCredentials> {
        self.kept_for(registry.target(), wanted)
    }

    /// Revokes the stored credentials and deletes the file. Returns whether there were any. Runs to completion even if the
    /// caller stops waiting. `POST https://cloud.digitalocean.com/v1/oauth/revoke`
    ///
    /// ```no_run
    /// use docr::{CredentialFiles, CredentialsRequest};
    ///
    /// # async fn example(registry: docr::RegistryHandle, files: CredentialFiles) -> docr::Result<()> {
    /// if files.revoke(&registry, CredentialsRequest::read_only()).await? {
    ///     println!("logged out");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Client::revoke`](crate::Client::revoke): the file is kept then.
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage), if the file can't be deleted.
    pub async fn revoke(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Result<bool> {
        self.revoke_for(registry.target(), wanted).await
    }
}
