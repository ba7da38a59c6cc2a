//! Credentials at hand, renewed before they expire.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::{CredentialsRequest, DockerCredentials};
use crate::{
    call::Target,
    error::{Error, Result},
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
    /// How many requests have failed.
    failures: AtomicU64,
}

#[derive(Default)]
struct Held {
    minted: Option<(DockerCredentials, DateTime<Utc>)>,
    last_failure: Option<Error>,
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
            failures: AtomicU64::new(0),
        }))
    }

    /// The credentials that are kept, or new ones. Credentials that can't be renewed are handed out until they expire.
    /// `GET /v2/registries/{registry_name}/docker-credentials`
    ///
    /// # Errors
    ///
    /// Those of [`RegistryHandle::docker_credentials`](crate::RegistryHandle::docker_credentials). Callers who waited for the same request get the same error; the
    /// next one asks again.
    pub async fn get(&self) -> Result<DockerCredentials> {
        let cache = &*self.0;
        let failures = cache.failures.load(Ordering::SeqCst);
        let mut held = cache.held.lock().await;
        let now = cache.registry.core.clock().now();
        let usable = match &held.minted {
            Some((credentials, since)) => match age(credentials, *since, now) {
                Age::Fresh => return Ok(credentials.clone()),
                Age::Old => Some(credentials.clone()),
                Age::Expired => None,
            },
            None => None,
        };
        let failed_meanwhile = cache.failures.load(Ordering::SeqCst) != failures;
        if let Some(error) = held.last_failure.clone().filter(|_| failed_meanwhile) {
            return usable.ok_or(error);
        }
        match DockerCredentials::mint(&cache.registry, cache.wanted).await {
            Ok(credentials) => {
                // Counted from before the request: sooner rather than later.
                held.minted = Some((credentials.clone(), now));
                Ok(credentials)
            }
            Err(error) => {
                cache.failures.fetch_add(1, Ordering::SeqCst);
                held.last_failure = Some(error.clone());
                usable.ok_or(error)
            }
        }
    }

    /// Forgets the credentials, after they were revoked, say: the next caller gets new ones.
    pub async fn forget(&self) {
        self.0.held.lock().await.minted = None;
    }
}

fn age(credentials: &DockerCredentials, since: DateTime<Utc>, now: DateTime<Utc>) -> Age {
    let Some(lifetime) = credentials.expires_in() else {
        return Age::Fresh;
    };
    let passed = (now - since).to_std().unwrap_or_default();
    let early = (lifetime / 10).min(EARLY);
    match passed {
        passed if passed >= lifetime => Age::Expired,
        passed if passed >= lifetime - early => Age::Old,
        _ => Age::Fresh,
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
