//! Retention against the sandbox: planning, checking again, deleting, reporting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use docr::{
    Client, CredentialsRequest, GarbageCollectionType, RegistryHandle, TierSlug,
    retention::{
        Deletion, KeepReason, ManifestContent, ObserveRetention, OciManifests, Outcome,
        PlanWarning, RegistryInventory, RetentionPlan, RetentionPolicy, RetentionReport,
        RetentionStep, Subject,
    },
};
use docr_sandbox::{Clock, Image, ScriptedResponse};
use docr_tests::sandbox::{
    Checked, TOKEN, client_with_clock, document_reader, furnish, inventory, registry_name, sharing,
    start,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Five images of `shop/api`, a day apart. The third is tagged `latest`, too, and the last is multi-platform.
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

    /// A reader of manifests from the sandbox.
    async fn reader(&self) -> OciManifests {
        let request = CredentialsRequest::read_only().expires_in(DAY);
        document_reader(&self.registry, &self.sandbox, request).await
    }

    async fn inventory(&self, policy: &RetentionPolicy) -> RegistryInventory {
        let (inventory, _) = inventory(&self.registry, &self.sandbox, policy).await;
        inventory
    }

    async fn plan(&self, rule: &str) -> RetentionPlan {
        self.plan_by(&policy(rule)).await
    }

    async fn plan_by(&self, policy: &RetentionPolicy) -> RetentionPlan {
        RetentionPlan::compute(policy, &self.inventory(policy).await).unwrap()
    }

    async fn apply(&self, plan: &RetentionPlan) -> RetentionReport {
        let execution = plan.execution(&self.registry).unwrap();
        execution.run(|_| {}).await
    }

    /// The digests of all manifests of `shop/api`.
    async fn manifests(&self) -> Vec<String> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let manifests = repository.manifests().all().await.unwrap();
        manifests
            .into_iter()
            .map(|manifest| manifest.digest)
            .collect()
    }

    /// Collects the garbage, and returns the freed bytes.
    async fn collect(&self, report: &RetentionReport) -> Option<u64> {
        let runs = self.registry.garbage_collections();
        let run = runs.start(report.garbage_collection()?).await.unwrap();
        let done = runs.watch(&run).wait().await.unwrap();
        done.freed_bytes
    }

    async fn tags(&self) -> Vec<String> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let tags = repository.tags().all().await.unwrap();
        let mut names: Vec<_> = tags.into_iter().map(|tag| tag.tag).collect();
        names.sort();
        names
    }

    /// The tags of `shop/api` as the service lists them.
    async fn listed_tags(&self) -> Vec<serde_json::Value> {
        let repository = self.registry.repository("shop/api".parse().unwrap());
        let tags = repository.tags().all().await.unwrap();
        tags.iter()
            .map(|tag| serde_json::to_value(tag).unwrap())
            .collect()
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

fn outcomes(report: &RetentionReport) -> Vec<String> {
    report.steps.iter().map(|step| step.to_string()).collect()
}

#[tokio::test]
async fn a_plan_deletes_nothing_and_shows_what_would_be_deleted_and_why_the_rest_is_kept() {
    let bench = Bench::start().await;
    let plan = bench.plan("keep_newest = 1\nolder_than = '1d'").await;
    assert_eq!(bench.deletes(), 0);
    insta::with_settings!({ snapshot_path => "../shown", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("retention-plan", format!("{plan}\n{}", plan.kept_table()));
    });
}

#[tokio::test]
async fn applying_a_plan_frees_what_it_announced() {
    let bench = Bench::start().await;
    let plan = bench.plan("keep_newest = 1\nolder_than = '1d'").await;
    let mut seen = Vec::new();
    let run = plan
        .execution(&bench.registry)
        .unwrap()
        .run(|step| seen.push(step.to_string()));
    let report = run.await;
    // Three images, with a tag and a manifest each.
    assert_eq!(report.to_string(), "6 deleted");
    assert!(report.is_complete());
    seen.sort();
    let mut steps = outcomes(&report);
    steps.sort();
    assert_eq!(seen, steps);
    assert_eq!(bench.tags().await, ["latest", "v3", "v5"]);
    assert_eq!(
        report.garbage_collection(),
        Some(GarbageCollectionType::UnreferencedBlobsOnly)
    );
    assert_eq!(bench.collect(&report).await, Some(plan.freed_bytes));
}

#[tokio::test]
async fn the_garbage_collection_after_a_prune_removes_no_manifest_of_another_repository() {
    let bench = Bench::start().await;
    let deployed = Image::new("shop/web").sized_layer(70, 4_000_000);
    let pushed = bench.sandbox.push("acme-images", deployed).unwrap();
    bench.clock.advance(DAY * 2);
    let plan = bench
        .plan("repositories = ['shop/api']\nkeep_newest = 0")
        .await;
    let report = bench.apply(&plan).await;
    assert_eq!(bench.collect(&report).await, Some(plan.freed_bytes));
    let web = bench.registry.repository("shop/web".parse().unwrap());
    let left = web.manifests().all().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].digest, pushed.digest);
    // If only tags are deleted, nothing is freed and nothing is collected.
    let only_tags = RetentionPolicy {
        tags_only: true,
        ..policy("repositories = ['shop/api']\nkeep_newest = 0")
    };
    let plan = bench.plan_by(&only_tags).await;
    assert_eq!(plan.freed_bytes, 0);
    let report = bench.apply(&plan).await;
    assert_eq!(report.garbage_collection(), None, "{report}");
}

#[tokio::test]
async fn an_index_is_deleted_before_its_parts_and_parts_of_kept_images_are_kept() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v5']").await;
    let order: Vec<_> = plan
        .deletions
        .iter()
        .map(|deletion| (&deletion.subject, deletion.after.len()))
        .collect();
    assert!(matches!(order[0], (Subject::Tag(_), 0)), "{order:?}");
    assert!(matches!(order[1], (Subject::Manifest(_), 1)), "{order:?}");
    assert_eq!(order.len(), 4);
    assert!(order[2..].iter().all(|(_, after)| *after == 1));
    // While the index can't be deleted, its parts are kept, or the image would be broken.
    for _ in 0..5 {
        let failed = ScriptedResponse::status(500);
        let operation = "registries_delete_repositoryManifest";
        bench.sandbox.respond_next(operation, failed).unwrap();
    }
    let report = bench.apply(&plan).await;
    assert!(!report.is_complete());
    let all = outcomes(&report).join("\n");
    assert_eq!(all.matches("still exists").count(), 2, "{all}");
    // Once it can, the next run deletes them.
    let report = bench.apply(&plan).await;
    assert_eq!(report.to_string(), "3 deleted, 1 deleted earlier");
}

#[tokio::test]
async fn what_changed_since_the_plan_is_left_alone() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v*']").await;
    // v1 is moved, v2 is deleted, and the manifest of v4 gets another tag.
    bench.push(Image::new("shop/api").sized_layer(9, 1_000_000).tag("v1"));
    bench.push(Image::new("shop/api").sized_layer(4, 1_000_000).tag("prod"));
    let repository = bench.registry.repository("shop/api".parse().unwrap());
    repository.delete_tag("v2").await.unwrap();
    let reader = bench.reader().await;
    let execution = plan.execution(&bench.registry).unwrap().reader(&reader);
    let report = execution.run(|_| {}).await;
    let all = outcomes(&report).join("\n");
    for part in [
        "shop/api tag v1: changed: it points to sha256:",
        "shop/api tag v2: deleted earlier",
        "shop/api tag v4: changed: something pushed since the plan was made needs it",
        "changed: tag v1 still exists",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(report.is_complete());
    let left = bench.tags().await;
    assert!(left.contains(&"v1".to_owned()) && left.contains(&"prod".to_owned()));
    let v4 = Image::new("shop/api").sized_layer(4, 1_000_000).digest();
    assert!(bench.manifests().await.contains(&v4));
}

#[tokio::test]
async fn parts_of_an_image_pushed_since_the_plan_are_kept() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v1', 'v5']").await;
    let part = Image::new("shop/api").sized_layer(5, 1_000_000);
    let digest = part.digest();
    // A new index with an old part. Not every registry updates the time of the part.
    let new = Image::index("shop/api").child(part).tag("new");
    bench.push(new);
    let reader = bench.reader().await;
    let execution = plan.execution(&bench.registry).unwrap().reader(&reader);
    let report = execution.run(|_| {}).await;
    let left = bench.manifests().await;
    assert!(left.contains(&digest), "{report}");
    let v1 = Image::new("shop/api").sized_layer(1, 1_000_000).digest();
    assert!(!left.contains(&v1), "the rest is deleted: {report}");
}

#[tokio::test]
async fn without_a_reader_a_repository_pushed_to_since_the_plan_is_left_alone() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v1']").await;
    let other = Image::new("shop/api").sized_layer(9, 1_000_000);
    bench.push(other.tag("other"));
    let report = bench.apply(&plan).await;
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("tag v1: changed: the repository was pushed to since the plan was made"),
        "{all}"
    );
    assert_eq!(bench.deletes(), 0, "its tag is kept for the next plan");
}

/// The times of tags count as much as those of manifests.
#[tokio::test]
async fn a_retag_of_a_kept_image_counts_as_a_push() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v1']").await;
    let mut tags = bench.listed_tags().await;
    let kept = tags.iter_mut().find(|tag| tag["tag"] == "v4").unwrap();
    kept["updated_at"] = serde_json::json!("2026-06-01T00:00:00Z");
    let total = tags.len();
    let body = serde_json::json!({ "tags": tags, "meta": { "total": total } });
    let operation = "registries_list_repositoryTags";
    let response = ScriptedResponse::json(200, body);
    bench.sandbox.respond_next(operation, response).unwrap();
    let report = bench.apply(&plan).await;
    let all = outcomes(&report).join("\n");
    assert!(all.contains("pushed to since the plan"), "{all}");
    assert_eq!(bench.deletes(), 0);
}

#[tokio::test]
async fn a_tag_pushed_again_to_the_same_image_is_left_alone() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v1']").await;
    bench.push(Image::new("shop/api").sized_layer(1, 1_000_000).tag("v1"));
    let reader = bench.reader().await;
    let execution = plan.execution(&bench.registry).unwrap().reader(&reader);
    let report = execution.run(|_| {}).await;
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("shop/api tag v1: changed: it was pushed again"),
        "{all}"
    );
    assert_eq!(bench.deletes(), 0);
}

/// By another tag, which the plan doesn't know.
#[tokio::test]
async fn a_tag_whose_image_was_pushed_again_is_left_alone_where_only_tags_are_deleted() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let only_tags = RetentionPolicy {
        tags_only: true,
        ..policy("delete_tags = ['v1', 'v2']")
    };
    let plan = bench.plan_by(&only_tags).await;
    bench.push(
        Image::new("shop/api")
            .sized_layer(1, 1_000_000)
            .tag("again"),
    );
    let report = bench.apply(&plan).await;
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("shop/api tag v1: changed: its image was pushed again"),
        "{all}"
    );
    assert_eq!(bench.deletes(), 1, "{all}");
}

#[tokio::test]
async fn a_repository_is_read_again_after_a_minute() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v*']").await;
    bench.sandbox.clear_requests();
    let clock = bench.clock.clone();
    let sandbox = &bench.sandbox;
    let mut ended = 0;
    let run = plan.execution(&bench.registry).unwrap().concurrency(1);
    let report = run
        .run(|_| {
            ended += 1;
            if ended == 1 {
                // Somebody pushes meanwhile.
                clock.advance(Duration::from_secs(61));
                let image = Image::new("shop/api").sized_layer(2, 1_000_000);
                sandbox.push("acme-images", image.tag("v2")).unwrap();
            }
        })
        .await;
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("tag v2: changed: it was pushed again"),
        "{all}"
    );
    let requests = bench.sandbox.requests();
    let reads = requests
        .iter()
        .filter(|request| request.path.ends_with("/tags"));
    assert_eq!(reads.count(), 2);
}

#[tokio::test]
async fn a_repository_waits_while_others_make_all_the_calls() {
    let bench = Bench::start().await;
    for number in 0..8 {
        for repository in ["many/a", "many/b", "many/c"] {
            let image = Image::new(repository).sized_layer(100 + number, 1_000);
            bench.push(image.tag(format!("v{number}")));
        }
    }
    bench.clock.advance(DAY * 2);
    let plan = bench
        .plan("repositories = ['many/*']\ndelete_tags = ['v?']\nkeep_newest = 1")
        .await;
    let execution = plan.execution(&bench.registry).unwrap().concurrency(3);
    let report = execution.run(|_| {}).await;
    assert_eq!(report.to_string(), "42 deleted");
}

#[tokio::test]
async fn a_resumed_run_repeats_no_deletion() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let only_tags = RetentionPolicy {
        tags_only: true,
        ..policy("delete_tags = ['v*']")
    };
    let plan = bench.plan_by(&only_tags).await;
    // One deletion fails, and so do all its retries.
    for _ in 0..5 {
        let failed = ScriptedResponse::status(500);
        bench
            .sandbox
            .respond_next("registries_delete_repositoryTag", failed)
            .unwrap();
    }
    let first = plan.execution(&bench.registry).unwrap().concurrency(1);
    let first = first.run(|_| {}).await;
    assert!(
        first.to_string().contains("shop/api tag v1: failed: "),
        "{first}"
    );
    assert!(
        first.to_string().ends_with("3 deleted, 1 failed"),
        "{first}"
    );
    assert!(!first.is_complete());
    // The report can be saved and loaded.
    let saved = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    bench.sandbox.clear_requests();
    let second = plan.execution(&bench.registry).unwrap().resume(&saved);
    let second = second.run(|_| {}).await;
    assert_eq!(second.to_string(), "1 deleted, 3 deleted earlier");
    assert_eq!(bench.deletes(), 1);
    // Without the report, reading the repository again has the same result.
    let third = bench.apply(&plan).await;
    assert_eq!(third.to_string(), "4 deleted earlier");
}

#[tokio::test]
async fn a_stopped_run_finishes_deletions_in_progress_and_reports_the_rest() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v*']").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut stop = Some(stop);
    let run = plan
        .execution(&bench.registry)
        .unwrap()
        .concurrency(1)
        .until(async {
            let _ = stopped.await;
        });
    let report = run
        .run(|_| {
            stop.take().map(|stop| stop.send(()));
        })
        .await;
    assert_eq!(
        report.to_string().lines().last(),
        Some("1 deleted, 9 not tried")
    );
    assert_eq!(bench.deletes(), 1);
    assert!(!report.is_complete());
}

/// A log that is full after two lines.
struct FullDisk(Vec<String>);

impl ObserveRetention for FullDisk {
    fn begins(&mut self, deletion: &Deletion) -> std::io::Result<()> {
        if self.0.len() == 2 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.push(format!("begins {deletion}"));
        Ok(())
    }

    fn ended(&mut self, step: &RetentionStep) {
        self.0.push(format!("ended {step}"));
    }
}

#[tokio::test]
async fn a_deletion_that_cannot_be_recorded_is_not_made() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    let mut log = FullDisk(Vec::new());
    let run = plan.execution(&bench.registry).unwrap().concurrency(1);
    let report = run.run_observed(&mut log).await;
    assert_eq!(bench.deletes(), 1);
    assert_eq!(
        log.0[..2],
        ["begins shop/api tag v1", "ended shop/api tag v1: deleted"]
    );
    let all = outcomes(&report).join("\n");
    assert!(all.contains("failed: it could not be recorded"), "{all}");
    assert!(all.contains("not tried"), "{all}");
}

#[tokio::test]
async fn what_somebody_else_deletes_at_the_same_time_counts_as_deleted_earlier() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v1']").await;
    let gone = serde_json::json!({ "id": "not_found", "message": "tag not found" });
    let response = ScriptedResponse::json(404, gone);
    let operation = "registries_delete_repositoryTag";
    bench.sandbox.respond_next(operation, response).unwrap();
    let report = bench.apply(&plan).await;
    assert_eq!(report.to_string(), "1 deleted, 1 deleted earlier");
    assert!(report.is_complete());
}

#[tokio::test]
async fn a_refusal_stops_the_run_and_the_report_names_what_was_not_tried() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    let runs = bench.registry.garbage_collections();
    runs.start(GarbageCollectionType::UnreferencedBlobsOnly)
        .await
        .unwrap();
    let run = plan.execution(&bench.registry).unwrap().concurrency(1);
    let report = run.run(|_| {}).await;
    assert!(
        matches!(report.steps[0].outcome, Outcome::Refused(_)),
        "{report}"
    );
    assert!(
        report.to_string().ends_with("5 not tried, 1 refused"),
        "{report}"
    );
    assert_eq!(report.garbage_collection(), None);
    assert_eq!(bench.deletes(), 1);
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_again_is_skipped_and_the_run_continues() {
    let bench = Bench::start().await;
    let web = Image::new("shop/web").sized_layer(70, 4_000_000);
    bench.push(web.tag("old"));
    bench.clock.advance(DAY * 2);
    let plan = bench.plan("delete_tags = ['v1', 'old']").await;
    for _ in 0..5 {
        let failed = ScriptedResponse::status(500);
        let operation = "registries_list_repositoryManifests";
        bench.sandbox.respond_next(operation, failed).unwrap();
    }
    // One at a time, so that it is known which of the two fails.
    let execution = plan.execution(&bench.registry).unwrap().concurrency(1);
    let report = execution.run(|_| {}).await;
    let all = outcomes(&report).join("\n");
    assert!(
        all.contains("tag v1: failed: the repository could not be read again"),
        "{all}"
    );
    assert!(all.contains("shop/web tag old: deleted"), "{all}");
}

#[tokio::test]
async fn a_plan_is_refused_for_another_registry_or_api() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    let refused = |plan: &RetentionPlan, registry: &RegistryHandle| {
        plan.execution(registry).err().unwrap().to_string()
    };
    let other = bench.docr.registry("acme-mirror".parse().unwrap());
    assert_eq!(
        refused(&plan, &other),
        "registry \"acme-mirror\": the plan is for the registry acme-images"
    );
    let mut elsewhere = plan.clone();
    elsewhere.api = Some("https://api.digitalocean.com".into());
    let error = refused(&elsewhere, &bench.registry);
    assert!(
        error.contains("made with the API at https://api.digitalocean.com"),
        "{error}"
    );
    assert_eq!(bench.deletes(), 0);
}

#[tokio::test]
async fn a_plan_that_deletes_too_many_images_is_refused() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    for (limit, is_allowed) in [("2", false), ("3", true), ("59%", false), ("60%", true)] {
        let policy = RetentionPolicy {
            max_delete: Some(limit.parse().unwrap()),
            ..policy("delete_tags = ['v1', 'v2', 'v5']")
        };
        let plan = bench.plan_by(&policy).await;
        assert_eq!(plan.images_going(), 3);
        assert_eq!(plan.images, 5);
        let result = plan.execution(&bench.registry);
        assert_eq!(result.is_ok(), is_allowed, "{limit}");
        if let Err(error) = result {
            let error = error.to_string();
            assert!(
                error.contains("of 5 images, and 3 would be deleted"),
                "{error}"
            );
            assert!(
                plan.to_string()
                    .contains("warning: 3 images would be deleted, and max_delete allows 2"),
                "{plan}"
            );
        }
    }
    assert_eq!(bench.deletes(), 0);
}

/// A change that somebody makes to a plan's file.
type Edit = fn(&mut RetentionPlan);

#[tokio::test]
async fn an_edited_plan_that_contradicts_itself_is_refused_before_anything_is_deleted() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let plan = bench.plan("delete_tags = ['v2', 'v5']").await;
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(RetentionPlan::from_json(&json).unwrap(), plan);
    let edits: [(&str, Edit); 10] = [
        ("is deleted twice", |plan| {
            let again = plan.deletions[0].clone();
            plan.deletions.push(again);
        }),
        ("is both deleted and kept", |plan| {
            let mut kept = plan.kept[0].clone();
            kept.subject = plan.deletions[0].subject.clone();
            plan.kept.push(kept);
        }),
        ("a kept tag points to it", |plan| {
            plan.kept[0].digest = plan.deletions.last().unwrap().digest.clone();
        }),
        ("comes before what must be deleted first", |plan| {
            plan.deletions.reverse()
        }),
        ("is deleted after tag v2, which is kept", |plan| {
            plan.deletions.remove(0);
        }),
        ("before its tags", |plan| {
            plan.deletions
                .iter_mut()
                .for_each(|deletion| deletion.after.clear());
        }),
        ("has no digest", |plan| plan.deletions[0].digest = None),
        ("has two digests", |plan| {
            let manifests = plan.deletions.iter_mut();
            let mut manifests = manifests.filter(|it| matches!(it.subject, Subject::Manifest(_)));
            let (one, other) = (manifests.next().unwrap(), manifests.next().unwrap());
            std::mem::swap(&mut one.digest, &mut other.digest);
        }),
        ("repository name \"Shop\"", |plan| {
            plan.deletions.last_mut().unwrap().repository = "Shop".into();
        }),
        (r#"tag "v1\u{1b}[1A\u{1b}[2K""#, |plan| {
            plan.deletions[0].subject = Subject::Tag("v1\u{1b}[1A\u{1b}[2K".into());
        }),
    ];
    for (part, edit) in edits {
        let mut edited = plan.clone();
        edit(&mut edited);
        let error = edited.execution(&bench.registry).err().unwrap().to_string();
        assert!(error.contains(part), "{part}: {error}");
        let json = serde_json::to_string(&edited).unwrap();
        assert!(RetentionPlan::from_json(&json).is_err(), "{part}");
        let shown = format!("{edited}{}", edited.kept_table());
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
    for (version, part) in [("3", "newer version"), ("1", "made by an older version")] {
        let other = json.replacen("\"version\":2", &format!("\"version\":{version}"), 1);
        let error = RetentionPlan::from_json(&other).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let old = r#"{"registry": "a", "read_at": "2026-01-01T12:00:00Z", "deletions": []}"#;
    let error = RetentionPlan::from_json(old).unwrap_err().to_string();
    assert!(error.contains("made by an older version"), "{error}");
    assert!(RetentionPlan::from_json("null").is_err());
    assert_eq!(bench.deletes(), 0);
}

#[tokio::test]
async fn images_in_use_are_kept_with_everything_they_need() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let part = Image::new("shop/api").sized_layer(5, 1_000_000).digest();
    let text = format!(
        "registry.digitalocean.com/acme-images/shop/api:v1 docker.io/library/redis:7\n\
         registry.digitalocean.com/acme-images/shop/api@{part}\n\
         registry.digitalocean.com/acme-images/shop/api:gone\n\
         registry.digitalocean.com/other/shop/api:v2"
    );
    let policy = RetentionPolicy {
        in_use: docr::retention::in_use(&text).unwrap(),
        ..policy("delete_tags = ['v*']")
    };
    let plan = bench.plan_by(&policy).await;
    let gone = "registry.digitalocean.com/acme-images/shop/api:gone";
    assert_eq!(plan.warnings, [PlanWarning::InUseNotFound(gone.into())]);
    bench.apply(&plan).await;
    assert_eq!(bench.tags().await, ["latest", "v1", "v3"]);
    assert!(bench.manifests().await.contains(&part));
}

/// A list that is read while somebody deletes may skip an item.
#[tokio::test]
async fn a_list_that_changed_while_it_was_read_is_read_again() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let mut tags = bench.listed_tags().await;
    let total = tags.len();
    tags.retain(|tag| tag["tag"] != "v5");
    let short = serde_json::json!({ "tags": tags, "meta": { "total": total } });
    let operation = "registries_list_repositoryTags";
    let response = |body: &serde_json::Value| ScriptedResponse::json(200, body.clone());
    bench
        .sandbox
        .respond_next(operation, response(&short))
        .unwrap();
    // The list is shorter than its total, and its next page is empty.
    let empty = serde_json::json!({ "tags": [], "meta": { "total": total } });
    bench
        .sandbox
        .respond_next(operation, response(&empty))
        .unwrap();
    let rule = "delete_tags = ['v[1-4]']";
    let plan = bench.plan(rule).await;
    assert_eq!(plan.warnings, []);
    assert!(
        plan.kept
            .iter()
            .any(|kept| kept.subject == Subject::Tag("v5".into()))
    );
    // If it keeps changing, the whole repository is kept.
    for _ in 0..4 {
        bench
            .sandbox
            .respond_next(operation, response(&short))
            .unwrap();
        bench
            .sandbox
            .respond_next(operation, response(&empty))
            .unwrap();
    }
    let plan = bench.plan(rule).await;
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(plan.warnings, [PlanWarning::InDoubt("shop/api".into())]);
    assert!(
        plan.kept
            .iter()
            .all(|kept| kept.reason == KeepReason::InDoubt)
    );
}

/// The list of tags lacks `v5`, but that of manifests has it.
#[tokio::test]
async fn a_tag_in_either_list_exists() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let mut tags = bench.listed_tags().await;
    tags.retain(|tag| tag["tag"] != "v5");
    let total = tags.len();
    let body = serde_json::json!({ "tags": tags, "meta": { "total": total } });
    let operation = "registries_list_repositoryTags";
    let response = ScriptedResponse::json(200, body);
    bench.sandbox.respond_next(operation, response).unwrap();
    let plan = bench
        .plan("delete_untagged = true\ndelete_tags = ['v1']")
        .await;
    let deletions: Vec<_> = plan.deletions.iter().map(ToString::to_string).collect();
    assert_eq!(
        deletions.len(),
        2,
        "v1 and its manifest, but no part of v5: {deletions:?}"
    );
}

/// Ages are measured by the service's clock.
#[tokio::test]
async fn a_client_clock_that_is_ahead_makes_nothing_old() {
    let bench = Bench::start().await;
    let ahead = bench.clock.now() + chrono::TimeDelta::days(40);
    let clock = std::sync::Arc::new(docr::ManualClock::at(ahead));
    let docr = client_with_clock(bench.sandbox.url(), TOKEN, clock);
    let registry = docr.registry(registry_name());
    let rule = policy("older_than = '3d'\ndelete_untagged = true");
    let mut inventory = RegistryInventory::read_for(&registry, &rule).await.unwrap();
    assert_eq!(inventory.read_at, bench.clock.now());
    inventory.read_manifests(&rule, &bench.reader().await).await;
    let plan = RetentionPlan::compute(&rule, &inventory).unwrap();
    let deletions: Vec<_> = plan.deletions.iter().map(ToString::to_string).collect();
    assert_eq!(
        plan.images_going(),
        2,
        "v1 and v2 are older than three days: {deletions:?}"
    );
}

#[tokio::test]
async fn everything_in_a_deleted_repository_is_reported_as_deleted_earlier() {
    let bench = Bench::start().await;
    let plan = bench.plan("delete_tags = ['v*']").await;
    bench
        .registry
        .repository("shop/api".parse().unwrap())
        .delete()
        .await
        .unwrap();
    let report = bench.apply(&plan).await;
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::GoneAlready),
        "{report}"
    );
}

#[tokio::test]
async fn manifests_that_were_not_or_cannot_be_read_are_kept() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let rule = policy("delete_tags = ['v*']\ndelete_untagged = true");
    let mut inventory = RegistryInventory::read_for(&bench.registry, &rule)
        .await
        .unwrap();
    let plan = RetentionPlan::compute(&rule, &inventory).unwrap();
    assert_eq!(plan.warnings, [PlanWarning::Unread("shop/api".into())]);
    let is_tag = |deletion: &Deletion| matches!(deletion.subject, Subject::Tag(_));
    assert!(plan.deletions.iter().all(is_tag), "{plan}");
    assert_eq!(plan.freed_bytes, 0);

    // With revoked credentials nothing can be read, and the errors contain no secret.
    let request = CredentialsRequest::read_only().expires_in(DAY);
    let credentials = bench.registry.docker_credentials(request).await.unwrap();
    let reader = OciManifests::new(bench.registry.name(), &credentials).unwrap();
    let reader = reader.plain_http_host(bench.sandbox.addr().to_string());
    let secret = credentials.user_and_password().unwrap().1;
    bench.docr.revoke(&credentials).await.unwrap();
    inventory.read_manifests(&rule, &reader).await;
    let plan = RetentionPlan::compute(&rule, &inventory).unwrap();
    assert!(plan.deletions.iter().all(is_tag), "{plan}");
    assert_eq!(plan.warnings.len(), 7);
    let text = format!("{plan:?} {reader:?}");
    assert!(
        text.contains("Not authorized") && !text.contains(secret.expose()),
        "{text}"
    );
}

#[test]
fn an_inventory_with_the_same_tag_twice_is_refused() {
    let text = r#"{"registry": "a", "read_at": "2026-01-01T12:00:00Z", "repositories": [
        {"name": "shop", "tags": [{"tag": "v1", "digest": null, "updated_at": null},
                                  {"tag": "v1", "digest": null, "updated_at": null}], "manifests": []}]}"#;
    let inventory: RegistryInventory = serde_json::from_str(text).unwrap();
    let error = RetentionPlan::compute(&policy("keep_newest = 1"), &inventory).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tag \"v1\": appears twice in the inventory"
    );
}

#[test]
fn the_schema_of_a_policy_accepts_what_the_parser_accepts() {
    let schema = schemars::schema_for!(RetentionPolicy);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for (text, fine) in [
        ("[[rule]]\nkeep_newest = 3", true),
        ("[[rule]]\nolder_than = '30d'\nprotect_tags = ['v*']", true),
        ("[[rule]]\nkeep_versions = { majors = 3, minors = 2 }", true),
        ("max_delete = 5", true),
        ("max_delete = '25%'\nmin_age = '2d'\ntags_only = true", true),
        ("", true),
        ("[[rule]]\nkeep_versions = { majors = 0 }", false),
        ("max_delete = '101%'", false),
        ("[[rule]]\nkeep_newest = -3", false),
        ("[[rule]]\nolder_than = 'soon'", false),
        ("[[rules]]\nkeep_newest = 3", false),
    ] {
        let value: serde_json::Value = toml::from_str(text).unwrap();
        assert_eq!(validator.is_valid(&value), fine, "{text}");
        assert_eq!(RetentionPolicy::from_toml(text).is_ok(), fine, "{text}");
    }
}

/// A run can be spawned on a multi-threaded runtime.
#[test]
fn the_future_of_a_run_is_send() {
    fn is_send(_: impl Send) {}
    fn check(plan: &RetentionPlan, registry: &RegistryHandle, reader: &OciManifests) {
        let execution = plan.execution(registry).unwrap().reader(reader);
        is_send(execution.run(|_| {}));
        is_send(RegistryInventory::read(registry));
    }
    let _ = check;
}

#[tokio::test]
async fn a_repository_without_kept_images_is_deleted_as_a_whole_and_the_plan_shows_it() {
    let bench = Bench::start().await;
    for (repository, seed) in [("old/one", 71), ("old/two", 72)] {
        for tag in ["a", "b", "c"] {
            bench.push(Image::new(repository).sized_layer(seed, 1_000).tag(tag));
        }
        let part = Image::new(repository).sized_layer(seed + 10, 1_000);
        bench.push(Image::index(repository).child(part).tag("multi"));
    }
    bench.clock.advance(DAY * 40);
    let everything = "repositories = ['old/*']\nolder_than = '30d'";
    let plan = bench.plan(everything).await;
    assert!(
        plan.to_string()
            .contains("The repository old/one will be deleted as a whole"),
        "{plan}"
    );
    let names: Vec<_> = plan.whole_repositories.iter().collect();
    assert_eq!(names, ["old/one", "old/two"]);

    // After a push to one of them, its old images are deleted one by one.
    bench.push(Image::new("old/two").sized_layer(90, 1_000).tag("new"));
    bench.sandbox.clear_requests();
    let reader = bench.reader().await;
    let execution = plan.execution(&bench.registry).unwrap().reader(&reader);
    let report = execution.run(|_| {}).await;
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Deleted),
        "{report}"
    );
    assert!(report.garbage_collection().is_some());
    let requests = bench.sandbox.requests();
    let of = |operation: &str| {
        let requests = requests.iter();
        let of_it = requests.filter(|request| request.operation.as_deref() == Some(operation));
        of_it
            .map(|request| request.path.clone())
            .collect::<Vec<_>>()
    };
    let whole = of("registries_delete_repository");
    assert_eq!(whole, ["/v2/registries/acme-images/repositories/old%2Fone"]);
    let tags = of("registries_delete_repositoryTag");
    assert!(
        tags.len() == 4 && tags.iter().all(|path| path.contains("old%2Ftwo")),
        "{tags:?}"
    );
    let left = bench.registry.repositories().all().await.unwrap();
    let left: Vec<_> = left.iter().map(|one| (&*one.name, one.tag_count)).collect();
    assert!(left.contains(&("old/two", Some(1))), "{left:?}");
    assert!(left.iter().all(|(name, _)| *name != "old/one"), "{left:?}");
}

/// A bench with the repository `old/one`, and a plan that deletes it as a whole.
async fn whole_repository() -> (Bench, RetentionPlan) {
    let bench = Bench::start().await;
    for tag in ["a", "b"] {
        bench.push(Image::new("old/one").sized_layer(71, 1_000).tag(tag));
    }
    bench.clock.advance(DAY * 40);
    let plan = bench
        .plan("repositories = ['old/*']\nolder_than = '30d'")
        .await;
    assert_eq!(plan.whole_repositories.len(), 1);
    bench.sandbox.clear_requests();
    (bench, plan)
}

impl Bench {
    /// Rate-limits the next deletions of a repository, for longer than such a call waits by itself.
    fn limit_deletes_of_repositories(&self, times: u64) {
        let error =
            serde_json::json!({ "id": "too_many_requests", "message": "API Rate limit exceeded." });
        for _ in 0..times {
            let response = ScriptedResponse::json(429, error.clone()).header("retry-after", "10");
            let operation = "registries_delete_repository";
            self.sandbox.respond_next(operation, response).unwrap();
        }
    }

    fn count(&self, operation: &str) -> usize {
        let requests = self.sandbox.requests();
        requests
            .iter()
            .filter(|request| request.operation.as_deref() == Some(operation))
            .count()
    }

    /// How often `old/one` was read, and how often its deletion was attempted.
    fn reads_and_deletes(&self) -> (usize, usize) {
        (
            self.count("registries_list_repositoryTags"),
            self.count("registries_delete_repository"),
        )
    }
}

#[tokio::test]
async fn a_whole_repository_is_read_again_after_each_pause_before_its_deletion() {
    let (bench, plan) = whole_repository().await;
    bench.limit_deletes_of_repositories(4);
    let report = bench.apply(&plan).await;
    assert!(
        report
            .steps
            .iter()
            .all(|step| step.outcome == Outcome::Deleted),
        "{report}"
    );
    assert_eq!(bench.reads_and_deletes(), (5, 5));
}

#[tokio::test]
async fn a_whole_repository_is_kept_after_five_rate_limited_deletions() {
    let (bench, plan) = whole_repository().await;
    bench.limit_deletes_of_repositories(5);
    let report = bench.apply(&plan).await;
    let refused = |step: &RetentionStep| matches!(step.outcome, Outcome::Refused(_));
    assert!(report.steps.iter().all(refused), "{report}");
    assert_eq!(bench.reads_and_deletes(), (5, 5));
    assert_eq!(bench.count("registries_delete_repositoryTag"), 0);
}

#[tokio::test]
async fn an_image_pushed_to_a_whole_repository_during_a_pause_is_kept() {
    let (bench, plan) = whole_repository().await;
    bench.limit_deletes_of_repositories(1);
    let Bench {
        sandbox, registry, ..
    } = bench;
    let sandbox = Arc::new(sandbox);
    let pushes = Arc::downgrade(&sandbox);
    let is_pushed = AtomicBool::new(false);
    sandbox.before_each(Some(move |method: &str, _: &str| {
        if method == "DELETE" && !is_pushed.swap(true, SeqCst) {
            let image = Image::new("old/one").sized_layer(72, 1_000).tag("new");
            let sandbox = pushes.upgrade().unwrap();
            sandbox.push("acme-images", image).unwrap();
        }
    }));
    let report = plan.execution(&registry).unwrap().run(|_| {}).await;
    let deletes = sandbox.requests();
    let deletes = deletes.iter().filter(|request| request.method == "DELETE");
    let operations: Vec<_> = deletes
        .filter_map(|request| request.operation.as_deref())
        .collect();
    let attempts = operations
        .iter()
        .filter(|id| **id == "registries_delete_repository");
    assert_eq!(attempts.count(), 1, "{operations:?}");
    let repository = registry.repository("old/one".parse().unwrap());
    let tags = repository.tags().all().await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "new"), "{tags:?} {report}");
    sandbox.before_each(None::<fn(&str, &str)>);
}

/// A log that takes six seconds to record the first deletion, during which somebody pushes.
struct SlowDisk<'a>(&'a Bench, bool);

impl ObserveRetention for SlowDisk<'_> {
    fn begins(&mut self, _: &Deletion) -> std::io::Result<()> {
        let Self(bench, is_recorded) = self;
        if !std::mem::replace(is_recorded, true) {
            bench.clock.advance(Duration::from_secs(6));
            bench.push(Image::new("old/one").sized_layer(72, 1_000).tag("new"));
        }
        Ok(())
    }

    fn ended(&mut self, _: &RetentionStep) {}
}

#[tokio::test]
async fn an_image_pushed_to_a_whole_repository_while_its_deletion_is_recorded_is_kept() {
    let (bench, plan) = whole_repository().await;
    let execution = plan.execution(&bench.registry).unwrap();
    execution.run_observed(&mut SlowDisk(&bench, false)).await;
    assert_eq!(bench.count("registries_delete_repository"), 0);
    let repository = bench.registry.repository("old/one".parse().unwrap());
    let tags = repository.tags().all().await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "new"), "{tags:?}");
}

#[tokio::test]
async fn of_a_whole_repository_what_was_gone_before_is_reported_as_such() {
    let (bench, plan) = whole_repository().await;
    let repository = bench.registry.repository("old/one".parse().unwrap());
    repository.delete_tag("a").await.unwrap();
    let report = bench.apply(&plan).await;
    assert_eq!(bench.count("registries_delete_repository"), 1);
    for step in &report.steps {
        let expected = match step.deletion.subject == Subject::Tag("a".into()) {
            true => Outcome::GoneAlready,
            false => Outcome::Deleted,
        };
        assert_eq!(step.outcome, expected, "{step}");
    }
}

#[tokio::test]
async fn a_plan_that_deletes_a_whole_repository_and_keeps_part_of_it_is_refused() {
    let bench = Bench::start().await;
    bench.clock.advance(DAY);
    let mut plan = bench.plan("delete_tags = ['v1']").await;
    assert!(plan.whole_repositories.is_empty());
    plan.whole_repositories.insert("shop/api".into());
    let error = plan.check().unwrap_err().to_string();
    assert!(
        error.starts_with("plan \"shop/api\": contradicts itself: the whole repository is deleted"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_reading_continues_where_it_stopped() {
    let bench = Bench::start().await;
    let account = bench.docr.registries();
    account.change_tier(TierSlug::Professional).await.unwrap();
    for number in 0..20 {
        let image = Image::new(format!("many/{number:02}")).sized_layer(number + 100, 1_000);
        bench.push(image.tag("v1"));
    }
    let whole = RegistryInventory::read(&bench.registry).await.unwrap();
    for _ in 0..5 {
        let failed = ScriptedResponse::status(500);
        let operation = "registries_list_repositoryManifests";
        bench.sandbox.respond_next(operation, failed).unwrap();
    }
    bench.sandbox.clear_requests();
    let mut reading = RegistryInventory::reading(&bench.registry).concurrency(1);
    let mut seen = Vec::new();
    let failed = reading.run(|now| seen.push(now.done)).await;
    assert!(failed.unwrap_err().to_string().contains("500"));
    let inventory = reading.run(|now| seen.push(now.done)).await.unwrap();
    assert_eq!(inventory.repositories, whole.repositories);
    // Each repository was read once, and so was the list of them.
    let mut expected: Vec<_> = (0..=21).collect();
    let again = seen.windows(2).position(|two| two[0] == two[1]).unwrap();
    expected.insert(again, again);
    assert_eq!(seen, expected);
    let requests = bench.sandbox.requests();
    let lists = |end: &str| {
        requests
            .iter()
            .filter(|request| request.path.ends_with(end))
            .count()
    };
    assert_eq!(lists("/repositoriesV2"), 1);
    assert_eq!(
        lists("/digests"),
        5 + 1,
        "for the others the list of repositories has the only manifest"
    );
}

#[tokio::test]
async fn where_orphans_may_be_deleted_each_repository_is_read_by_its_own_lists() {
    let bench = Bench::start().await;
    bench.push(Image::new("shop/web").sized_layer(1, 1_000).tag("v1"));
    for (orphans, lists) in [(false, 1), (true, 2)] {
        let policy = policy(&format!("keep_newest = 1\ndelete_orphans = {orphans}"));
        bench.sandbox.clear_requests();
        let inventory = RegistryInventory::read_for(&bench.registry, &policy).await;
        assert_eq!(inventory.unwrap().repositories.len(), 2);
        assert_eq!(bench.count("registries_list_repositoryManifests"), lists);
    }
}

#[tokio::test]
async fn all_documents_are_read_where_no_policy_says_which() {
    let bench = Bench::start().await;
    let mut inventory = RegistryInventory::read(&bench.registry).await.unwrap();
    inventory.read_all_manifests(&bench.reader().await).await;
    let mut all = inventory.repositories.iter().flat_map(|one| &one.manifests);
    assert!(all.all(|manifest| matches!(manifest.content, ManifestContent::Read(_))));
}

#[tokio::test]
async fn an_image_is_shown_with_its_platforms_layers_and_referrers() {
    let bench = Bench::start().await;
    let image = || {
        let image = Image::new("shop/web").platform("linux", "arm64");
        image
            .sized_layer(80, 5_000)
            .sized_layer(81, 7_000)
            .tag("v1")
    };
    let digest = bench.sandbox.push("acme-images", image()).unwrap().digest;
    let signature = Image::new("shop/web").subject(&digest).sized_layer(82, 10);
    let signature = bench.sandbox.push("acme-images", signature).unwrap().digest;
    let reader = bench.reader().await;
    let (repository, digest) = ("shop/web".parse().unwrap(), digest.parse().unwrap());
    let shown = reader.image(&repository, &digest).await.unwrap();
    let platforms = shown.platforms.iter();
    let platforms: Vec<_> = platforms.map(|it| (&*it.platform, &*it.digest)).collect();
    assert_eq!(platforms, [("linux/arm64", digest.as_str())]);
    let layers: Vec<_> = shown.layers.iter().map(|it| it.size_bytes).collect();
    assert_eq!(layers, [Some(5_000), Some(7_000)]);
    let referrers = shown.referrers.unwrap();
    let referrers: Vec<_> = referrers.iter().map(|it| &*it.digest).collect();
    assert_eq!(referrers, [signature]);
}

#[tokio::test]
async fn a_repository_without_a_rule_is_read_only_when_needed() {
    let bench = Bench::start().await;
    let shared = || Image::new("shop/web").sized_layer(1, 1_000_000);
    bench.push(shared().platform("linux", "other").tag("v1"));
    bench.push(shared().platform("linux", "another").tag("v2"));
    bench.clock.advance(DAY * 2);
    let policy = policy("repositories = ['shop/api']\ndelete_tags = ['v1']");
    let mut reading = RegistryInventory::reading(&bench.registry).policy(&policy);
    bench.sandbox.clear_requests();
    let mut inventory = reading.run(|_| {}).await.unwrap();
    let requests = bench.sandbox.requests();
    assert_eq!(requests.len(), 3, "{requests:?}");
    let reader = bench.reader().await;
    inventory.read_manifests(&policy, &reader).await;
    let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
    let exact = bench.plan_by(&policy).await;
    assert!(plan.is_freed_at_most && !exact.is_freed_at_most);
    assert!(plan.freed_bytes > exact.freed_bytes, "{plan}{exact}");
    assert!(plan.to_string().contains("at most"), "{plan}");
    assert_eq!(plan.deletions, exact.deletions);
    assert!(plan.unread_repositories.contains("shop/web"));
    let kept = plan.kept_lines();
    let unread: Vec<_> = kept
        .iter()
        .filter(|line| line.repository == "shop/web")
        .collect();
    assert_eq!(unread.len(), 1, "{kept:?}");
    assert_eq!(
        (&*unread[0].stays, &*unread[0].why),
        ("everything", "no rule for the repository")
    );
    // Whether a reference to an unread repository resolves is unknown.
    let in_use = ["web:v1", "api:none"]
        .map(|image| format!("registry.digitalocean.com/acme-images/shop/{image}"));
    let mut using = policy.clone();
    using.in_use = in_use.to_vec();
    let plan = RetentionPlan::compute(&using, &inventory).unwrap();
    let expected = PlanWarning::InUseNotFound(in_use[1].clone());
    assert_eq!(plan.warnings, [expected]);

    // There is no plan by rules that apply to an unread repository.
    let other = self::policy("delete_tags = ['v1']");
    let error = RetentionPlan::compute(&other, &inventory)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("repository \"shop/web\": was not read"),
        "{error}"
    );
    // The image of an orphan may be in any repository.
    let orphans = self::policy("repositories = ['shop/api']\ndelete_orphans = true");
    let mut reading = RegistryInventory::reading(&bench.registry).policy(&orphans);
    let inventory = reading.run(|_| {}).await.unwrap();
    assert!(
        inventory
            .repositories
            .iter()
            .all(|repository| !repository.is_unread)
    );
}
