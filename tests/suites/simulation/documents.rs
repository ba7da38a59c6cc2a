//! Reading the documents of manifests over the registry's own protocol.

use std::{error::Error, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use docr::{
    Client, Clock, CredentialsRequest, Digest, RepositoryName,
    retention::{ManifestDocument, ManifestReader, OciManifests},
};
use docr_tests::sandbox::registry_name;
use tokio::sync::OnceCell;

use super::hand::Hand;

/// A reader that all clients share, with credentials that the first of them mints.
#[derive(Clone)]
pub(super) struct Documents {
    hand: Hand,
    docr: Client,
    host: String,
    reader: Arc<OnceCell<OciManifests>>,
}

impl Documents {
    pub(super) fn new(hand: Hand, docr: Client, host: String) -> Self {
        Self {
            hand,
            docr,
            host,
            reader: Arc::default(),
        }
    }

    async fn reader(&self) -> Result<&OciManifests, Box<dyn Error + Send + Sync>> {
        let reader = self.reader.get_or_try_init(async || {
            let registry = self.docr.registry(registry_name());
            let forever = CredentialsRequest::read_only().never_expires();
            let credentials = registry.docker_credentials(forever).await?;
            let reader = OciManifests::new(registry.name(), &credentials)?;
            let reader = reader.plain_http_host(self.host.as_str());
            Ok::<_, Box<dyn Error + Send + Sync>>(
                reader.clock(Arc::new(ReaderClock(self.hand.clone()))),
            )
        });
        reader.await
    }
}

impl ManifestReader for Documents {
    async fn read(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument, Box<dyn Error + Send + Sync>> {
        let reader = self.reader().await?;
        self.hand
            .schedule
            .wait_to_send(self.hand.client, None)
            .await;
        let _request = Request(&self.hand);
        reader.read(repository, digest).await
    }
}

/// A request that has ended when this is dropped.
struct Request<'a>(&'a Hand);

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.schedule.ended(self.0.client);
    }
}

/// Whoever sleeps by it is between two requests.
#[derive(Debug)]
struct ReaderClock(Hand);

impl Clock for ReaderClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let hand = self.0.clone();
        hand.schedule.ended(hand.client);
        let sleep = hand.sleep(duration);
        Box::pin(async move {
            sleep.await;
            hand.schedule.wait_to_send(hand.client, None).await;
        })
    }

    fn random(&self) -> f64 {
        self.0.random()
    }
}
