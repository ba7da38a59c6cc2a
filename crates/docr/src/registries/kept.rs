//! Credentials that are kept in files, for a registry.

use super::registry::RegistryHandle;
use crate::{
    credentials::{CredentialFiles, CredentialsRequest, KeptCredentials},
    error::Result,
};

impl CredentialFiles {
    /// The credentials that are kept, or new ones. Those that can't be renewed are handed out until they expire.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`](crate::ErrorKind::Storage), when the file can't be written: before anything is minted, or else what was minted is
    /// revoked. Those of [`RegistryHandle::docker_credentials`].
    pub async fn get(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Result<KeptCredentials> {
        self.get_for(registry.target(), wanted).await
    }

    /// The credentials that are kept and good. Sends no request.
    pub fn kept(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Option<KeptCredentials> {
        self.kept_for(registry.target(), wanted)
    }

    /// Revokes the credentials that are kept, and forgets them. Whether there were any. What was begun goes on when nobody
    /// waits for it any more.
    ///
    /// # Errors
    ///
    /// Those of [`Client::revoke`](crate::Client::revoke): the file is left then. [`ErrorKind::Storage`](crate::ErrorKind::Storage), when the file
    /// can't be deleted.
    pub async fn revoke(
        &self,
        registry: &RegistryHandle,
        wanted: CredentialsRequest,
    ) -> Result<bool> {
        self.revoke_for(registry.target(), wanted).await
    }
}
