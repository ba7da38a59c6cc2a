//! Calls that are stopped by `CallOptions::until`, and executions of a plan by theirs: no attempt begins afterwards, and one
//! in progress is finished.

use std::{
    future::{pending, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use docr::{
    BudgetFuture, CallOptions, Client, CreateCertificate, CredentialsRequest, Error,
    GarbageCollectionType, NoTurn, ObservedResponse, RateBudget, RegistryHandle,
    retention::{Outcome, RetentionPlan, RetentionPolicy, RetentionReport},
};
use docr_api::operations;
use docr_sandbox::{Image, ScriptedResponse};
use docr_tests::{
    calls::{Subjects, call},
    raw_server::{RawServer, response},
    sandbox::{Checked, TOKEN, client, furnish, inventory, noon, registry_name, sharing, start},
};
use tokio::sync::watch;

/// A clock whose waits end together, and that reports when one begins.
#[derive(Debug, Default)]
struct Held {
    is_waiting: watch::Sender<bool>,
    goes_on: watch::Sender<bool>,
}

impl docr::Clock for Held {
    fn now(&self) -> DateTime<Utc> {
        noon()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.is_waiting.send_replace(true);
        Box::pin(is_true(&self.goes_on))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// Waits until it is true.
fn is_true(value: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut value = value.subscribe();
    async move {
        let _ = value.wait_for(|value| *value).await;
    }
}

fn client_with(clock: &Arc<Held>, url: &str) -> Client {
    let builder = Client::builder().base_url(url).oauth_url(url).token(TOKEN);
    builder.clock(clock.clone()).build().unwrap()
}

/// A client that is stopped as soon as it waits.
fn stopped_in_a_wait(url: &str) -> Client {
    let clock = Arc::<Held>::default();
    let docr = client_with(&clock, url);
    docr.with(|calls| calls.until(is_true(&clock.is_waiting)))
}

fn now(calls: CallOptions) -> CallOptions {
    calls.until(ready(()))
}

fn assert_unsent(error: &Error) {
    assert!(error.is_stopped() && error.attempts() == 0, "{error:?}");
    assert!(!error.is_ambiguous(), "{error:?}");
}

#[tokio::test]
async fn no_operation_sends_anything_after_a_stop() {
    let (sandbox, _) = start().await;
    let docr = client(&sandbox).with(now);
    for operation in operations::ALL {
        for docr in [docr.clone(), docr.paced()] {
            let called = call(&docr, operation.id, &Subjects::default()).await;
            assert_unsent(&called.unwrap().unwrap_err());
        }
    }
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn no_operation_is_repeated_after_a_stop_and_the_error_has_the_last_response() {
    for operation in operations::ALL {
        let limited = response(429, "retry-after: 30\r\n", r#"{"id":"too_many_requests"}"#);
        let server = RawServer::responding(limited).await;
        let docr = stopped_in_a_wait(server.url());
        let called = call(&docr, operation.id, &Subjects::default()).await;
        let error = called.unwrap().unwrap_err();
        assert!(error.is_stopped(), "{error:?}");
        assert!(!error.is_ambiguous(), "{error:?}");
        assert_eq!((error.attempts(), error.status()), (1, Some(429)));
        assert_eq!(server.requests().len(), 1, "{}", operation.id);
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_is_stopped() {
    let (sandbox, _) = start().await;
    let docr = stopped_in_a_wait(sandbox.url()).paced();
    // The limit of a minute is used up.
    for _ in 0..250 {
        docr.registries().options().await.unwrap();
    }
    assert_unsent(&docr.registries().options().await.unwrap_err());
    assert_eq!(sandbox.requests().len(), 250);
}

#[tokio::test]
async fn an_attempt_in_progress_is_finished() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let stop = watch::Sender::new(false);
    let docr = client(&sandbox).with(|calls| calls.until(is_true(&stop)));
    sandbox.before_each(Some(move |_: &str, _: &str| {
        stop.send_replace(true);
    }));
    let registry = docr.registry(registry_name());
    registry.delete().await.unwrap();
    assert_unsent(&registry.get().await.unwrap_err());
}

#[tokio::test]
async fn a_wait_for_the_service_is_stopped() {
    let (sandbox, _) = start().await;
    sandbox.add_sample().unwrap();
    let docr = client(&sandbox);
    let runs = docr.registry("sample".parse().unwrap());
    let runs = runs.garbage_collections();
    let run = runs.start(GarbageCollectionType::UnreferencedBlobsOnly);
    let run = run.await.unwrap();
    let wanted = CreateCertificate::lets_encrypt("new", ["new.example.com"]);
    let made = docr.certificates().create(wanted).await.unwrap();
    sandbox.clear_requests();
    let docr = || stopped_in_a_wait(sandbox.url());
    let runs = || docr().registry("sample".parse().unwrap());
    let runs = || runs().garbage_collections();
    let errors = [
        runs().watch(&run).wait().await.unwrap_err(),
        runs().wait_until_idle().await.unwrap_err(),
        { docr().certificates() }
            .wait_until_issued(&made)
            .await
            .unwrap_err(),
    ];
    errors.iter().for_each(assert_unsent);
    // One look at the run by each, and none at the certificate, which was not issued when it was created.
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(errors[2].certificate().unwrap().id, made.id);
}

#[tokio::test]
async fn credentials_are_revoked_after_a_stop() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    let docr = client(&sandbox);
    let registry = docr.registry(registry_name());
    let minting = registry.docker_credentials(CredentialsRequest::read_only());
    let minted = minting.await.unwrap();
    docr.with(now).revoke(&minted).await.unwrap();
    assert!(sandbox.credentials()[0].revoked);
}

#[tokio::test]
async fn a_dropped_request_for_credentials_is_not_repeated() {
    let (sandbox, _) = start().await;
    furnish(&sandbox).await;
    for (operation, is_legacy) in [
        ("registries_get_dockerCredentials", false),
        ("registry_get_dockerCredentials", true),
    ] {
        sandbox.clear_requests();
        let limited = ScriptedResponse::status(429).header("retry-after", "30");
        sandbox.respond_next(operation, limited).unwrap();
        let clock = Arc::<Held>::default();
        let docr = client_with(&clock, sandbox.url());
        let minting = async {
            let wanted = CredentialsRequest::read_only();
            match is_legacy {
                true => docr.legacy_registry().docker_credentials(wanted).await,
                false => {
                    let registry = docr.registry(registry_name());
                    registry.docker_credentials(wanted).await
                }
            }
        };
        tokio::select! {
            _ = minting => panic!("it waits"),
            () = is_true(&clock.is_waiting) => {}
        }
        clock.goes_on.send_replace(true);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sandbox.requests().len(), 1, "{operation}");
        assert_eq!(sandbox.credentials().len(), 0);
    }
}

#[tokio::test]
async fn each_of_several_stops_counts() {
    let (sandbox, _) = start().await;
    let docr = client(&sandbox);
    for docr in [
        docr.with(|calls| now(calls).until(pending())),
        docr.with(|calls| now(calls.until(pending()))),
    ] {
        assert_unsent(&docr.registries().options().await.unwrap_err());
    }
    let docr = docr.with(|calls| calls.until(pending()).until(pending()));
    docr.registries().options().await.unwrap();
}

/// Hands out so many turns at once, and then none.
#[derive(Debug)]
struct FirstTurns(AtomicUsize);

impl RateBudget for FirstTurns {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn docr::Clock,
        _: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        let taken = self
            .0
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        Box::pin(async move {
            if taken.is_err() {
                clock.sleep(Duration::from_secs(30)).await;
            }
            Ok(())
        })
    }

    fn record<'a>(&'a self, _: &'a dyn docr::Clock) -> BudgetFuture<'a, ()> {
        Box::pin(ready(()))
    }

    fn observe<'a>(&'a self, _: &'a dyn docr::Clock, _: ObservedResponse) -> BudgetFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

/// Deletes two of the three images of a repository.
const TWO: &str = "keep_newest = 1\ndelete_tags = ['v*']";

/// A plan that deletes images of repositories with three of them, and a registry whose calls get so many turns.
async fn retention(
    repositories: &[&str],
    rule: &str,
    turns: usize,
) -> (Checked, Arc<Held>, RegistryHandle, RetentionPlan) {
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    for repository in repositories {
        for number in 1..=3_u8 {
            let image = Image::new(*repository).sized_layer(number.into(), 1_000);
            let image = image.tag(format!("v{number}"));
            sandbox.push("acme-images", image).unwrap();
            clock.advance(Duration::from_secs(60));
        }
    }
    clock.advance(Duration::from_secs(3 * 86_400));
    let policy = format!("[[rule]]\nrepositories = ['many/*']\n{rule}");
    let policy = RetentionPolicy::from_toml(&policy).unwrap();
    let registry = sharing(&sandbox, &clock).registry(registry_name());
    let (inventory, _) = inventory(&registry, &sandbox, &policy).await;
    let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
    let held = Arc::<Held>::default();
    let docr = Client::builder().base_url(sandbox.url()).token(TOKEN);
    let docr = docr.clock(held.clone());
    let docr = docr.rate_budget(Arc::new(FirstTurns(turns.into())));
    let registry = docr.build().unwrap().registry(registry_name());
    sandbox.clear_requests();
    (sandbox, held, registry, plan)
}

fn count(report: &RetentionReport, is_it: impl Fn(&Outcome) -> bool) -> usize {
    let steps = report.steps.iter();
    steps.filter(|step| is_it(&step.outcome)).count()
}

#[tokio::test]
async fn a_deletion_that_waits_for_its_turn_is_stopped_and_not_tried() {
    for manifests_first in [false, true] {
        // The lists of tags and of manifests are read.
        let (sandbox, held, registry, plan) = retention(&["many/a"], TWO, 2).await;
        let execution = plan.execution(&registry).unwrap();
        let execution = execution.manifests_first(manifests_first);
        let report = execution.until(is_true(&held.is_waiting)).run(|_| {}).await;
        let not_tried = count(&report, |outcome| *outcome == Outcome::NotTried);
        assert_eq!(not_tried, 4, "{report}");
        assert_eq!(sandbox.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_refused_deletion_that_waits_to_be_repeated_is_stopped_and_reported_as_failed() {
    for (manifests_first, rule, operation, failed) in [
        (false, TWO, "registries_delete_repositoryTag", 1),
        // A manifest with its tag.
        (true, TWO, "registries_delete_repositoryManifest", 2),
        // The whole repository, with three tags and three manifests.
        (
            false,
            "older_than = '1d'",
            "registries_delete_repository",
            6,
        ),
    ] {
        let (sandbox, held, registry, plan) = retention(&["many/a"], rule, usize::MAX).await;
        let limited = ScriptedResponse::status(429).header("retry-after", "3");
        sandbox.respond_next(operation, limited).unwrap();
        let execution = plan.execution(&registry).unwrap().concurrency(1);
        let execution = execution.manifests_first(manifests_first);
        let report = execution.until(is_true(&held.is_waiting)).run(|_| {}).await;
        let stopped = |outcome: &Outcome| matches!(outcome, Outcome::Failed(why) if why.contains("stopped after an attempt"));
        assert_eq!(count(&report, stopped), failed, "{report}");
        let not_tried = count(&report, |outcome| *outcome == Outcome::NotTried);
        assert_eq!(not_tried, plan.deletions.len() - failed, "{report}");
    }
}

#[tokio::test]
async fn a_look_that_waits_is_stopped_when_another_repository_is_refused() {
    let (sandbox, _, registry, plan) = retention(&["many/a", "many/b"], TWO, usize::MAX).await;
    // One repository can't be read for now, and the deletion in the other one is not allowed.
    let limited = ScriptedResponse::status(429).header("retry-after", "30");
    sandbox
        .respond_next("registries_list_repositoryTags", limited)
        .unwrap();
    let forbidden = ScriptedResponse::status(403);
    sandbox
        .respond_next("registries_delete_repositoryTag", forbidden)
        .unwrap();
    let execution = plan.execution(&registry).unwrap().concurrency(2);
    let report = execution.run(|_| {}).await;
    let refused = count(&report, |outcome| matches!(outcome, Outcome::Refused(_)));
    assert_eq!(refused, 1, "{report}");
    let failed = count(&report, |outcome| matches!(outcome, Outcome::Failed(_)));
    assert_eq!(failed, 0, "{report}");
}
