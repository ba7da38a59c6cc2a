//! Retention where deletions must wait for the rate limit: whatever is pushed during the wait is seen.

use std::{
    collections::HashMap,
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use docr::{
    BudgetFuture, Client, LocalBudget, NoTurn, ObservedResponse, RateBudget, RateLimits,
    RegistryHandle,
    retention::{
        Deletion, ObserveRetention, OciManifests, RetentionPlan, RetentionPolicy, RetentionReport,
        RetentionStep,
    },
};
use docr_sandbox::{Clock, Image, ScriptedResponse};
use docr_tests::sandbox::{
    Checked, TOKEN, furnish, inventory, registry_name, shared_clock, sharing, start,
};
use tokio::sync::watch;

const DAY: Duration = Duration::from_secs(86_400);
const IMAGES: u64 = 20;

type Meanwhile = Box<dyn FnMut() + Send>;

/// A clock that is shared with the sandbox. Something may happen during a long wait.
struct Waits {
    clock: Arc<dyn docr::Clock>,
    under_way: watch::Sender<usize>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

/// A budget that counts the requests under way.
#[derive(Debug)]
struct Budget {
    turns: LocalBudget,
    under_way: watch::Sender<usize>,
}

impl RateBudget for Budget {
    fn acquire<'a>(
        &'a self,
        clock: &'a dyn docr::Clock,
        within: Duration,
    ) -> BudgetFuture<'a, Result<(), NoTurn>> {
        Box::pin(async move {
            self.turns.acquire(clock, within).await?;
            self.under_way.send_modify(|requests| *requests += 1);
            Ok(())
        })
    }

    fn record<'a>(&'a self, clock: &'a dyn docr::Clock) -> BudgetFuture<'a, ()> {
        self.under_way.send_modify(|requests| *requests += 1);
        self.turns.record(clock)
    }

    fn observe<'a>(
        &'a self,
        clock: &'a dyn docr::Clock,
        response: ObservedResponse,
    ) -> BudgetFuture<'a, ()> {
        self.under_way.send_modify(|requests| *requests -= 1);
        self.turns.observe(clock, response)
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waits")
    }
}

impl docr::Clock for Waits {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (clock, mut under_way) = (self.clock.clone(), self.under_way.subscribe());
        let is_long = duration > Duration::from_secs(20);
        let meanwhile = is_long.then(|| self.meanwhile.lock().unwrap().take());
        Box::pin(async move {
            // What was sent before the wait arrives before any time has passed.
            let _ = under_way.wait_for(|requests| *requests == 0).await;
            clock.sleep(duration).await;
            if let Some(mut happens) = meanwhile.flatten() {
                happens();
            }
        })
    }

    fn random(&self) -> f64 {
        self.clock.random()
    }
}

async fn plan(sandbox: &Checked, clock: &Clock) -> (RetentionPlan, OciManifests) {
    let policy = "[[rule]]\nkeep_newest = 1\ndelete_tags = ['v*']";
    let policy = RetentionPolicy::from_toml(policy).unwrap();
    let registry = sharing(sandbox, clock).registry(registry_name());
    let (inventory, reader) = inventory(&registry, sandbox, &policy).await;
    let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
    (plan, reader)
}

/// A repository of images with a tag each, of which the newest is kept.
struct Bench {
    sandbox: Arc<Checked>,
    waits: Arc<Waits>,
    registry: RegistryHandle,
    plan: RetentionPlan,
    reader: OciManifests,
}

fn image(number: u64) -> Image {
    Image::new("shop/api").sized_layer(number, 1_000)
}

impl Bench {
    /// A client that may send so many requests a minute and an hour.
    async fn start(limits: RateLimits) -> Self {
        let (sandbox, clock) = start().await;
        furnish(&sandbox).await;
        for number in 0..IMAGES {
            let image = image(number).tag(format!("v{number}"));
            sandbox.push("acme-images", image).unwrap();
            clock.advance(Duration::from_secs(60));
        }
        clock.advance(DAY);
        let (plan, reader) = plan(&sandbox, &clock).await;
        assert_eq!(plan.deletions.len() as u64, 2 * (IMAGES - 1));
        let waits = Arc::new(Waits {
            clock: shared_clock(&clock),
            under_way: watch::Sender::default(),
            meanwhile: Mutex::default(),
        });
        let docr = Client::builder().base_url(sandbox.url()).token(TOKEN);
        let docr = docr
            .clock(waits.clone())
            .rate_budget(Arc::new(Budget {
                turns: LocalBudget::limited_to(limits),
                under_way: waits.under_way.clone(),
            }))
            .build()
            .unwrap();
        sandbox.clear_requests();
        Self {
            sandbox: Arc::new(sandbox),
            waits,
            registry: docr.registry(registry_name()),
            plan,
            reader,
        }
    }

    fn during_a_wait(&self, happens: impl FnMut() + Send + 'static) {
        *self.waits.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }

    async fn run(&self, manifests_first: bool) -> RetentionReport {
        let execution = self.plan.execution(&self.registry).unwrap();
        let execution = execution.manifests_first(manifests_first);
        execution.reader(&self.reader).run(|_| {}).await
    }

    /// Holds that each deletion follows a look at its repository by no more than a minute.
    fn assert_looks(&self) {
        let mut looked_at = None::<DateTime<Utc>>;
        for request in self.sandbox.requests() {
            match request.operation.as_deref() {
                Some("registries_list_repositoryTags") => looked_at = Some(request.responded_at),
                Some("registries_list_repositoryManifests") => {
                    looked_at = Some(request.responded_at)
                }
                Some(deletes) if request.method == "DELETE" => {
                    let age = request.responded_at - looked_at.unwrap();
                    assert!(age <= TimeDelta::seconds(60), "{age}: {deletes}");
                }
                _ => {}
            }
        }
    }

    async fn tags(&self) -> HashMap<String, String> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let tags = repository.tags().all().await.unwrap();
        let tags = tags.into_iter();
        tags.map(|tag| (tag.tag, tag.manifest_digest.unwrap()))
            .collect()
    }

    async fn manifests(&self) -> Vec<String> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let manifests = repository.manifests().all().await.unwrap();
        manifests.into_iter().map(|it| it.digest).collect()
    }

    fn limit(&self, operation: &str, times: usize, seconds: u64) {
        for _ in 0..times {
            let limited = ScriptedResponse::status(429).header("retry-after", seconds.to_string());
            self.sandbox.respond_next(operation, limited).unwrap();
        }
    }
}

#[tokio::test]
async fn an_image_that_is_tagged_during_a_wait_for_a_turn_is_kept() {
    // There are as many waits as deletions after the first look, of a request to each list.
    for (manifests_first, last) in [(false, 40), (true, 22)] {
        for per_hour in 3..=last {
            let bench = Bench::start(RateLimits::new(250, per_hour)).await;
            let sandbox = Arc::downgrade(&bench.sandbox);
            bench.during_a_wait(move || {
                let sandbox = sandbox.upgrade().unwrap();
                for number in 0..IMAGES {
                    let image = image(number).tag(format!("keep-{number}"));
                    sandbox.push("acme-images", image).unwrap();
                }
            });
            let report = bench.run(manifests_first).await;
            bench.assert_looks();
            let has_waited = bench.waits.meanwhile.lock().unwrap().is_none();
            assert!(has_waited, "{per_hour}");
            let (tags, manifests) = (bench.tags().await, bench.manifests().await);
            for number in 0..IMAGES {
                let digest = &tags[&format!("keep-{number}")];
                assert!(manifests.contains(digest), "{per_hour} {number}:\n{report}");
            }
        }
    }
}

#[tokio::test]
async fn many_deletions_at_the_limits_of_a_minute_and_of_an_hour_are_all_made() {
    for (manifests_first, limits) in [
        (false, RateLimits::new(7, 5_000)),
        (true, RateLimits::new(7, 5_000)),
        (false, RateLimits::new(250, 9)),
        (true, RateLimits::new(250, 9)),
    ] {
        let bench = Bench::start(limits).await;
        let report = bench.run(manifests_first).await;
        assert!(report.is_complete(), "{limits:?} {report}");
        bench.assert_looks();
        let left = bench.tags().await;
        assert_eq!(left.into_keys().collect::<Vec<_>>(), ["v19"]);
        assert_eq!(bench.manifests().await.len(), 1);
    }
}

#[tokio::test]
async fn a_stop_during_a_wait_for_a_turn_deletes_nothing_more() {
    for manifests_first in [false, true] {
        let bench = Bench::start(RateLimits::new(250, 20)).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut stopped = stopped;
        let sandbox = Arc::downgrade(&bench.sandbox);
        bench.during_a_wait(move || {
            stop.send_replace(true);
            sandbox.upgrade().unwrap().clear_requests();
        });
        let execution = bench.plan.execution(&bench.registry).unwrap();
        let execution = execution.manifests_first(manifests_first);
        let execution = execution.until(async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        });
        let text = execution.run(|_| {}).await.to_string();
        assert!(text.contains("not tried"), "{text}");
        assert_eq!(bench.sandbox.requests(), [], "{text}");
    }
}

/// Counts how often each deletion begins and ends.
#[derive(Default)]
struct Counts(HashMap<String, (u32, u32)>);

impl ObserveRetention for Counts {
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()> {
        self.0.entry(deletion.to_string()).or_default().0 += 1;
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        self.0.entry(step.deletion.to_string()).or_default().1 += 1;
    }
}

#[tokio::test]
async fn a_deletion_that_the_rate_limit_refuses_is_made_after_another_look() {
    for (manifests_first, operation) in [
        (false, "registries_delete_repositoryTag"),
        (false, "registries_delete_repositoryManifest"),
        (true, "registries_delete_repositoryManifest"),
    ] {
        let bench = Bench::start(RateLimits::default()).await;
        bench.limit(operation, 4, 600);
        let execution = bench.plan.execution(&bench.registry).unwrap();
        let mut counts = Counts::default();
        let execution = execution.manifests_first(manifests_first).concurrency(1);
        let report = execution.run_observed(&mut counts).await;
        assert!(report.is_complete(), "{report}");
        bench.assert_looks();
        assert_eq!(counts.0.len(), bench.plan.deletions.len());
        for (deletion, count) in counts.0 {
            assert_eq!(count, (1, 1), "{deletion}");
        }
    }
}

#[tokio::test]
async fn a_deletion_that_the_rate_limit_refuses_five_times_stops_the_run() {
    let bench = Bench::start(RateLimits::default()).await;
    bench.limit("registries_delete_repositoryTag", 5, 600);
    let execution = bench.plan.execution(&bench.registry).unwrap();
    let report = execution.concurrency(1).run(|_| {}).await;
    let text = report.to_string();
    assert!(text.ends_with("37 not tried, 1 refused"), "{text}");
}
