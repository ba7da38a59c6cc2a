//! What jobs cost in requests, and in time under the service's real limits: the table of BENCHMARKS.md.
//! `cargo run -p docr-tests --bin fewest [PREFIX]` measures the rows whose name starts with the prefix. Time is that of the
//! sandbox's clock, which waiting advances: hours take seconds. Only rows at 100 ms of latency run in real time.

#![allow(clippy::print_stdout, reason = "prints measurements")]
#![allow(clippy::unwrap_used, reason = "a measurement that fails is a bug")]

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use chrono::DateTime;
use docr::{
    Client, CreateRegistry, CredentialsRequest, RegistryHandle, SystemClock, TierSlug,
    retention::{OciManifests, RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::{Clock, Fault, Image, RateLimits, Sandbox};
use docr_tests::sandbox::{TOKEN, document_reader, noon, registry_name, shared_clock};

const DAY: Duration = Duration::from_secs(86_400);
const LATENCY: Duration = Duration::from_millis(100);
const UNLIMITED: RateLimits = limits(u32::MAX);
const ALL_OLD: &str = "[[rule]]\nolder_than = \"30d\"\ndelete_untagged = true";

const fn limits(each: u32) -> RateLimits {
    RateLimits {
        per_minute: each,
        per_hour: each,
    }
}

/// A sandbox with a registry, and a client that shares its clock.
struct Bench {
    sandbox: Sandbox,
    clock: Clock,
    docr: Client,
    registry: RegistryHandle,
    concurrency: usize,
    counts: Counts,
}

/// Requests to the API, those of them that were refused, requests to the registry itself, and requests for its challenge.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicU64; 4]>);

impl Counts {
    fn add(&self, place: usize) {
        self.0[place].fetch_add(1, Relaxed);
    }

    fn reset(&self) {
        for count in self.0.iter() {
            count.store(0, Relaxed);
        }
    }
}

impl Bench {
    /// With a clock that only waiting advances. Calls are made one at a time: a wait would overtake others in progress.
    async fn start() -> Self {
        let clock = Clock::manual(noon());
        let own = shared_clock(&clock);
        Self::with(clock, own, 1).await
    }

    /// In real time and without rate limits, to measure the effect of latency.
    async fn far_away() -> Self {
        let bench = Self::with(Clock::system(), Arc::new(SystemClock), 8).await;
        bench.sandbox.set_rate_limits(UNLIMITED);
        bench
    }

    async fn with(clock: Clock, own: Arc<dyn docr::Clock>, concurrency: usize) -> Self {
        let builder = Sandbox::builder().token(TOKEN).clock(clock.clone());
        let sandbox = builder.keep_requests(0).start().await.unwrap();
        let counts = Counts::default();
        let counted = counts.clone();
        sandbox.before_each(Some(move |_: &str, path: &str| match path {
            "/v2/" => counted.add(3),
            "/v2/registry/auth" => counted.add(2),
            path if path.starts_with("/v2/acme-images/") => counted.add(2),
            _ => {}
        }));
        let docr = client(&sandbox, own, &counts);
        let wanted = CreateRegistry::new(registry_name(), TierSlug::Professional);
        docr.registries().create(wanted).await.unwrap();
        let registry = docr.registry(registry_name());
        Self {
            sandbox,
            clock,
            docr,
            registry,
            concurrency,
            counts,
        }
    }

    fn push(&self, image: Image) {
        self.sandbox.push("acme-images", image).unwrap();
    }

    /// Pushes repositories with a number of images each, and a tag for each image.
    fn fill(&self, repositories: u64, images: u64) {
        for repository in 0..repositories {
            for image in 0..images {
                let name = format!("shop/{repository:04}");
                let image = Image::new(name)
                    .sized_layer(repository * images + image, 1000)
                    .tag(format!("v{image}"));
                self.push(image);
            }
        }
    }

    /// Lets the images age and the rate limits recover.
    fn rest(&self) {
        self.clock.advance(60 * DAY);
        self.counts.reset();
    }

    async fn inventory(&self, policy: &RetentionPolicy) -> RegistryInventory {
        let reading = RegistryInventory::reading(&self.registry).policy(policy);
        let mut reading = reading.concurrency(self.concurrency);
        reading.run(|_| ()).await.unwrap()
    }

    async fn plan(&self, rule: &str) -> (RetentionPlan, OciManifests) {
        let policy = RetentionPolicy::from_toml(rule).unwrap();
        let mut inventory = self.inventory(&policy).await;
        let request = CredentialsRequest::read_only().expires_in(3650 * DAY);
        let reader = document_reader(&self.registry, &self.sandbox, request).await;
        inventory.read_manifests(&policy, &reader).await;
        let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
        (plan, reader)
    }

    async fn apply(&self, (plan, reader): &(RetentionPlan, OciManifests), manifests_first: bool) {
        let execution = plan.execution(&self.registry).unwrap();
        let execution = execution
            .concurrency(self.concurrency)
            .manifests_first(manifests_first)
            .reader(reader);
        let report = execution.run(|_| ()).await;
        assert!(report.is_complete() && !plan.is_empty(), "{report}");
    }

    /// Prints the requests since the last row, and how long they took.
    fn row(&self, name: &str, began: Duration) {
        let took = self.now().saturating_sub(began);
        let [of_api, refused, of_registry, challenges] = &*self.counts.0;
        let [of_api, refused, of_registry, challenges] =
            [of_api, refused, of_registry, challenges].map(|count| count.swap(0, Relaxed));
        println!(
            "| {name} | {of_api} | {refused} | {of_registry} and {challenges} | {:.1} s |",
            took.as_secs_f64()
        );
    }

    fn now(&self) -> Duration {
        let since = self.clock.now() - DateTime::UNIX_EPOCH;
        since.to_std().unwrap_or_default()
    }
}

/// A client that has sent nothing yet.
fn client(sandbox: &Sandbox, clock: Arc<dyn docr::Clock>, counts: &Counts) -> Client {
    let counted = counts.clone();
    let builder = Client::builder().base_url(sandbox.url()).token(TOKEN);
    let builder = builder.on_attempt(move |attempt| {
        counted.add(0);
        if attempt.status == Some(429) {
            counted.add(1);
        }
    });
    builder.clock(clock).build().unwrap()
}

#[tokio::main]
async fn main() {
    let wanted = env::args().nth(1).unwrap_or_default();
    println!(
        "| job | requests to the API | 429s of them | requests to the registry itself, and for its challenge | time |"
    );
    println!("|---|---|---|---|---|");
    for (name, job) in JOBS {
        if name.starts_with(&wanted) {
            job.run(name).await;
        }
    }
}

/// One or more rows.
enum Job {
    Usage,
    PlanForOne,
    Inventory,
    AllOfThousand,
    OneRepository(bool),
    FewOfMany,
    Parts,
    InventoryFarAway,
    ApplyFarAway(bool),
}

const JOBS: [(&str, Job); 11] = [
    (
        "usage --deep, 454 repositories of which 300 have one image",
        Job::Usage,
    ),
    (
        "prune --plan, a rule for one repository of 454",
        Job::PlanForOne,
    ),
    (
        "inventory of 2,600 repositories of two images",
        Job::Inventory,
    ),
    (
        "1,000 repositories of 5 images, all goes",
        Job::AllOfThousand,
    ),
    (
        "5,000 images in one repository, 4,999 go",
        Job::OneRepository(false),
    ),
    (
        "5,000 images in one repository, manifests first",
        Job::OneRepository(true),
    ),
    (
        "15 deletions in a repository of 100,000 tags",
        Job::FewOfMany,
    ),
    ("multi-arch parts of 200 repositories", Job::Parts),
    (
        "at 100 ms: an inventory of 100 repositories",
        Job::InventoryFarAway,
    ),
    (
        "at 100 ms: 80 deletions in 40 repositories",
        Job::ApplyFarAway(false),
    ),
    (
        "at 100 ms: 80 deletions in 40 repositories, manifests first",
        Job::ApplyFarAway(true),
    ),
];

impl Job {
    async fn run(&self, name: &str) {
        match self {
            Self::Usage => usage(name).await,
            Self::PlanForOne => plan_for_one(name).await,
            Self::Inventory => inventory(name).await,
            Self::AllOfThousand => all_of_thousand(name).await,
            Self::OneRepository(manifests_first) => one_repository(name, *manifests_first).await,
            Self::FewOfMany => few_of_many(name).await,
            Self::Parts => parts(name).await,
            Self::InventoryFarAway => inventory_far_away(name).await,
            Self::ApplyFarAway(manifests_first) => apply_far_away(name, *manifests_first).await,
        }
    }
}

async fn usage(name: &str) {
    let bench = Bench::start().await;
    bench.fill(454, 1);
    for repository in 0..154 {
        bench.push(
            Image::new(format!("shop/{repository:04}"))
                .sized_layer(10_000, 1)
                .tag("more"),
        );
    }
    bench.rest();
    let began = bench.now();
    let all = bench.docr.registries();
    let _ = (
        all.subscription().await.unwrap(),
        all.list().all().await.unwrap(),
    );
    let mut storage = bench
        .registry
        .read_storage(bench.registry.usage().await.unwrap());
    while let Some(read) = storage.next().await {
        read.unwrap();
    }
    bench.row(name, began);
}

async fn plan_for_one(name: &str) {
    let bench = Bench::start().await;
    bench.fill(454, 2);
    bench.rest();
    let began = bench.now();
    bench
        .plan("[[rule]]\nrepositories = [\"shop/0007\"]\nkeep_newest = 1")
        .await;
    bench.row(name, began);
}

async fn inventory(name: &str) {
    let bench = Bench::start().await;
    bench.fill(2_600, 2);
    bench.rest();
    let began = bench.now();
    let reading = RegistryInventory::reading(&bench.registry);
    let inventory = reading.concurrency(1).run(|_| ()).await.unwrap();
    assert_eq!(inventory.repositories.len(), 2_600);
    bench.row(name, began);
}

async fn all_of_thousand(name: &str) {
    let bench = Bench::start().await;
    bench.fill(1_000, 5);
    bench.rest();
    let began = bench.now();
    let planned = bench.plan(ALL_OLD).await;
    bench.row(&format!("{name}: the plan"), began);
    bench.clock.advance(DAY);
    let began = bench.now();
    bench.apply(&planned, false).await;
    bench.row(&format!("{name}: the deletions"), began);
    assert_eq!(bench.registry.repositories().all().await.unwrap().len(), 0);
}

async fn one_repository(name: &str, manifests_first: bool) {
    let bench = Bench::start().await;
    bench.fill(1, 5_000);
    bench.rest();
    bench.push(Image::new("shop/0000").sized_layer(10_000, 1).tag("latest"));
    bench.counts.reset();
    let began = bench.now();
    let planned = bench.plan(ALL_OLD).await;
    bench.row(&format!("{name}: the plan"), began);
    bench.clock.advance(DAY);
    let began = bench.now();
    bench.apply(&planned, manifests_first).await;
    bench.row(&format!("{name}: the deletions"), began);
}

async fn few_of_many(name: &str) {
    let bench = Bench::start().await;
    for number in 0..15 {
        bench.push(
            Image::new("large")
                .sized_layer(number, 1000)
                .tag(format!("old{number}")),
        );
        bench.clock.advance(Duration::from_secs(60));
    }
    bench.rest();
    for number in 0..50 {
        let image = Image::new("large").sized_layer(100 + number, 1000);
        let tags = (0..2_000).map(|tag| format!("v{number}-{tag}"));
        bench.sandbox.push_tags("acme-images", image, tags).unwrap();
        bench.clock.advance(Duration::from_secs(60));
    }
    bench.clock.advance(DAY);
    let began = bench.now();
    let planned = bench.plan("[[rule]]\nolder_than = \"30d\"").await;
    bench.row(&format!("{name}: the plan"), began);
    bench.clock.advance(DAY);
    let began = bench.now();
    bench.apply(&planned, false).await;
    bench.row(&format!("{name}: the deletions"), began);
}

async fn parts(name: &str) {
    let bench = Bench::start().await;
    for repository in 0..200 {
        let name = format!("shop/{repository:04}");
        let part = |number| Image::new(name.as_str()).sized_layer(number, 1000);
        let index = Image::index(name.as_str());
        let index = index
            .child(part(2 * repository))
            .child(part(2 * repository + 1));
        bench.push(index.tag("v1"));
        bench.push(part(10_000 + repository).tag("latest"));
    }
    bench.rest();
    let began = bench.now();
    bench.plan(ALL_OLD).await;
    bench.row(name, began);
}

async fn inventory_far_away(name: &str) {
    let bench = Bench::far_away().await;
    bench.fill(100, 2);
    bench.sandbox.add_fault(Fault::latency(LATENCY)).unwrap();
    bench.counts.reset();
    let began = bench.now();
    RegistryInventory::read(&bench.registry).await.unwrap();
    bench.row(name, began);
}

async fn apply_far_away(name: &str, manifests_first: bool) {
    let mut bench = Bench::far_away().await;
    bench.fill(40, 1);
    for repository in 0..40 {
        let name = format!("shop/{repository:04}");
        bench.push(
            Image::new(name)
                .sized_layer(10_000 + repository, 1)
                .tag("latest"),
        );
    }
    let mut policy = RetentionPolicy::from_toml("[[rule]]\nkeep_newest = 0").unwrap();
    policy.min_age = docr::retention::Age::default();
    let mut inventory = bench.inventory(&policy).await;
    let request = CredentialsRequest::read_only().expires_in(DAY);
    let credentials = bench.registry.docker_credentials(request).await.unwrap();
    let reader = OciManifests::new(bench.registry.name(), &credentials).unwrap();
    let reader = reader.plain_http_host(bench.sandbox.addr().to_string());
    inventory.read_manifests(&policy, &reader).await;
    let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
    assert_eq!(plan.deletions.len(), 80);
    bench.sandbox.add_fault(Fault::latency(LATENCY)).unwrap();
    let docr = client(&bench.sandbox, Arc::new(SystemClock), &bench.counts);
    bench.registry = docr.registry(registry_name());
    bench.counts.reset();
    let began = bench.now();
    bench.apply(&(plan, reader), manifests_first).await;
    bench.row(name, began);
}
