//! What is computed of an inventory, without a server.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

fn digest(number: u8) -> SharedString {
    format!("sha256:{}", format!("{number:02x}").repeat(32)).into()
}

fn noon() -> DateTime<Utc> {
    "2026-02-10T12:00:00Z".parse().unwrap()
}

/// An image that was pushed so long before noon, with blobs of so many bytes.
fn image(number: u8, age: TimeDelta, blobs: &[(u8, u64)]) -> ManifestRecord {
    let blobs = blobs.iter().map(|(blob, bytes)| (digest(*blob), *bytes));
    ManifestRecord {
        digest: digest(number),
        updated_at: Some(noon() - age),
        size_bytes: Some(blobs.clone().map(|(_, bytes)| bytes).sum()),
        blobs: blobs.collect(),
        content: ManifestContent::Read(ManifestDocument::from_bytes(None, b"{\"layers\": []}")),
        ..ManifestRecord::default()
    }
}

fn index(number: u8, parts: &[u8]) -> ManifestRecord {
    let parts = parts.iter();
    let parts: Vec<_> = parts
        .map(|part| serde_json::json!({ "digest": digest(*part) }))
        .collect();
    let document = serde_json::json!({ "manifests": parts }).to_string();
    ManifestRecord {
        content: ManifestContent::Read(ManifestDocument::from_bytes(None, document.as_bytes())),
        ..image(number, TimeDelta::days(9), &[])
    }
}

fn tag(tag: &str, number: u8) -> TagRecord {
    TagRecord {
        tag: tag.into(),
        digest: Some(digest(number)),
        updated_at: Some(noon() - TimeDelta::days(9)),
    }
}

fn inventory(repositories: Vec<RepositoryInventory>) -> RegistryInventory {
    RegistryInventory {
        registry: "acme-images".into(),
        api: None,
        read_at: noon(),
        repositories,
    }
}

fn repository(
    name: &str,
    tags: Vec<TagRecord>,
    manifests: Vec<ManifestRecord>,
) -> RepositoryInventory {
    RepositoryInventory {
        name: name.into(),
        tags,
        manifests,
        ..RepositoryInventory::default()
    }
}

/// `shop/api` has an index with a tag and the part 2, and the untagged images 3 and 4, of which the last is new;
/// `shop/web` has an image with a tag, which shares a blob.
fn shop() -> RegistryInventory {
    let day = TimeDelta::days(1);
    let api = vec![
        index(1, &[2]),
        image(2, day * 9, &[(12, 100)]),
        image(3, day + TimeDelta::seconds(1), &[(13, 1_000), (14, 70)]),
        image(4, day, &[(14, 70), (15, 5)]),
    ];
    let web = vec![image(5, day * 9, &[(13, 1_000)])];
    inventory(vec![
        repository("shop/api", vec![tag("v1", 1)], api),
        repository("shop/web", vec![tag("v1", 5)], web),
    ])
}

fn planned(policy: &str, registry: &RegistryInventory) -> RetentionPlan {
    RetentionPlan::compute(&RetentionPolicy::from_toml(policy).unwrap(), registry).unwrap()
}

#[test]
fn untagged_manifests_are_counted_with_what_belongs_to_a_tag_and_what_is_new() {
    let untagged = UntaggedManifests::of(&shop()).unwrap();
    let expected = UntaggedInRepository {
        repository: "shop/api".into(),
        manifests: 3,
        // Each blob once.
        bytes: 1_175,
        belong_to_tagged: 1,
        in_doubt: 0,
        pushed_lately: 1,
    };
    assert_eq!(untagged.repositories, [expected]);
    // The other repository needs the largest blob.
    assert_eq!(untagged.freed_bytes, 175);
    let table = untagged.to_string();
    assert!(
        table.contains("shop/api") && table.contains("1.1 KiB"),
        "{table}"
    );
    assert!(!table.contains("shop/web"), "{table}");
}

#[test]
fn where_a_document_was_not_read_what_belongs_to_no_tag_is_in_doubt() {
    let mut shop = shop();
    shop.repositories[0].manifests[3].content = ManifestContent::Unread;
    shop.repositories[0].manifests[3].updated_at = None;
    let untagged = UntaggedManifests::of(&shop).unwrap();
    let here = &untagged.repositories[0];
    assert_eq!((here.belong_to_tagged, here.in_doubt), (1, 2));
    // A manifest of an unknown age may be new.
    assert_eq!(here.pushed_lately, 1);
    let table = untagged.to_string();
    assert!(table.contains("1, maybe 2 more"), "{table}");
}

#[test]
fn a_registry_without_untagged_manifests_has_an_empty_list_of_them() {
    let web = shop().repositories.pop().unwrap();
    let untagged = UntaggedManifests::of(&inventory(vec![web])).unwrap();
    assert_eq!(untagged, UntaggedManifests::default());
    assert_eq!(untagged.to_string(), "No untagged manifests.\n");
}

#[test]
fn documents_are_read_only_where_something_may_be_deleted() {
    let policy = |rule: &str| RetentionPolicy::from_toml(&format!("[[rule]]\n{rule}")).unwrap();
    let shop = shop();
    assert!(shop.has_candidates(&policy("older_than = '5d'")));
    assert!(!shop.has_candidates(&policy("older_than = '10d'")));
    assert!(!shop.has_candidates(&policy("repositories = ['tools/*']\nolder_than = '5d'")));
}

#[test]
fn a_diff_of_plans_lists_what_was_added_and_removed() {
    let plan = |rule: &str| {
        let policy = RetentionPolicy::from_toml(&format!("[[rule]]\n{rule}")).unwrap();
        RetentionPlan::compute(&policy, &shop()).unwrap()
    };
    let earlier = plan("repositories = ['shop/web']\nolder_than = '5d'");
    let later = plan("repositories = ['shop/api']\nolder_than = '5d'");
    let difference = later.difference(&earlier);
    let sorted = |plan: &RetentionPlan| {
        let mut deletions = plan.deletions.clone();
        deletions.sort();
        deletions
    };
    assert_eq!(difference.added, sorted(&later));
    assert_eq!(difference.removed, sorted(&earlier));
    let lines = difference.to_string();
    assert!(lines.contains("+ shop/api tag v1\n"), "{lines}");
    assert!(lines.contains("- shop/web tag v1\n"), "{lines}");
    assert_eq!(later.difference(&later), PlanDifference::default());
}

#[test]
fn what_no_call_can_name_is_kept() {
    let day = TimeDelta::days(1);
    let mut malformed = image(2, day * 9, &[]);
    malformed.digest = "sha256:02".into();
    let mut of_malformed = tag("v2", 2);
    of_malformed.digest = Some(malformed.digest.clone());
    let tags = vec![tag("v 1", 1), of_malformed, tag("v3", 3)];
    let manifests = vec![image(1, day * 9, &[]), malformed, image(3, day * 9, &[])];
    let shop = inventory(vec![repository("shop/api", tags, manifests)]);
    let plan = planned("[[rule]]\nolder_than = '5d'", &shop);
    let going = plan.deletions.iter().map(|deletion| &deletion.subject);
    let three = [Subject::Tag("v3".into()), Subject::Manifest(digest(3))];
    assert_eq!(going.collect::<Vec<_>>(), three.iter().collect::<Vec<_>>());
    assert_eq!(plan.kept.len(), 4);
    for kept in &plan.kept {
        assert_eq!(kept.reason, KeepReason::NotUnderstood, "{}", kept.subject);
    }
}

#[test]
fn an_image_is_kept_if_the_lists_disagree_on_where_its_tag_points() {
    let mut two = image(2, TimeDelta::days(9), &[]);
    two.tags.push("v1".into());
    let manifests = vec![image(1, TimeDelta::days(9), &[]), two];
    let shop = inventory(vec![repository("shop/api", vec![tag("v1", 1)], manifests)]);
    let plan = planned("[[rule]]\nolder_than = '5d'", &shop);
    assert_eq!(plan.deletions, []);
    let warning = PlanWarning::InDoubt("shop/api".to_owned());
    assert_eq!(plan.warnings, [warning]);
    assert_eq!(plan.kept.len(), 3);
    for kept in &plan.kept {
        assert_eq!(kept.reason, KeepReason::InDoubt, "{}", kept.subject);
    }
}

#[test]
fn what_is_freed_is_in_doubt_only_if_anything_is_freed_and_a_repository_was_not_read() {
    let is_freed_at_most = |is_unread, rule: &str| {
        let mut shop = shop();
        shop.repositories[0].is_unread = is_unread;
        let policy = format!("[[rule]]\nrepositories = ['shop/web']\n{rule}");
        let policy = RetentionPolicy::from_toml(&policy).unwrap();
        if is_unread {
            shop.repositories[0].tags.clear();
            shop.repositories[0].manifests.clear();
        }
        let plan = RetentionPlan::compute(&policy, &shop).unwrap();
        plan.is_freed_at_most
    };
    assert!(is_freed_at_most(true, "older_than = '5d'"));
    assert!(!is_freed_at_most(true, "older_than = '10d'"));
    assert!(!is_freed_at_most(false, "older_than = '5d'"));
}

#[test]
fn the_line_of_an_image_has_its_own_tags_and_the_number_of_what_belongs_to_it() {
    let mut api = shop().repositories.swap_remove(0);
    api.tags.push(tag("v1-amd64", 2));
    let policy = RetentionPolicy::from_toml("[[rule]]\nolder_than = '5d'").unwrap();
    let plan = RetentionPlan::compute(&policy, &inventory(vec![api])).unwrap();
    let subjects = plan.deletions.iter().map(|deletion| &deletion.subject);
    assert!({ subjects }.any(|subject| *subject == Subject::Tag("v1-amd64".into())));
    let lines = plan.lines();
    let goes: Vec<_> = lines.iter().map(|line| line.goes.as_str()).collect();
    assert_eq!(goes, ["v1 with 1 that belong to it"]);
    for (tags, expected) in [
        (5, "t0, t1, t2, t3, t4"),
        (7, "t0, t1, t2, t3, t4 and 2 more"),
    ] {
        let tags = (0..tags).map(|number| tag(&format!("t{number}"), 1));
        let web = vec![image(1, TimeDelta::days(9), &[])];
        let web = repository("shop/web", tags.collect(), web);
        let plan = RetentionPlan::compute(&policy, &inventory(vec![web])).unwrap();
        assert_eq!(plan.lines()[0].goes, expected);
    }
}

#[test]
fn a_manifest_that_only_a_tag_names_is_added_once() {
    let tags = vec![tag("v1", 1), tag("v2", 2), tag("v3", 2)];
    let mut api = repository("shop/api", tags, vec![image(1, TimeDelta::days(9), &[])]);
    api.join();
    let digests = api.manifests.iter().map(|manifest| &manifest.digest);
    assert_eq!(digests.collect::<Vec<_>>(), [&digest(1), &digest(2)]);
    assert_eq!(api.manifests[1].content, ManifestContent::Unread);
}

#[test]
fn a_tag_whose_manifest_is_unknown_is_kept_with_the_digest_it_points_to() {
    let tags = vec![tag("v1", 1), tag("v2", 2), tag("v3", 3)];
    let known = vec![image(2, TimeDelta::days(9), &[])];
    let shop = inventory(vec![repository("shop/api", tags, known)]);
    let plan = planned("[[rule]]\ndelete_tags = ['pr-*']", &shop);
    let tags = plan.kept.iter();
    let tags = tags.filter(|kept| matches!(kept.subject, Subject::Tag(_)));
    let digests: Vec<_> = tags.map(|kept| kept.digest.clone()).collect();
    assert_eq!(digests, [1, 2, 3].map(|number| Some(digest(number))));
    // Any manifest may be part of one that is unknown.
    let plan = planned("[[rule]]\ndelete_tags = ['v2']", &shop);
    let going = plan.deletions.iter().map(|deletion| &deletion.subject);
    assert_eq!(going.collect::<Vec<_>>(), [&Subject::Tag("v2".into())]);
    let subject = Subject::Manifest(digest(2));
    let kept = plan.kept.iter().find(|kept| kept.subject == subject);
    assert_eq!(kept.map(|kept| &kept.reason), Some(&KeepReason::Unread));
}

#[test]
fn a_referrer_whose_manifest_stays_keeps_its_tags() {
    let document = serde_json::json!({ "layers": [], "subject": { "digest": digest(9) } });
    let document = ManifestDocument::from_bytes(None, document.to_string().as_bytes());
    let signature = ManifestRecord {
        content: ManifestContent::Read(document),
        ..image(2, TimeDelta::days(9), &[])
    };
    let tag = tag(&format!("{}.sig", digest(9).replace(':', "-")), 2);
    let shop = inventory(vec![repository("shop/api", vec![tag], vec![signature])]);
    for (tags_only, deletions) in [(false, 2), (true, 0)] {
        let policy = format!("tags_only = {tags_only}\n[[rule]]\ndelete_orphans = true");
        let plan = planned(&policy, &shop);
        assert_eq!(plan.deletions.len(), deletions, "{plan}");
    }
}

#[test]
fn a_part_is_kept_as_that_of_its_index_however_its_digest_is_sorted() {
    for (index_number, part) in [(1, 2), (2, 1)] {
        let manifests = vec![
            index(index_number, &[part]),
            image(part, TimeDelta::days(9), &[]),
        ];
        let shop = inventory(vec![repository(
            "shop/api",
            vec![tag("v1", index_number)],
            manifests,
        )]);
        let plan = planned("[[rule]]\ndelete_tags = ['pr-*']", &shop);
        let subject = Subject::Manifest(digest(part));
        let kept = plan.kept.iter().find(|kept| kept.subject == subject);
        let reason = kept.map(|kept| &kept.reason);
        assert_eq!(reason, Some(&KeepReason::PartOf(digest(index_number))));
    }
}

#[test]
fn of_the_tags_of_what_belongs_to_several_images_only_the_first_waits_for_each_of_them() {
    let manifests = vec![
        index(1, &[3]),
        index(2, &[3]),
        image(3, TimeDelta::days(9), &[]),
    ];
    let tags = ["a", "b", "c"].map(|name| tag(name, 3));
    let tags = [tag("one", 1), tag("one-too", 1), tag("two", 2)]
        .into_iter()
        .chain(tags);
    let shop = inventory(vec![repository("shop/api", tags.collect(), manifests)]);
    let plan = planned("[[rule]]\nolder_than = '5d'", &shop);
    let after = |name: &str| {
        let subject = Subject::Tag(name.into());
        let deletion = plan.deletions.iter().find(|it| it.subject == subject);
        deletion.unwrap().after.clone()
    };
    assert_eq!(
        after("a"),
        [1, 2].map(|number| Subject::Manifest(digest(number)))
    );
    for name in ["b", "c"] {
        assert_eq!(after(name), [Subject::Tag("a".into())]);
    }
    for name in ["one", "one-too", "two"] {
        assert_eq!(after(name), []);
    }
}

#[test]
fn only_long_lists_are_marked_to_be_read_in_part() {
    let day = TimeDelta::days(9);
    let is_marked = |images: std::ops::Range<u8>, tags_of_each: u16| {
        let tags = images.clone().flat_map(|number| {
            (0..tags_of_each).map(move |place| tag(&format!("v{number}-{place}"), number))
        });
        let mut api = repository("shop/api", tags.collect(), Vec::new());
        api.manifests
            .extend(images.map(|number| image(number, day, &[])));
        api.is_newest_first = true;
        let policy = RetentionPolicy::from_toml("[[rule]]\nolder_than = '5d'").unwrap();
        let plan = RetentionPlan::compute(&policy, &inventory(vec![api])).unwrap();
        plan.newest_first.contains("shop/api")
    };
    // Tags and manifests together.
    assert!(!is_marked(0..100, 1));
    assert!(!is_marked(0..100, 23));
    assert!(is_marked(0..100, 24));
}

#[test]
fn progress_is_shown_as_a_part_of_the_whole() {
    let read = InventoryProgress {
        done: 3,
        repositories: 7,
    };
    assert_eq!(read.to_string(), "3 of 7 repositories");
    let documents = ManifestProgress {
        done: 0,
        manifests: 12,
    };
    assert_eq!(documents.to_string(), "0 of 12 manifests");
}

#[test]
fn lists_are_newest_first_if_every_time_is_known_and_none_is_later_than_the_one_before() {
    let at = |hours: i64| Some(noon() + TimeDelta::hours(hours));
    let is_newest_first =
        |times: &[Option<DateTime<Utc>>]| whole::is_newest_first(times.iter().copied());
    assert!(is_newest_first(&[]));
    assert!(is_newest_first(&[at(2), at(1), at(1), at(0)]));
    assert!(!is_newest_first(&[at(1), at(2)]));
    assert!(!is_newest_first(&[at(2), at(0), at(1)]));
    assert!(!is_newest_first(&[at(2), None, at(0)]));
}
