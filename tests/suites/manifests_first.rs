//! Deleting manifests before their tags, with a service that deletes the tags as well and with one that keeps them.

use std::{collections::BTreeSet, io, time::Duration};

use docr::{
    CreateRegistry, CredentialsRequest, RegistryHandle, TierSlug,
    retention::{
        Deletion, ObserveRetention, OciManifests, Outcome, RegistryInventory, RetentionPlan,
        RetentionPolicy, RetentionReport, RetentionStep, Subject,
    },
};
use docr_sandbox::{Clock, Image, ScriptedResponse};
use docr_tests::sandbox::{Checked, document_reader, registry_name, sharing, start_with};
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const DELETE_MANIFEST: &str = "registries_delete_repositoryManifest";
const DELETE_TAG: &str = "registries_delete_repositoryTag";

struct Bench {
    sandbox: Checked,
    clock: Clock,
    registry: RegistryHandle,
}

impl Bench {
    /// Four old images with two tags each, and one that is kept, both in `api` and in `web`.
    async fn start(tags_remain: bool) -> Self {
        let (sandbox, clock) =
            start_with(|builder| builder.manifests_leave_tags(tags_remain)).await;
        let docr = sharing(&sandbox, &clock);
        let wanted = CreateRegistry::new(registry_name(), TierSlug::Professional);
        docr.registries().create(wanted).await.unwrap();
        let registry = docr.registry(registry_name());
        let bench = Self {
            sandbox,
            clock,
            registry,
        };
        for repository in ["api", "web"] {
            for number in 0..4 {
                bench.push(
                    image(repository, number)
                        .tag(format!("v{number}"))
                        .tag(format!("b{number}")),
                );
            }
            bench.push(image(repository, 9).tag("latest"));
        }
        bench.clock.advance(60 * DAY);
        bench.sandbox.clear_requests();
        bench
    }

    fn push(&self, image: Image) -> String {
        self.sandbox.push("acme-images", image).unwrap().digest
    }

    async fn reader(&self) -> OciManifests {
        let request = CredentialsRequest::read_only().expires_in(365 * DAY);
        document_reader(&self.registry, &self.sandbox, request).await
    }

    async fn plan(&self) -> RetentionPlan {
        let policy = "[[rule]]\nolder_than = \"30d\"\ndelete_untagged = true";
        let policy = RetentionPolicy::from_toml(policy).unwrap();
        let mut inventory = RegistryInventory::read_for(&self.registry, &policy)
            .await
            .unwrap();
        let reader = self.reader().await;
        inventory.read_manifests(&policy, &reader).await;
        RetentionPlan::compute(&policy, &inventory).unwrap()
    }

    /// Applies a plan, manifests first, and records what is observed.
    async fn apply(&self, plan: &RetentionPlan) -> (RetentionReport, Observed) {
        let reader = self.reader().await;
        let execution = plan.execution(&self.registry).unwrap();
        let execution = execution.manifests_first(true).reader(&reader);
        self.sandbox.clear_requests();
        let mut observed = Observed::default();
        let report = execution.run_observed(&mut observed).await;
        (report, observed)
    }

    /// The operations that were requested, in order.
    fn requested(&self) -> Vec<String> {
        let requests = self.sandbox.requests().into_iter();
        requests.filter_map(|request| request.operation).collect()
    }

    fn times(&self, operation: &str) -> usize {
        self.requested()
            .iter()
            .filter(|requested| *requested == operation)
            .count()
    }

    async fn tags(&self, repository: &str) -> BTreeSet<String> {
        let repository = self.registry.repository(repository.parse().unwrap());
        let tags = repository.tags().all().await.unwrap();
        tags.into_iter().map(|tag| tag.tag).collect()
    }

    async fn manifests(&self, repository: &str) -> BTreeSet<String> {
        let repository = self.registry.repository(repository.parse().unwrap());
        let manifests = repository.manifests().all().await.unwrap();
        manifests
            .into_iter()
            .map(|manifest| manifest.digest)
            .collect()
    }
}

fn image(repository: &str, number: u64) -> Image {
    Image::new(repository).sized_layer(number, 1000)
}

fn error_response(status: u16, id: &str) -> ScriptedResponse {
    ScriptedResponse::json(status, json!({ "id": id, "message": "not now" }))
}

/// The deletions that were observed: begun, and ended with their outcomes.
#[derive(Default)]
struct Observed {
    begun: Vec<Deletion>,
    ended: Vec<RetentionStep>,
}

impl ObserveRetention for Observed {
    fn begins(&mut self, deletion: &Deletion) -> io::Result<()> {
        self.begun.push(deletion.clone());
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        self.ended.push(step.clone());
    }
}

impl Observed {
    /// Checks that each deletion of a plan was begun, and ended once, after that of what it belongs to.
    fn check(&self, plan: &RetentionPlan) {
        assert_eq!(self.ended.len(), plan.deletions.len());
        let end = |repository: &str, subject: &Subject| {
            let mut steps = self.ended.iter().map(|step| &step.deletion);
            steps.position(|it| it.repository == *repository && it.subject == *subject)
        };
        for deletion in &plan.deletions {
            assert!(self.begun.contains(deletion), "{deletion}");
            let ends = self.ended.iter().filter(|step| step.deletion == *deletion);
            assert_eq!(ends.count(), 1, "{deletion}");
            for before in { &deletion.after }
                .iter()
                .filter(|it| matches!(it, Subject::Manifest(_)))
            {
                let (first, then) = (before, &deletion.subject);
                let ends = [first, then].map(|it| end(&deletion.repository, it));
                assert!(ends[0] < ends[1], "{deletion} before {first}");
            }
        }
    }
}

fn kept_tags() -> BTreeSet<String> {
    BTreeSet::from(["latest".to_owned()])
}

#[tokio::test]
async fn tags_deleted_with_their_manifest_take_no_request() {
    let bench = Bench::start(false).await;
    let plan = bench.plan().await;
    let (report, observed) = bench.apply(&plan).await;
    assert_eq!(report.steps.len(), 24, "8 manifests and 16 tags");
    let deleted = report
        .steps
        .iter()
        .filter(|step| step.outcome == Outcome::Deleted);
    assert_eq!(deleted.count(), 24, "{report}");
    observed.check(&plan);
    assert_eq!(
        (bench.times(DELETE_MANIFEST), bench.times(DELETE_TAG)),
        (8, 0)
    );
    // One read of each repository, and one more that found the tags deleted.
    assert_eq!(bench.times("registries_list_repositoryTags"), 3);
    assert_eq!(bench.times("registries_list_repositoryManifests"), 3);
    for repository in ["api", "web"] {
        assert_eq!(bench.tags(repository).await, kept_tags());
        assert_eq!(bench.manifests(repository).await.len(), 1);
    }
}

#[tokio::test]
async fn where_tags_remain_they_are_deleted_and_the_rest_is_done_tags_first() {
    let bench = Bench::start(true).await;
    let plan = bench.plan().await;
    let (report, observed) = bench.apply(&plan).await;
    let outcomes = report.steps.iter().map(|step| &step.outcome);
    assert!(outcomes.eq([&Outcome::Deleted; 24]), "{report}");
    observed.check(&plan);
    assert_eq!(
        (bench.times(DELETE_MANIFEST), bench.times(DELETE_TAG)),
        (8, 16)
    );
    let deletes: Vec<_> = bench
        .requested()
        .into_iter()
        .filter(|operation| operation.contains("delete"))
        .collect();
    assert_eq!(deletes[0], DELETE_MANIFEST, "the first one is tried");
    assert_eq!(deletes[1], DELETE_TAG);
    for repository in ["api", "web"] {
        assert_eq!(bench.tags(repository).await, kept_tags());
        assert_eq!(bench.manifests(repository).await.len(), 1);
    }
}

#[tokio::test]
async fn an_image_that_was_tagged_since_the_plan_is_kept() {
    for tags_remain in [false, true] {
        let bench = Bench::start(tags_remain).await;
        let plan = bench.plan().await;
        let kept = [("api", 0), ("web", 3)].map(|(repository, number)| {
            let digest = bench.push(image(repository, number).tag("release"));
            (repository, digest)
        });
        let (report, _) = bench.apply(&plan).await;
        for (repository, digest) in kept {
            assert!(
                bench.manifests(repository).await.contains(&digest),
                "{report}"
            );
            assert!(bench.tags(repository).await.contains("release"));
            let subject = Subject::Manifest(digest.into());
            let of_it = |step: &&RetentionStep| {
                step.deletion.subject == subject && step.deletion.repository == repository
            };
            let step = report.steps.iter().find(of_it).unwrap();
            assert!(matches!(step.outcome, Outcome::Changed(_)), "{report}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_has_moved_since_the_plan_keeps_its_new_image() {
    for tags_remain in [false, true] {
        let bench = Bench::start(tags_remain).await;
        let plan = bench.plan().await;
        let digest = bench.push(image("api", 77).tag("v1"));
        let (report, _) = bench.apply(&plan).await;
        assert!(bench.manifests("api").await.contains(&digest), "{report}");
        assert!(bench.tags("api").await.contains("v1"), "{report}");
    }
}

#[tokio::test]
async fn parts_and_signatures_are_deleted_after_their_image() {
    for tags_remain in [false, true] {
        let bench = Bench::start(tags_remain).await;
        let part = |number| image("api", number);
        let index = Image::index("api")
            .child(part(20))
            .child(part(21))
            .tag("multi");
        bench.push(part(20).tag("part"));
        let index = bench.push(index);
        let signature = format!("{}.sig", index.replace(':', "-"));
        bench.push(image("api", 22).tag(signature));
        bench.clock.advance(60 * DAY);
        let plan = bench.plan().await;
        let (report, observed) = bench.apply(&plan).await;
        observed.check(&plan);
        assert!(report.is_complete(), "{report}");
        assert_eq!(bench.tags("api").await, kept_tags(), "{report}");
        assert_eq!(bench.manifests("api").await.len(), 1, "{report}");
        assert_eq!(bench.times(DELETE_MANIFEST), 12);
        let tags = if tags_remain { 19 } else { 0 };
        assert_eq!(bench.times(DELETE_TAG), tags);
    }
}

#[tokio::test]
async fn a_refused_first_manifest_stops_the_execution_before_any_tag() {
    let bench = Bench::start(false).await;
    let plan = bench.plan().await;
    let refusal = error_response(409, "conflict");
    bench
        .sandbox
        .respond_next(DELETE_MANIFEST, refusal)
        .unwrap();
    let (report, _) = bench.apply(&plan).await;
    let count = |is_it: fn(&Outcome) -> bool| {
        report
            .steps
            .iter()
            .filter(|step| is_it(&step.outcome))
            .count()
    };
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Refused(_))), 1);
    assert_eq!(count(|outcome| *outcome == Outcome::NotTried), 23);
    assert_eq!(
        bench.tags("api").await.len() + bench.tags("web").await.len(),
        18
    );
}

#[tokio::test]
async fn a_manifest_that_cannot_be_deleted_before_its_tags_is_deleted_after_them() {
    let bench = Bench::start(false).await;
    let plan = bench.plan().await;
    let refusal = error_response(422, "unprocessable_entity");
    bench
        .sandbox
        .respond_next(DELETE_MANIFEST, refusal)
        .unwrap();
    let (report, observed) = bench.apply(&plan).await;
    observed.check(&plan);
    assert!(report.is_complete(), "{report}");
    assert_eq!(
        (bench.times(DELETE_MANIFEST), bench.times(DELETE_TAG)),
        (9, 16)
    );
    assert_eq!(bench.tags("api").await, kept_tags());
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_is_tried_once_and_left_alone() {
    let bench = Bench::start(false).await;
    let plan = bench.plan().await;
    let lists = "registries_list_repositoryTags";
    for _ in 0..2 {
        bench
            .sandbox
            .respond_next(lists, error_response(422, "unprocessable_entity"))
            .unwrap();
    }
    let (report, _) = bench.apply(&plan).await;
    assert_eq!(bench.times(lists), 2, "once for each repository");
    let failed = |step: &RetentionStep| matches!(step.outcome, Outcome::Failed(_));
    assert!(report.steps.iter().all(failed), "{report}");
    assert_eq!(
        (bench.times(DELETE_MANIFEST), bench.times(DELETE_TAG)),
        (0, 0)
    );
}
