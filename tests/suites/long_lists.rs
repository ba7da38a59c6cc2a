//! Deletions in repositories with long lists: only deleted and new images are read again, and any other change is still
//! found.

use std::{collections::BTreeSet, time::Duration};

use docr::{
    CreateRegistry, CredentialsRequest, RegistryHandle, TierSlug,
    retention::{
        OciManifests, Outcome, RegistryInventory, RetentionPlan, RetentionPolicy, RetentionReport,
        Subject,
    },
};
use docr_sandbox::{Clock, Image};
use docr_tests::sandbox::{Checked, document_reader, registry_name, sharing, start_with};

const DAY: Duration = Duration::from_secs(86_400);

/// An old image, tagged `old`, that is deleted, and three with 2,000 tags each that are kept: 31 pages of tags, one of
/// manifests.
struct Bench {
    sandbox: Checked,
    clock: Clock,
    registry: RegistryHandle,
    old: String,
}

impl Bench {
    async fn start() -> Self {
        let (sandbox, clock) = start_with(|builder| builder.check_responses(false)).await;
        let docr = sharing(&sandbox, &clock);
        let wanted = CreateRegistry::new(registry_name(), TierSlug::Professional);
        docr.registries().create(wanted).await.unwrap();
        let registry = docr.registry(registry_name());
        let old = sandbox.push("acme-images", image(1).tag("old")).unwrap();
        clock.advance(60 * DAY);
        for number in 10..13 {
            let tags = (0..2_000).map(|tag| format!("v{number}-{tag}"));
            sandbox
                .push_tags("acme-images", image(number), tags)
                .unwrap();
            clock.advance(Duration::from_secs(60));
        }
        Self {
            sandbox,
            clock,
            registry,
            old: old.digest,
        }
    }

    async fn reader(&self) -> OciManifests {
        let request = CredentialsRequest::read_only().expires_in(365 * DAY);
        document_reader(&self.registry, &self.sandbox, request).await
    }

    async fn plan(&self) -> RetentionPlan {
        let policy = RetentionPolicy::from_toml("[[rule]]\nolder_than = \"30d\"").unwrap();
        let mut inventory = RegistryInventory::read_for(&self.registry, &policy)
            .await
            .unwrap();
        inventory
            .read_manifests(&policy, &self.reader().await)
            .await;
        let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
        let subjects: Vec<_> = plan.deletions.iter().map(|it| it.subject.clone()).collect();
        let expected = [
            Subject::Tag("old".into()),
            Subject::Manifest(self.old.as_str().into()),
        ];
        assert_eq!(subjects, expected);
        assert_eq!(plan.newest_first, BTreeSet::from(["large".into()]));
        // Later pushes are newer than everything that was read.
        self.clock.advance(Duration::from_secs(60));
        plan
    }

    /// Applies a plan, and counts the pages that were read.
    async fn apply(&self, plan: &RetentionPlan) -> (RetentionReport, usize) {
        let reader = self.reader().await;
        self.sandbox.clear_requests();
        let execution = plan.execution(&self.registry).unwrap();
        let report = execution.reader(&reader).run(|_| ()).await;
        let requests = self.sandbox.requests().into_iter();
        let pages = requests.filter(|request| {
            let operation = request.operation.as_deref().unwrap_or_default();
            operation.starts_with("registries_list_repository")
        });
        (report, pages.count())
    }

    async fn has_old_manifest(&self) -> bool {
        let repository = self.registry.repository("large".parse().unwrap());
        let manifests = repository.manifests().all().await.unwrap();
        manifests.iter().any(|manifest| manifest.digest == self.old)
    }
}

fn image(number: u64) -> Image {
    Image::new("large").sized_layer(number, 1000)
}

#[tokio::test]
async fn only_deleted_and_new_images_are_read_again() {
    let bench = Bench::start().await;
    let (report, pages) = bench.apply(&bench.plan().await).await;
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Deleted),
        "{report}"
    );
    assert!(!bench.has_old_manifest().await);
    // For the tag: the first pages and the search for the last one. For the manifest: the first pages again.
    assert!(pages <= 10, "{pages}");
}

#[tokio::test]
async fn an_image_that_an_old_tag_has_moved_to_is_kept() {
    let bench = Bench::start().await;
    let plan = bench.plan().await;
    bench
        .sandbox
        .push("acme-images", image(1).tag("v11-5"))
        .unwrap();
    let (report, pages) = bench.apply(&plan).await;
    assert!(
        matches!(report.steps[1].outcome, Outcome::Changed(_)),
        "{report}"
    );
    assert!(bench.has_old_manifest().await);
    assert!(pages > 31, "after a change everything is read: {pages}");
}

#[tokio::test]
async fn an_image_that_is_part_of_a_new_index_is_kept() {
    let bench = Bench::start().await;
    let plan = bench.plan().await;
    let index = Image::index("large").child(image(1)).tag("multi");
    bench.sandbox.push("acme-images", index).unwrap();
    let (report, _) = bench.apply(&plan).await;
    assert!(bench.has_old_manifest().await, "{report}");
}

#[tokio::test]
async fn an_image_that_was_pushed_again_is_kept() {
    let bench = Bench::start().await;
    let plan = bench.plan().await;
    bench
        .sandbox
        .push("acme-images", image(1).tag("old"))
        .unwrap();
    let (report, _) = bench.apply(&plan).await;
    assert!(bench.has_old_manifest().await, "{report}");
    assert!(
        report
            .steps
            .iter()
            .all(|step| matches!(step.outcome, Outcome::Changed(_)))
    );
}

#[tokio::test]
async fn an_image_that_is_tagged_during_the_execution_is_kept() {
    let bench = Bench::start().await;
    let plan = bench.plan().await;
    let reader = bench.reader().await;
    let execution = plan.execution(&bench.registry).unwrap().reader(&reader);
    let sandbox = &bench.sandbox;
    let report = execution.run(|step| {
        if matches!(step.deletion.subject, Subject::Tag(_)) {
            sandbox
                .push("acme-images", image(1).tag("release"))
                .unwrap();
        }
    });
    let report = report.await;
    assert!(
        matches!(report.steps[1].outcome, Outcome::Changed(_)),
        "{report}"
    );
    assert!(bench.has_old_manifest().await);
}

#[tokio::test]
async fn after_an_unrelated_deletion_everything_is_read_and_the_plan_is_applied() {
    let bench = Bench::start().await;
    let plan = bench.plan().await;
    assert!(bench.sandbox.delete("acme-images", "large", "v10-7"));
    let (report, pages) = bench.apply(&plan).await;
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Deleted),
        "{report}"
    );
    assert!(pages > 31, "{pages}");
}
