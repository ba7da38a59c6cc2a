//! A clock with a date that jumps back and forth, as when somebody sets it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use docr::{Clock, CreateCertificate, CredentialsRequest, ManualClock};
use docr_api::operations;
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{TOKEN, client_with_clock, furnish, noon, registry_name, start},
};

use super::held;

/// A server that responds with a status, and sets the date of a clock with each request.
async fn date_setting_server(
    clock: &Arc<ManualClock>,
    status: u16,
    headers: &'static str,
) -> RawServer {
    let clock = Arc::clone(clock);
    let server = RawServer::serving(move |number, _| {
        let day = TimeDelta::days(number as i64 + 1);
        let date = if number % 2 == 0 {
            noon() - day
        } else {
            noon() + day
        };
        clock.set_date(date);
        std::future::ready(response(status, headers, ""))
    });
    server.await
}

#[tokio::test]
async fn a_deadline_holds_however_the_date_jumps() {
    let deadline = Duration::from_secs(10);
    for operation in operations::ALL {
        for (status, headers) in [
            (503, ""),
            (429, ""),
            (429, "retry-after: 3\r\n"),
            (429, "retry-after: Fri, 02 Jan 2026 12:00:00 GMT\r\n"),
            (
                429,
                "ratelimit-limit: 5000\r\nratelimit-remaining: 0\r\nratelimit-reset: 1767355200\r\n",
            ),
        ] {
            for paced in [false, true] {
                let clock = Arc::new(ManualClock::at(noon()));
                let server = date_setting_server(&clock, status, headers).await;
                let docr = client_with_clock(server.url(), TOKEN, clock.clone());
                let docr = docr.with(|calls| calls.deadline(deadline));
                let docr = if paced { docr.paced() } else { docr };
                let outcome = call(&docr, operation.id, &Subjects::default()).await;
                let error = outcome.unwrap().unwrap_err();
                let took = clock.monotonic();
                let case = format!("{} {headers} {took:?}: {error}", operation.id);
                assert!(took <= deadline, "{case}");
                assert_eq!(error.elapsed(), took, "{case}");
                assert!(error.attempts() > 0, "{case}");
            }
        }
    }
    held(
        "a deadline holds while the date jumps, paced or not",
        operations::ALL.len(),
    );
}

#[tokio::test]
async fn a_paced_call_waits_no_longer_than_its_window_however_the_date_jumps() {
    let clock = Arc::new(ManualClock::at(noon()));
    let setter = Arc::clone(&clock);
    let server = RawServer::serving(move |number, _| {
        let day = TimeDelta::days(number as i64);
        setter.set_date(if number % 2 == 0 {
            noon() - day
        } else {
            noon() + day
        });
        std::future::ready(response(200, "", r#"{"options": {}}"#))
    });
    let server = server.await;
    let docr = client_with_clock(server.url(), TOKEN, clock.clone()).paced();
    for _ in 0..260 {
        docr.registries().options().await.unwrap();
    }
    let took = clock.monotonic();
    assert!((60..=62).contains(&took.as_secs()), "{took:?}");
    held("pacing follows elapsed time, not the date", 1);
}

#[tokio::test]
async fn credentials_are_renewed_in_time_however_the_date_jumps() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let clock = Arc::new(ManualClock::at(noon()));
    let docr = client_with_clock(sandbox.url(), TOKEN, clock.clone());
    let hour = Duration::from_secs(3600);
    let wanted = CredentialsRequest::read_only().expires_in(hour);
    let cache = docr.registry(registry_name()).credentials_cache(wanted);
    cache.get().await.unwrap();
    // Set back while the credentials expire.
    clock.advance(hour);
    clock.set_date(noon() - TimeDelta::days(2));
    cache.get().await.unwrap();
    assert_eq!(sandbox.credentials().len(), 2);
    // A computer that slept: only the date has moved.
    clock.set_date(noon() + TimeDelta::days(2));
    cache.get().await.unwrap();
    assert_eq!(sandbox.credentials().len(), 3);
    held("credentials are not handed out after they expire", 1);
}

/// A clock that sets its date back by an hour with each wait.
#[derive(Debug)]
struct SetBack(ManualClock, Mutex<Duration>);

impl Clock for SetBack {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, duration: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.1.lock().unwrap() += duration;
        self.0.set_date(self.0.now() - TimeDelta::hours(1));
        self.0.sleep(duration)
    }

    fn random(&self) -> f64 {
        0.5
    }
}

#[tokio::test]
async fn a_wait_ends_at_its_limit_however_the_date_jumps() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let clock = Arc::new(SetBack(ManualClock::at(noon()), Mutex::default()));
    let docr = client_with_clock(sandbox.url(), TOKEN, clock.clone());
    let limit = Duration::from_secs(12);

    // The sandbox's own clock stands still, so nothing ever completes.
    let wanted = CreateCertificate::lets_encrypt("shop", ["shop.example.com"]);
    let certificates = docr.certificates().with(|calls| calls.wait_limit(limit));
    let error = certificates.issue(wanted).await.unwrap_err();
    assert!(error.is_wait_expired(), "{error}");
    assert_eq!(clock.monotonic(), limit);

    let registry = docr
        .registry(registry_name())
        .with(|calls| calls.wait_limit(limit));
    let runs = registry.garbage_collections();
    let run = runs
        .start(docr::GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    let begin = clock.monotonic();
    let watch = runs.watch(&run);
    let error = watch.wait().await.unwrap_err();
    assert!(error.is_wait_expired(), "{error}");
    // It polls every five seconds: the next one would be after the limit.
    assert_eq!(clock.monotonic() - begin, Duration::from_secs(10));

    let begin = clock.monotonic();
    let error = runs.wait_until_idle().await.unwrap_err();
    assert!(error.is_wait_expired(), "{error}");
    assert_eq!(clock.monotonic() - begin, Duration::from_secs(10));
    assert_eq!(*clock.1.lock().unwrap(), clock.monotonic());
    held(
        "waits for certificates and garbage collections keep their limits",
        3,
    );
}
