//! Credentials that all processes of a user share, in files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr_api::{ClientInfo as _, Secret, types};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;

use super::{CredentialsRequest, DockerCredentials, place};
use crate::{
    call::{Target, date_after, until},
    error::{Error, ErrorKind, Result},
    folder,
    task::to_its_end,
    text::hex,
};

/// Credentials in files, which many short-lived processes share: a file for each API address, token, registry and scope.
/// They are renewed when half of their lifetime has elapsed, once for all processes that need them at the same time
/// (feature `credential-files`).
///
/// With a [token provider](crate::TokenProvider), another token means other credentials: the previous ones are kept until
/// they expire.
///
/// Only their owner can access the files. They contain credentials in plain text, as Docker's own configuration does.
///
/// ```no_run
/// use std::time::Duration;
/// use docr::{CredentialFiles, CredentialsRequest};
///
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let registry = docr.registry("acme-images".parse()?);
/// let wanted = CredentialsRequest::read_only().expires_in(Duration::from_secs(12 * 3600));
/// let files = CredentialFiles::new(CredentialFiles::default_directory().ok_or("no home directory")?);
/// let kept = files.get(&registry, wanted).await?;
/// println!("valid until {:?}", kept.expires_at);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    directory: PathBuf,
}

/// Credentials from a file.
///
/// ```
/// /// How long the kubelet may cache a pull credential.
/// fn cache_duration(kept: &docr::KeptCredentials) -> String {
///     format!("{}s", kept.left.map_or(0, |left| left.as_secs() / 2))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeptCredentials {
    /// The credentials.
    pub credentials: DockerCredentials,
    /// When they expire; `None` if they don't.
    pub expires_at: Option<DateTime<Utc>>,
    /// How long they are valid from now on; `None` if they don't expire.
    pub left: Option<Duration>,
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "answer")]
    response: types::DockerCredentials,
    read_write: bool,
    lifetime_seconds: Option<u64>,
    minted_at: DateTime<Utc>,
}

/// The credentials in a file, by their age.
enum Kept {
    Fresh(KeptCredentials),
    /// Still valid, and due for renewal.
    Old(KeptCredentials),
    Nothing,
}

impl CredentialFiles {
    /// Keeps the files in this directory, which is created with the first one.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The platform's directory for such files: `docr/credentials` in `$XDG_CACHE_HOME` or `~/.cache`, in
    /// `~/Library/Caches` or in `%LOCALAPPDATA%`. `None` without a home directory.
    pub fn default_directory() -> Option<PathBuf> {
        Some(folder::caches()?.join("docr").join("credentials"))
    }

    pub(crate) async fn get_for(
        &self,
        target: &Target,
        wanted: CredentialsRequest,
    ) -> Result<KeptCredentials> {
        has_runtime()?;
        let clock = target.core.clock();
        let path = self.path(target, wanted, &target.core.current_token().await?);
        if let Kept::Fresh(kept) = read(&path, clock.now()) {
            return Ok(kept);
        }
        let _lock = self.lock(&path).await?;
        let now = clock.now();
        let usable = match read(&path, now) {
            Kept::Fresh(kept) => return Ok(kept),
            Kept::Old(kept) => Some(kept),
            Kept::Nothing => None,
        };
        let place = place::Unfinished::beside(&path).map_err(|error| storage(&path, error))?;
        let credentials = match (DockerCredentials::mint(target, wanted).await, usable) {
            (Ok(credentials), _) => credentials,
            (Err(_), Some(usable)) => return Ok(usable),
            (Err(error), None) => return Err(error),
        };
        let entry = Entry {
            read_write: credentials.is_read_write(),
            lifetime_seconds: credentials.expires_in().map(|lifetime| lifetime.as_secs()),
            response: credentials.response.clone(),
            // From before the request: too early rather than too late.
            minted_at: now,
        };
        let text = serde_json::to_string(&entry).map(Secret::from);
        let written = text
            .map_err(io::Error::from)
            .and_then(|text| place.become_file(text.expose()));
        if let Err(error) = written {
            let core = target.core.clone();
            let revoked = to_its_end(async move { credentials.revoke(&core).await });
            let left = revoked.await.err();
            let error = storage(&path, error);
            return Err(match left {
                None => error,
                Some(left) => Error::caused_by(
                    Some(error),
                    ErrorKind::Storage,
                    format!(
                        "credentials could not be stored, and are still valid: revoking them failed, too ({left})"
                    ),
                ),
            });
        }
        Ok(KeptCredentials {
            left: entry.lifetime(),
            expires_at: entry.expires_at(),
            credentials,
        })
    }

    pub(crate) fn kept_for(
        &self,
        target: &Target,
        wanted: CredentialsRequest,
    ) -> Option<KeptCredentials> {
        let path = self.path(target, wanted, &target.core.last_token()?);
        match read(&path, target.core.clock().now()) {
            Kept::Fresh(kept) | Kept::Old(kept) => Some(kept),
            Kept::Nothing => None,
        }
    }

    /// Runs to completion even if the caller stops waiting: a file with revoked credentials must be deleted.
    pub(crate) async fn revoke_for(
        &self,
        target: &Target,
        wanted: CredentialsRequest,
    ) -> Result<bool> {
        has_runtime()?;
        let (files, target) = (self.clone(), target.clone());
        to_its_end(async move { files.revoke_kept(&target, wanted).await }).await
    }

    async fn revoke_kept(&self, target: &Target, wanted: CredentialsRequest) -> Result<bool> {
        let path = self.path(target, wanted, &target.core.current_token().await?);
        if !path.exists() {
            return Ok(false);
        }
        let _lock = self.lock(&path).await?;
        let kept = match read(&path, target.core.clock().now()) {
            Kept::Fresh(kept) | Kept::Old(kept) => Some(kept),
            Kept::Nothing => None,
        };
        if let Some(kept) = &kept {
            match kept.credentials.revoke(&target.core).await {
                // Already revoked: the file is deleted all the same.
                Err(error) if !error.is_unauthorized() => return Err(error),
                _ => {}
            }
        }
        match fs::remove_file(&path) {
            // Somebody else has revoked them while this call waited for the lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(storage(&path, error)),
            Ok(()) => Ok(kept.is_some()),
        }
    }

    fn path(&self, target: &Target, wanted: CredentialsRequest, token: &Secret) -> PathBuf {
        let scope: &[u8] = if wanted.is_read_write() { b"rw" } else { b"r" };
        let token = Sha256::digest(token.expose());
        let mut key = Sha256::new();
        for part in [
            target.core.api.baseurl().as_bytes(),
            &token,
            target.name.as_str().as_bytes(),
            scope,
        ] {
            // With its length, which makes the key unambiguous.
            key.update(part.len().to_be_bytes());
            key.update(part);
        }
        let name = hex(&key.finalize());
        self.directory.join(name).with_extension("json")
    }

    /// Locks a file against all other processes, until this is dropped.
    async fn lock(&self, path: &Path) -> Result<File> {
        let lock = path.with_extension("lock");
        let directory = self.directory.clone();
        let open = move || {
            folder::make_private(&directory)?;
            let mut options = File::options();
            options.create(true).truncate(false).write(true);
            let file = options.open(lock)?;
            file.lock()?;
            Ok(file)
        };
        let opened = tokio::task::spawn_blocking(open).await;
        let opened = opened.unwrap_or_else(|error| Err(io::Error::other(error)));
        opened.map_err(|error| storage(path, error))
    }
}

impl Entry {
    fn lifetime(&self) -> Option<Duration> {
        self.lifetime_seconds.map(Duration::from_secs)
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.lifetime()
            .map(|lifetime| date_after(self.minted_at, lifetime))
    }

    fn kept(self, now: DateTime<Utc>) -> Option<KeptCredentials> {
        let (lifetime, expires_at) = (self.lifetime(), self.expires_at());
        let request = CredentialsRequest {
            read_write: self.read_write,
            expires_in: lifetime,
        };
        Some(KeptCredentials {
            credentials: DockerCredentials::new(self.response, request)?,
            left: expires_at.map(|end| until(end, now)),
            expires_at,
        })
    }
}

/// The credentials in a file. An unreadable file counts as empty, and is replaced.
fn read(path: &Path, now: DateTime<Utc>) -> Kept {
    let text = fs::read_to_string(path).map(Secret::from);
    let entry: Option<Entry> = text
        .ok()
        .and_then(|text| serde_json::from_str(text.expose()).ok());
    let Some(entry) = entry else {
        return Kept::Nothing;
    };
    // If the clock was set back, credentials that seem minted in the future have an unknown age.
    let is_known = entry.minted_at <= now;
    let half = entry
        .lifetime_seconds
        .map(|seconds| Duration::from_secs(seconds / 2));
    let Some(kept) = entry.kept(now) else {
        return Kept::Nothing;
    };
    match (kept.left, half) {
        (Some(left), _) if left.is_zero() => Kept::Nothing,
        (Some(left), Some(half)) if left <= half || !is_known => Kept::Old(kept),
        _ => Kept::Fresh(kept),
    }
}

fn has_runtime() -> Result<()> {
    Handle::try_current().map_or_else(|_| Err(Error::no_runtime()), |_| Ok(()))
}

fn storage(path: &Path, error: io::Error) -> Error {
    let summary = format!("credentials can't be stored in {}: {error}", path.display());
    Error::storage(summary, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, served::serve};

    /// Credentials that an older version has stored would otherwise never be revoked.
    #[test]
    fn the_format_of_a_file_stays_the_same() {
        let text = r#"{"answer":{"auths":{"registry.digitalocean.com":{"auth":"bmV3OnNlY3JldA=="}}},"read_write":true,"lifetime_seconds":3600,"minted_at":"2026-01-01T12:00:00Z"}"#;
        let entry: Entry = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
    }

    #[tokio::test]
    async fn credentials_that_could_not_be_revoked_are_kept_to_revoke_them_later() {
        let minted = r#"{"auths":{"registry.digitalocean.com":{"auth":"bmV3OnNlY3JldA=="}}}"#;
        let url = serve([
            ("200 OK", minted),
            ("403 Forbidden", r#"{"error":"forbidden"}"#),
            ("200 OK", "{}"),
        ]);
        let docr = Client::builder().base_url(&url).oauth_url(&url);
        let docr = docr.token("dop_v1_0123").build().unwrap();
        let registry = docr.registry("acme-images".parse().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let files = CredentialFiles::new(directory.path().join("kept"));
        let wanted = CredentialsRequest::read_only();
        files.get(&registry, wanted).await.unwrap();
        let error = files.revoke(&registry, wanted).await.unwrap_err();
        assert_eq!(error.status(), Some(403));
        assert!(files.kept(&registry, wanted).is_some());
        assert!(files.revoke(&registry, wanted).await.unwrap());
        assert!(files.kept(&registry, wanted).is_none());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_deleted_after_its_credentials_is_an_error() {
        let docr = Client::builder().token("dop_v1_0123").build().unwrap();
        let registry = docr.registry("acme-images".parse().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept");
        folder::make_private(&kept).unwrap();
        let files = CredentialFiles::new(kept);
        let (target, wanted) = (registry.target(), CredentialsRequest::read_only());
        // A directory is not deleted as a file.
        let path = files.path(target, wanted, &Secret::from("dop_v1_0123"));
        fs::create_dir(&path).unwrap();
        let error = files
            .revoke(&registry, wanted)
            .await
            .unwrap_err()
            .to_string();
        let place = format!("{}: ", path.display());
        assert!(
            error.contains(&place) && !error.contains("chmod"),
            "{error}"
        );
    }
}
