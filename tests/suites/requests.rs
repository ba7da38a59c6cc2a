//! How many requests each job makes, compared with a baseline in the repository: at 250 a minute they decide how long a
//! job takes. `UPDATE_BASELINE=1 cargo test -p docr-tests --test suites requests::` updates it.

use std::{collections::BTreeMap, env, fs, time::Duration};

use docr::{
    Client, CreateCertificate, CreateRegistry, CredentialsRequest, GarbageCollectionType,
    RegistryHandle, TierSlug,
    retention::{OciManifests, RegistryInventory, RetentionPlan, RetentionPolicy, RetentionReport},
};
use docr_sandbox::{CertificateSeed, Clock, Image};
use docr_tests::sandbox::{Checked, document_reader, registry_name, sharing, start_with};
use serde::{Deserialize, Serialize};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requests.json");
const DAY: Duration = Duration::from_secs(86_400);

/// The requests of a job, and why it needs them.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Row {
    why: String,
    requests: BTreeMap<String, usize>,
    total: usize,
}

struct Bench {
    sandbox: Checked,
    clock: Clock,
    docr: Client,
    registry: RegistryHandle,
    rows: BTreeMap<String, Row>,
}

impl Bench {
    async fn start(checks: bool) -> Self {
        let (sandbox, clock) = start_with(|builder| builder.check_responses(checks)).await;
        let docr = sharing(&sandbox, &clock);
        let wanted = CreateRegistry::new(registry_name(), TierSlug::Professional);
        docr.registries().create(wanted).await.unwrap();
        let registry = docr.registry(registry_name());
        Self {
            sandbox,
            clock,
            docr,
            registry,
            rows: BTreeMap::new(),
        }
    }

    /// Pushes images to a repository, a minute apart.
    fn push(&self, repository: &str, images: u64) {
        for number in 0..images {
            let image = Image::new(repository).platform("linux", format!("{repository}-{number}"));
            let image = image.sized_layer(1, 1_000).tag(format!("v{number}"));
            self.sandbox.push("acme-images", image).unwrap();
            self.clock.advance(Duration::from_secs(60));
        }
    }

    fn count(&mut self, job: &str, why: &str) {
        let mut requests = BTreeMap::new();
        for request in self.sandbox.requests() {
            let what = match (request.operation, request.status) {
                (Some(operation), _) => operation,
                (None, 401) => "challenge of the registry itself".to_owned(),
                (None, _) => format!("{} of the registry itself", request.method),
            };
            *requests.entry(what).or_default() += 1;
        }
        let row = Row {
            why: why.to_owned(),
            total: requests.values().sum(),
            requests,
        };
        assert!(self.rows.insert(job.to_owned(), row).is_none(), "{job}");
        self.sandbox.clear_requests();
    }

    /// Plans as `docr prune --plan` does.
    async fn plan(
        &mut self,
        shape: &str,
        rule: &str,
        exact: bool,
    ) -> (RetentionPlan, OciManifests) {
        let policy = RetentionPolicy::from_toml(rule).unwrap();
        self.sandbox.clear_requests();
        let reading = RegistryInventory::reading(&self.registry).policy(&policy);
        let mut inventory = reading.exact_bytes(exact).run(|_| ()).await.unwrap();
        let request = CredentialsRequest::read_only().expires_in(DAY);
        let reader = document_reader(&self.registry, &self.sandbox, request).await;
        inventory.read_manifests(&policy, &reader).await;
        let exactly = match exact {
            true => ", exact bytes",
            false => "",
        };
        self.count(
            &format!("plan: {shape}{exactly}"),
            "the lists that the rules apply to, credentials, and a document for each manifest of a repository from which \
             something may be deleted: no list has media types or parts",
        );
        let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
        (plan, reader)
    }

    async fn apply(&mut self, shape: &str, planned: (RetentionPlan, OciManifests)) {
        let why = "one read of each repository, a second one of its manifests after tags were deleted, and a DELETE per \
                   tag and manifest, or one for the whole repository";
        self.apply_as(&format!("apply: {shape}"), why, planned, false)
            .await;
    }

    async fn apply_as(
        &mut self,
        job: &str,
        why: &str,
        (plan, reader): (RetentionPlan, OciManifests),
        manifests_first: bool,
    ) {
        let execution = plan.execution(&self.registry).unwrap();
        let execution = execution.manifests_first(manifests_first);
        let report: RetentionReport = execution.reader(&reader).run(|_| ()).await;
        assert!(report.is_complete() && !plan.is_empty(), "{report}");
        self.count(job, why);
    }

    async fn usage(&mut self, job: &str) {
        self.docr.registries().usage().await.unwrap();
        let why = "one each, except for the pages of the list of repositories and the active garbage collection of each \
                   registry";
        self.count(job, why);
    }
}

#[tokio::test]
async fn jobs_make_the_requests_of_the_baseline() {
    let mut bench = Bench::start(true).await;
    bench.sandbox.clear_requests();
    bench.usage("usage: an empty registry").await;
    RegistryInventory::read(&bench.registry).await.unwrap();
    bench.count("inventory: an empty registry", "the list of repositories");

    bench.push("api", 450);
    bench.clock.advance(60 * DAY);
    for repository in 0..40 {
        bench.push(&format!("one/{repository:02}"), 1);
    }
    for repository in 0..5 {
        bench.push(&format!("all/{repository}"), 3);
    }
    bench.clock.advance(40 * DAY);

    bench.usage("usage: 46 repositories").await;
    let usage = bench.registry.usage().await.unwrap();
    let mut storage = bench.registry.read_storage(usage);
    while let Some(read) = storage.next().await {
        read.unwrap();
    }
    bench.count(
        "usage of each repository: 46",
        "the list of repositories suffices for those with one manifest; the others need each page of manifests",
    );
    RegistryInventory::read(&bench.registry).await.unwrap();
    bench.count(
        "inventory: 46 repositories",
        "the pages of tags and manifests; for a repository with one manifest the list of repositories suffices",
    );
    let of_one = "[[rule]]\nrepositories = [\"one/07\"]\nkeep_newest = 1";
    bench.plan("nothing of one image", of_one, false).await;
    bench.plan("nothing of one image", of_one, true).await;
    let oldest = "[[rule]]\nrepositories = [\"api\"]\nkeep_newest = 440";
    let planned = bench.plan("10 of 450 images", oldest, false).await;
    assert_eq!(planned.0.images_going(), 10);
    bench.apply("10 of 450 images", planned).await;
    let oldest = "[[rule]]\nrepositories = [\"api\"]\nkeep_newest = 430";
    let planned = bench.plan("10 of 440 images", oldest, false).await;
    let why = "one read of the repository, a second one to check whether the first manifest's tags were deleted with it, \
               and a DELETE per manifest";
    let job = "apply: 10 of 440 images, manifests first";
    bench.apply_as(job, why, planned, true).await;
    let all = "[[rule]]\nrepositories = [\"all/*\"]\nolder_than = \"30d\"";
    let planned = bench.plan("all of 5 repositories", all, false).await;
    assert_eq!(planned.0.whole_repositories.len(), 5);
    bench.apply("all of 5 repositories", planned).await;

    let request = CredentialsRequest::read_write();
    bench.registry.docker_credentials(request).await.unwrap();
    bench.count("login", "one request mints the credentials");
    let runs = bench.registry.garbage_collections();
    let run = runs
        .start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await;
    runs.watch(&run.unwrap()).wait().await.unwrap();
    bench.count(
        "garbage collection with waiting",
        "the service doesn't report the end of a garbage collection, so it is polled",
    );
    let names = ["shop.example.com"];
    bench
        .sandbox
        .add_certificate(CertificateSeed::lets_encrypt("old", names));
    let wanted = CreateCertificate::lets_encrypt("new", names);
    let certificates = bench.docr.certificates();
    let swap = async |_| Ok::<_, std::convert::Infallible>(());
    certificates.rotate("old", wanted, swap).await.unwrap();
    bench.count(
        "rotation of a certificate",
        "the old certificate is looked up by name, and the new one is polled until it is issued",
    );
    let wanted = CreateRegistry::in_subscription("acme-more".parse().unwrap());
    bench.docr.registries().create(wanted).await.unwrap();
    bench.sandbox.clear_requests();
    bench.usage("usage: two registries").await;
    let mut rows = bench.rows;
    rows.append(&mut rows_of_long_lists().await);
    compare(rows);
}

/// Deletes three of 20,003 tags.
async fn rows_of_long_lists() -> BTreeMap<String, Row> {
    let mut bench = Bench::start(false).await;
    bench.push("large", 3);
    bench.clock.advance(60 * DAY);
    for chunk in 0..10 {
        let image = Image::new("large").sized_layer(100 + chunk, 1_000);
        let tags = (0..2_000).map(|number| format!("build-{chunk}-{number}"));
        bench.sandbox.push_tags("acme-images", image, tags).unwrap();
        bench.clock.advance(Duration::from_secs(60));
    }
    let rule = "[[rule]]\nolder_than = \"30d\"";
    let planned = bench.plan("3 of 20,003 tags", rule, false).await;
    let why = "the first page of each list, where new items would be, a search for the pages of what is deleted, and a \
               DELETE per tag and manifest; after the tags the same for the manifests";
    bench
        .apply_as("apply: 3 of 20,003 tags", why, planned, false)
        .await;
    bench.rows
}

fn compare(rows: BTreeMap<String, Row>) {
    if env::var_os("UPDATE_BASELINE").is_some() {
        let text = serde_json::to_string_pretty(&rows).unwrap();
        fs::write(BASELINE, text + "\n").unwrap();
        return;
    }
    let baseline = fs::read_to_string(BASELINE).unwrap();
    let baseline: BTreeMap<String, Row> = serde_json::from_str(&baseline).unwrap();
    assert_eq!(
        baseline.keys().collect::<Vec<_>>(),
        rows.keys().collect::<Vec<_>>()
    );
    for (job, row) in &rows {
        assert_eq!(
            baseline[job], *row,
            "{job}; UPDATE_BASELINE=1 accepts the change"
        );
    }
}
