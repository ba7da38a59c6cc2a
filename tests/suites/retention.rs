//! Retention against the sandbox: plan, look again, delete, report.

use std::time::Duration;

use docr::{
    Client, CredentialsRequest, Digest, GarbageCollectionType, RegistryHandle, RepositoryName,
    retention::{
        ImageParts, OciParts, Outcome, PlanWarning, RegistryInventory, RetentionPlan,
        RetentionPolicy,
    },
};
use docr_sandbox::{Clock, Image, ScriptedAnswer};
use docr_tests::sandbox::{Checked, furnish, registry_name, sharing, start};

const DAY: Duration = Duration::from_secs(86_400);

/// Five images of `shop/api`, a day apart, the newest last; the third is `latest`, too, and one of them multi-platform.
struct Bench {
    sandbox: Checked,
    clock: Clock,
    docr: Client,
    registry: RegistryHandle,
}

impl Bench {
    async fn start() -> Self {
        let (sandbox, clock) = start().await;
        furnish(&sandbox).await;
        let docr = sharing(&sandbox, &clock);
        let registry = docr.registry(registry_name());
        let bench = Self {
            sandbox,
            clock,
            docr,
            registry,
        };
        for (seed, tag) in [(1, "v1"), (2, "v2"), (3, "v3"), (4, "v4")] {
            let image = Image::new("shop/api").sized_layer(seed, 1_000_000);
            let tags = if seed == 3 {
                vec![tag, "latest"]
            } else {
                vec![tag]
            };
            bench.sandbox.push_tags("acme-images", image, tags).unwrap();
            bench.clock.advance(DAY);
        }
        let part = |seed| Image::new("shop/api").sized_layer(seed, 1_000_000);
        let index = Image::index("shop/api")
            .child(part(5))
            .child(part(6))
            .tag("v5");
        bench.push(index);
        bench.clock.advance(DAY);
        bench
    }

    fn push(&self, image: Image) {
        self.sandbox.push("acme-images", image).unwrap();
    }

    async fn inventory(&self) -> RegistryInventory {
        RegistryInventory::read(&self.registry).await.unwrap()
    }

    async fn plan(&self, rule: &str) -> RetentionPlan {
        RetentionPlan::make(&policy(rule), &self.inventory().await).unwrap()
    }

    async fn tags(&self) -> Vec<String> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let tags = repository.tags().all().await.unwrap();
        let mut names: Vec<_> = tags.into_iter().map(|tag| tag.tag).collect();
        names.sort();
        names
    }

    fn manifest_deletes(&self) -> usize {
        let requests = self.sandbox.requests();
        let is_it = |path: &str| path.contains("/digests/");
        let deletes = requests
            .iter()
            .filter(|request| request.method == "DELETE" && is_it(&request.path));
        deletes.count()
    }

    fn deletes(&self) -> usize {
        let requests = self.sandbox.requests();
        requests
            .iter()
            .filter(|request| request.method == "DELETE")
            .count()
    }
}

fn policy(rule: &str) -> RetentionPolicy {
    RetentionPolicy::from_toml(&format!("[[rule]]\n{rule}")).unwrap()
}

fn outcomes(report: &docr::retention::RetentionReport) -> Vec<String> {
    report.steps.iter().map(|step| step.to_string()).collect()
}

/// Knows the parts of one image.
struct Parts(String, Vec<String>);

impl ImageParts for Parts {
    async fn parts(
        &self,
        _: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Digest>, Box<dyn std::error::Error + Send + Sync>> {
        if digest.as_str() != self.0 {
            return Ok(Vec::new());
        }
        Ok(self
            .1
            .iter()
            .map(|part| part.parse())
            .collect::<Result<_, _>>()?)
    }
}

#[tokio::test]
async fn a_plan_is_made_without_a_delete_and_shows_what_goes_and_why_the_rest_stays() {
    let bench = Bench::start().await;
    let plan = bench.plan("keep_newest = 1\nolder_than = '1d'").await;
    assert_eq!(bench.deletes(), 0);
    insta::with_settings!({ snapshot_path => "../shown", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("retention-plan", format!("{plan}\n{}", plan.kept_table()));
    });
}

#[tokio::test]
async fn a_plan_is_carried_out_and_what_it_freed_is_collected() {
    let bench = Bench::start().await;
    let plan = bench.plan("keep_newest = 1\nolder_than = '1d'").await;
    assert_eq!(
        plan.warnings,
        [PlanWarning::ManifestsStay("shop/api".into())]
    );
    let mut seen = Vec::new();
    let run = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|step| seen.push(step.to_string()));
    let report = run.await.unwrap();
    assert_eq!(report.to_string(), "3 deleted");
    assert!(report.is_complete());
    seen.sort();
    assert_eq!(seen, outcomes(&report));
    assert_eq!(bench.tags().await, ["latest", "v3", "v5"]);

    let what = report.garbage_collection().unwrap();
    assert_eq!(
        what,
        GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs
    );
    let runs = bench.registry.garbage_collections();
    let run = runs.start(what).await.unwrap();
    let done = runs.watch(run.uuid.parse().unwrap()).wait().await.unwrap();
    // The plan counts the parts of the multi-platform image as untagged, but they were so before it.
    assert_eq!(done.freed_bytes, Some(plan.freed_bytes));
}

#[tokio::test]
async fn untagged_manifests_go_only_by_asking_and_parts_of_images_stay_when_they_are_known() {
    let bench = Bench::start().await;
    let rule = "delete_tags = ['v1', 'v2']\ndelete_untagged = true";
    let blind = bench.plan(rule).await;
    assert_eq!(
        blind.warnings,
        [PlanWarning::PartsUnknown("shop/api".into())]
    );
    assert!(
        blind.to_string().starts_with("warning: DANGER: shop/api"),
        "{blind}"
    );
    let manifests = |plan: &RetentionPlan| {
        let deletions = plan.deletions.iter();
        let manifests =
            deletions.filter(|deletion| deletion.subject.to_string().starts_with("manifest"));
        manifests
            .map(|deletion| deletion.digest.clone().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        manifests(&blind).len(),
        4,
        "two images and two parts:\n{blind}"
    );

    let mut inventory = bench.inventory().await;
    let repository = &inventory.repositories[0];
    let index = repository
        .tags
        .iter()
        .find(|tag| tag.tag == "v5")
        .unwrap()
        .digest
        .clone()
        .unwrap();
    let tagged: Vec<_> = repository
        .tags
        .iter()
        .filter_map(|tag| tag.digest.clone())
        .collect();
    let untagged = repository
        .manifests
        .iter()
        .map(|manifest| manifest.digest.clone());
    let parts: Vec<_> = untagged.filter(|digest| !tagged.contains(digest)).collect();
    inventory
        .resolve(&Parts(index.clone(), parts.clone()))
        .await
        .unwrap();
    let plan = RetentionPlan::make(&policy(rule), &inventory).unwrap();
    assert_eq!(plan.warnings, []);
    assert_eq!(manifests(&plan).len(), 2, "{plan}");
    let difference = plan.difference(&blind);
    assert_eq!((difference.added.len(), difference.removed.len()), (0, 2));
    assert!(
        difference
            .to_string()
            .starts_with("- shop/api manifest sha256:"),
        "{difference}"
    );
    assert!(
        plan.kept_table().contains("part of sha256:"),
        "{}",
        plan.kept_table()
    );

    let report = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    assert_eq!(report.to_string(), "4 deleted");
    assert_eq!(
        report.garbage_collection(),
        Some(GarbageCollectionType::UnreferencedBlobsOnly)
    );
    let left = bench.inventory().await;
    let left: Vec<_> = left.repositories[0]
        .manifests
        .iter()
        .map(|manifest| &manifest.digest)
        .collect();
    assert!(
        parts
            .iter()
            .chain([&index])
            .all(|digest| left.contains(&digest))
    );
}

#[tokio::test]
async fn the_registry_itself_tells_the_parts() {
    let bench = Bench::start().await;
    let mut inventory = bench.inventory().await;
    let request = CredentialsRequest::read_only().expires_in(DAY);
    let credentials = bench.registry.docker_credentials(request).await.unwrap();
    let parts = || {
        let parts = OciParts::new(bench.registry.name(), &credentials).unwrap();
        parts.plain_http_host(bench.sandbox.addr().to_string())
    };
    inventory.resolve(&parts()).await.unwrap();
    let known = inventory.repositories[0].parts.clone().unwrap();
    let index = inventory.repositories[0]
        .tags
        .iter()
        .find(|tag| tag.tag == "v5")
        .unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[index.digest.as_ref().unwrap()].len(), 2);
    let rule = policy("delete_tags = ['v1', 'v2']\ndelete_untagged = true");
    let plan = RetentionPlan::make(&rule, &inventory).unwrap();
    assert!(!plan.is_dangerous());
    assert_eq!(plan.deletions.len(), 4, "{plan}");

    // Without good credentials nothing is known, and nothing of it is made up.
    let secret = credentials.user_and_password().unwrap().1;
    bench.docr.revoke(&credentials).await.unwrap();
    let mut again = bench.inventory().await;
    let error = again.resolve(&parts()).await.unwrap_err().to_string();
    assert!(
        error.contains("Not authorized") && !error.contains(secret.expose()),
        "{error}"
    );
    assert_eq!(again.repositories[0].parts, None);
    assert!(!format!("{:?}", parts()).contains(secret.expose()));
}

#[tokio::test]
async fn what_has_changed_since_the_plan_is_left_alone() {
    let bench = Bench::start().await;
    let plan = bench
        .plan("delete_tags = ['v*']\ndelete_untagged = true")
        .await;
    // v1 moves, v2 is deleted by somebody, and the manifest of v4 gets another tag.
    bench.push(Image::new("shop/api").sized_layer(9, 1_000_000).tag("v1"));
    let repository = bench.registry.repository("shop/api".parse().unwrap());
    repository.delete_tag(&"v2".parse().unwrap()).await.unwrap();
    let report = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("shop/api tag v1: changed: it leads to sha256:"),
        "{all}"
    );
    assert!(all.contains("shop/api tag v2: gone already"), "{all}");
    assert!(all.contains("shop/api tag v4: deleted"), "{all}");
    // The manifests stay with the tag that stays.
    assert_eq!(bench.manifest_deletes(), 0, "{all}");
    assert!(
        all.contains("changed: a tag that was to go before it is still there"),
        "{all}"
    );
    assert!(report.is_complete());
    assert!(bench.tags().await.contains(&"v1".to_owned()));
}

#[tokio::test]
async fn manifests_stay_when_a_tag_that_was_to_go_could_not_be_deleted() {
    let bench = Bench::start().await;
    // The parts of v5 are to go with it; when v5 stays, they must stay, or the image breaks.
    let plan = bench
        .plan("delete_tags = ['v5']\ndelete_untagged = true")
        .await;
    for _ in 0..5 {
        let failed = ScriptedAnswer::status(500);
        bench
            .sandbox
            .answer_next("registries_delete_repositoryTag", failed)
            .unwrap();
    }
    let report = plan.execution(&bench.registry).unwrap();
    let report = report.run(|_| {}).await.unwrap();
    assert!(!report.is_complete());
    assert_eq!(bench.manifest_deletes(), 0, "{report}");
    // When it is gone, the next run takes them.
    let report = plan.execution(&bench.registry).unwrap();
    let report = report.run(|_| {}).await.unwrap();
    assert_eq!(report.to_string(), "4 deleted");
}

#[tokio::test]
async fn manifests_of_a_repository_that_was_pushed_to_since_the_plan_are_left_alone() {
    let bench = Bench::start().await;
    let plan = bench
        .plan("delete_tags = ['v1']\ndelete_untagged = true")
        .await;
    bench.push(
        Image::new("shop/api")
            .sized_layer(9, 1_000_000)
            .tag("other"),
    );
    let report = plan.execution(&bench.registry).unwrap();
    let report = report.run(|_| {}).await.unwrap();
    // Who knows what the manifests are part of now.
    let all = outcomes(&report).join("\n");
    assert!(all.contains("shop/api tag v1: deleted"), "{all}");
    assert!(
        all.contains("changed: the repository was pushed to since the plan was made"),
        "{all}"
    );
    assert_eq!(bench.manifest_deletes(), 0);
}

#[tokio::test]
async fn a_tag_that_was_pushed_again_to_the_same_image_is_left_alone() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v1']").await;
    bench.push(Image::new("shop/api").sized_layer(1, 1_000_000).tag("v1"));
    let report = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    assert_eq!(
        outcomes(&report),
        ["shop/api tag v1: changed: it was pushed again"]
    );
    assert_eq!(bench.deletes(), 0);
}

#[tokio::test]
async fn a_manifest_that_was_tagged_since_is_left_alone() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = []\ndelete_untagged = true").await;
    assert_eq!(plan.deletions.len(), 2, "the parts of v5:\n{plan}");
    let part = Image::new("shop/api").sized_layer(5, 1_000_000).tag("part");
    bench.push(part);
    let report = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    assert!(
        report
            .steps
            .iter()
            .all(|step| matches!(step.outcome, Outcome::Changed(_))),
        "{report}"
    );
    assert_eq!(bench.deletes(), 0);
}

#[tokio::test]
async fn a_stopped_run_is_resumed_and_asks_for_nothing_twice() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    // The service fails for one of them, more often than a call is repeated.
    for _ in 0..5 {
        let failed = ScriptedAnswer::status(500);
        bench
            .sandbox
            .answer_next("registries_delete_repositoryTag", failed)
            .unwrap();
    }
    let first = plan.execution(&bench.registry).unwrap().concurrency(1);
    let first = first.run(|_| {}).await.unwrap();
    assert!(
        first.to_string().contains("shop/api tag v1: failed: "),
        "{first}"
    );
    assert!(
        first.to_string().ends_with("3 deleted, 1 failed"),
        "{first}"
    );
    assert!(!first.is_complete());
    // The report survives being kept.
    let kept = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    bench.sandbox.clear_requests();
    let second = plan.execution(&bench.registry).unwrap().resume(&kept);
    let second = second.run(|_| {}).await.unwrap();
    assert_eq!(second.to_string(), "1 deleted, 3 gone already");
    assert_eq!(bench.deletes(), 1);
    // Without the report the second look tells the same.
    let third = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    assert_eq!(third.to_string(), "4 gone already");
}

#[tokio::test]
async fn a_refusal_stops_the_run_and_names_what_was_not_tried() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    let runs = bench.registry.garbage_collections();
    runs.start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    let run = plan.execution(&bench.registry).unwrap().concurrency(1);
    let report = run.run(|_| {}).await.unwrap();
    assert!(
        matches!(report.steps[0].outcome, Outcome::Refused(_)),
        "{report}"
    );
    assert!(
        report.to_string().ends_with("3 not tried, 1 refused"),
        "{report}"
    );
    assert_eq!(report.garbage_collection(), None);
    assert_eq!(bench.deletes(), 1);
}

#[tokio::test]
async fn a_plan_is_not_carried_out_on_another_registry() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    let other = bench.docr.registry("acme-mirror".parse().unwrap());
    let error = plan.execution(&other).unwrap_err().to_string();
    assert_eq!(
        error,
        "registry \"acme-mirror\": the plan is for the registry acme-images"
    );
}

#[tokio::test]
async fn a_repository_that_is_gone_is_gone_with_all_in_it() {
    let bench = Bench::start().await;
    let plan = bench
        .plan("delete_tags = ['v*']\ndelete_untagged = true")
        .await;
    bench
        .registry
        .repository("shop/api".parse().unwrap())
        .delete()
        .await
        .unwrap();
    let report = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|_| {})
        .await
        .unwrap();
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::GoneAlready),
        "{report}"
    );
}

#[test]
fn an_inventory_with_the_same_tag_twice_is_refused() {
    let text = r#"{"registry": "a", "read_at": "2026-01-01T12:00:00Z", "repositories": [
        {"name": "shop", "tags": [{"tag": "v1", "digest": null, "updated_at": null},
                                  {"tag": "v1", "digest": null, "updated_at": null}], "manifests": []}]}"#;
    let inventory: RegistryInventory = serde_json::from_str(text).unwrap();
    let error = RetentionPlan::make(&policy("keep_newest = 1"), &inventory).unwrap_err();
    assert_eq!(error.to_string(), "tag \"v1\": is twice in the inventory");
}

#[test]
fn the_schema_of_a_policy_accepts_what_the_reader_accepts() {
    let schema = schemars::schema_for!(RetentionPolicy);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for (text, fine) in [
        ("[[rule]]\nkeep_newest = 3", true),
        ("[[rule]]\nolder_than = '30d'\nprotect_tags = ['v*']", true),
        ("", true),
        ("[[rule]]\nkeep_newest = -3", false),
        ("[[rule]]\nolder_than = 'soon'", false),
        ("[[rules]]\nkeep_newest = 3", false),
    ] {
        let value: serde_json::Value = toml::from_str(text).unwrap();
        assert_eq!(validator.is_valid(&value), fine, "{text}");
        assert_eq!(RetentionPolicy::from_toml(text).is_ok(), fine, "{text}");
    }
}

/// A run can be spawned on a runtime with several threads.
#[test]
fn a_run_is_send() {
    fn is_send(_: impl Send) {}
    fn check(plan: &RetentionPlan, registry: &RegistryHandle) {
        is_send(plan.execution(registry).unwrap().run(|_| {}));
        is_send(RegistryInventory::read(registry));
    }
    let _ = check;
}
