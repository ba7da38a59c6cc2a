//! Cached credentials, renewed before they expire.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::runtime::Handle;

use super::{CredentialsRequest, DockerCredentials};
use crate::{
    call::Target,
    error::{Error, Result},
    task::to_its_end,
};

/// The longest time before their end at which credentials are renewed.
const EARLY: Duration = Duration::from_secs(60 * 60);

/// Caches credentials for many callers, and renews them before they expire: when a tenth of their lifetime is left, at
/// most an hour. However many callers need them at once, one request is sent. Made by
/// [`RegistryHandle::credentials_cache`](crate::RegistryHandle::credentials_cache); clones share the cache.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use docr::CredentialsRequest;
///
/// let cache = docr.registry("acme-images".parse()?).credentials_cache(CredentialsRequest::read_only());
/// let credentials = cache.get().await?;
/// docr.revoke(&credentials).await?;
/// cache.forget().await; // the next `get` mints new ones
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CredentialsCache(Arc<Cache>);

struct Cache {
    registry: Target,
    wanted: CredentialsRequest,
    held: Mutex<Held>,
    #[cfg(feature = "credential-files")]
    files: Option<super::CredentialFiles>,
}

#[derive(Default)]
struct Held {
    minted: Option<Minted>,
    /// The request in progress, shared by all who wait for it.
    minting: Option<Shared<BoxFuture<'static, Result<DockerCredentials>>>>,
}

struct Minted {
    credentials: DockerCredentials,
    since: Moment,
    /// How long they were valid then; `None` if they don't expire.
    lifetime: Option<Duration>,
}

/// A moment by both readings of a clock.
#[derive(Clone, Copy)]
struct Moment {
    date: DateTime<Utc>,
    monotonic: Duration,
}

/// The age of credentials.
#[derive(PartialEq, Eq)]
enum Age {
    Fresh,
    /// Still valid, and due for renewal.
    Old,
    Expired,
}

impl CredentialsCache {
    pub(crate) fn new(registry: Target, wanted: CredentialsRequest) -> Self {
        Self(Arc::new(Cache {
            registry,
            wanted,
            held: Mutex::default(),
            #[cfg(feature = "credential-files")]
            files: None,
        }))
    }

    /// The same cache, still empty, which shares its credentials with other processes.
    ///
    /// ```no_run
    /// use docr::{CredentialFiles, CredentialsRequest};
    ///
    /// # async fn example(registry: docr::RegistryHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let files = CredentialFiles::new("/run/acme/credentials");
    /// let cache = registry.credentials_cache(CredentialsRequest::read_only()).in_files(files);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "credential-files")]
    #[must_use]
    pub fn in_files(&self, files: super::CredentialFiles) -> Self {
        Self(Arc::new(Cache {
            registry: self.0.registry.clone(),
            wanted: self.0.wanted,
            held: Mutex::default(),
            files: Some(files),
        }))
    }

    /// The cached credentials, or new ones. Credentials that can't be renewed are returned until they expire.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// A request runs to completion even if all callers stop waiting, and the next caller gets its result.
    ///
    /// # Errors
    ///
    /// Those of [`RegistryHandle::docker_credentials`](crate::RegistryHandle::docker_credentials). Callers who waited for
    /// the same request get the same error; the next call sends another request.
    pub async fn get(&self) -> Result<DockerCredentials> {
        if Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
        let now = self.0.now();
        let (usable, minting) = {
            let mut held = self.0.held();
            let usable = match &held.minted {
                Some(minted) => match minted.age(now) {
                    Age::Fresh => return Ok(minted.credentials.clone()),
                    Age::Old => Some(minted.credentials.clone()),
                    Age::Expired => None,
                },
                None => None,
            };
            let minting = held.minting.get_or_insert_with(|| mint(&self.0, now));
            (usable, minting.clone())
        };
        minting.await.or_else(|error| usable.ok_or(error))
    }

    /// Clears the cache, for example after the credentials were revoked: the next caller gets new ones.
    pub async fn forget(&self) {
        self.0.held().minted = None;
    }
}

impl Cache {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New credentials, or those in the files, and how long they are valid.
    async fn mint(&self) -> Result<(DockerCredentials, Option<Duration>)> {
        #[cfg(feature = "credential-files")]
        if let Some(files) = &self.files {
            let kept = files.get_for(&self.registry, self.wanted).await?;
            return Ok((kept.credentials, kept.left));
        }
        let credentials = DockerCredentials::mint(&self.registry, self.wanted).await?;
        let lifetime = credentials.expires_in();
        Ok((credentials, lifetime))
    }

    fn now(&self) -> Moment {
        let clock = self.registry.core.clock();
        Moment {
            date: clock.now(),
            monotonic: clock.monotonic(),
        }
    }
}

/// Mints for all who wait, in a task of its own: the credentials are cached even if nobody waits for them any more.
fn mint(cache: &Arc<Cache>, now: Moment) -> Shared<BoxFuture<'static, Result<DockerCredentials>>> {
    let cache = Arc::clone(cache);
    let task = async move {
        let minted = cache.mint().await;
        let mut held = cache.held();
        held.minting = None;
        let (credentials, lifetime) = minted?;
        held.minted = Some(Minted {
            credentials: credentials.clone(),
            // From before the request: too early rather than too late.
            since: now,
            lifetime,
        });
        Ok(credentials)
    };
    to_its_end(task).boxed().shared()
}

impl Minted {
    fn age(&self, now: Moment) -> Age {
        let Some(lifetime) = self.lifetime else {
            return Age::Fresh;
        };
        // The date may have been set back, and monotonic time stops while a computer sleeps.
        let by_date = now.date.signed_duration_since(self.since.date);
        let by_date = by_date.to_std().unwrap_or_default();
        let monotonic = now.monotonic.saturating_sub(self.since.monotonic);
        let passed = monotonic.max(by_date);
        let early = lifetime.checked_div(10).unwrap_or_default().min(EARLY);
        match passed {
            passed if passed >= lifetime => Age::Expired,
            passed if passed >= lifetime.saturating_sub(early) => Age::Old,
            _ => Age::Fresh,
        }
    }
}

impl fmt::Debug for CredentialsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsCache")
            .field("registry", &self.0.registry.name)
            .field("wanted", &self.0.wanted)
            .finish_non_exhaustive()
    }
}
