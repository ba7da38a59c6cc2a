//! Credentials at hand, renewed before they expire.

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

/// Keeps credentials at hand for many callers, and renews them before they expire: when a tenth of their time is
/// left, or an hour. However many callers ask at once, one request is sent. Made by
/// [`RegistryHandle::credentials_cache`](crate::RegistryHandle::credentials_cache); clones share what is kept.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use docr::CredentialsRequest;
///
/// let cache = docr.registry("acme-images".parse()?).credentials_cache(CredentialsRequest::read_only());
/// let config = cache.get().await?.docker_config_json();
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
    /// The request that is under way, for all who wait for it.
    minting: Option<Shared<BoxFuture<'static, Result<DockerCredentials>>>>,
}

struct Minted {
    credentials: DockerCredentials,
    since: Moment,
    /// How long they were good for then; `None` if they don't expire.
    lifetime: Option<Duration>,
}

/// A moment by both hands of a clock.
#[derive(Clone, Copy)]
struct Moment {
    date: DateTime<Utc>,
    monotonic: Duration,
}

/// How it stands with credentials.
#[derive(PartialEq, Eq)]
enum Age {
    Fresh,
    /// Good still, and to be renewed.
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

    /// The credentials that are kept, or new ones. Credentials that can't be renewed are handed out until they expire.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// A request that was begun goes on when those who wait for it give up, and the next caller gets what came of it.
    ///
    /// # Errors
    ///
    /// Those of [`RegistryHandle::docker_credentials`](crate::RegistryHandle::docker_credentials). Callers who waited for
    /// the same request get the same error; the next one asks again.
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

    /// Forgets the credentials, after they were revoked, say: the next caller gets new ones.
    pub async fn forget(&self) {
        self.0.held().minted = None;
    }
}

impl Cache {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New credentials, or those of the files, and how long they are good for.
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

/// Mints for all who wait, in a task of its own: what it leaves with the service is kept, though nobody may wait for it
/// in the end.
fn mint(cache: &Arc<Cache>, now: Moment) -> Shared<BoxFuture<'static, Result<DockerCredentials>>> {
    let cache = Arc::clone(cache);
    let task = async move {
        let minted = cache.mint().await;
        let mut held = cache.held();
        held.minting = None;
        let (credentials, lifetime) = minted?;
        held.minted = Some(Minted {
            credentials: credentials.clone(),
            // From before the request: sooner rather than later.
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
        // The date may have been set back, and the other hand stands while a computer sleeps.
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
