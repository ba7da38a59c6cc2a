//! What no plan may ever do, whatever the inventory, its order, ties and shared digests, and whatever the rules.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use docr::retention::{
    Age, KeepReason, ManifestRecord, RegistryInventory, RepositoryInventory, RetentionPlan,
    RetentionPolicy, RetentionRule, Subject, TagPattern, TagRecord,
};
use docr_tests::sandbox::noon;
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};

/// Few names, times and digests, so that ties and shared images are common.
fn tag_name() -> impl Strategy<Value = String> {
    select(vec![
        "latest", "v1", "v2", "v10", "pr-1", "pr-2", "pr-3", "nightly", "a", "b",
    ])
    .prop_map(String::from)
}

fn digest() -> impl Strategy<Value = String> {
    (0..8_u8).prop_map(|n| format!("sha256:{}", format!("{n:02x}").repeat(32)))
}

fn time() -> impl Strategy<Value = Option<chrono::DateTime<Utc>>> {
    option::weighted(
        0.9,
        (0..6_i64).prop_map(|days| noon() - TimeDelta::days(days)),
    )
}

fn repository(name: &'static str) -> impl Strategy<Value = RepositoryInventory> {
    let tag = (tag_name(), option::weighted(0.95, digest()), time());
    let blob = (
        (0..5_u8).prop_map(|n| format!("sha256:blob{n}")),
        1..100_u64,
    );
    let manifest = (digest(), time(), vec(blob, 0..4));
    let parts = option::of(vec((digest(), vec(digest(), 1..4)), 0..3));
    (vec(tag, 0..10), vec(manifest, 0..8), parts).prop_map(move |(tags, manifests, parts)| {
        let tags: BTreeMap<_, _> = tags
            .into_iter()
            .map(|(tag, digest, time)| (tag, (digest, time)))
            .collect();
        let manifests: BTreeMap<_, _> = manifests
            .into_iter()
            .map(|(digest, time, blobs)| (digest, (time, blobs)))
            .collect();
        RepositoryInventory {
            name: name.into(),
            tags: tags
                .into_iter()
                .map(|(tag, (digest, updated_at))| TagRecord {
                    tag,
                    digest,
                    updated_at,
                })
                .collect(),
            manifests: manifests
                .into_iter()
                .map(|(digest, (updated_at, blobs))| {
                    let blobs: BTreeMap<_, _> = blobs.into_iter().collect();
                    let size_bytes = Some(blobs.values().sum());
                    ManifestRecord {
                        digest,
                        updated_at,
                        size_bytes,
                        blobs,
                    }
                })
                .collect(),
            parts: parts.map(|parts| parts.into_iter().collect()),
        }
    })
}

fn inventory() -> impl Strategy<Value = RegistryInventory> {
    (
        repository("shop/api"),
        repository("shop/web"),
        repository("tools"),
    )
        .prop_map(|(a, b, c)| RegistryInventory {
            registry: "acme-images".into(),
            read_at: noon(),
            repositories: vec![a, b, c],
        })
}

fn patterns() -> impl Strategy<Value = Vec<TagPattern>> {
    let pattern = select(vec!["*", "v*", "pr-?", "nightly", "?", "none"]);
    vec(pattern.prop_map(TagPattern::new), 0..3)
}

fn rule() -> impl Strategy<Value = RetentionRule> {
    let repositories = select(vec!["*", "shop/*", "tools", "shop/api"]);
    let age = (0..5_u64)
        .prop_map(|days| Age::from_duration(std::time::Duration::from_secs(days * 86_400)));
    (
        repositories,
        option::of(0..4_u32),
        option::of(age),
        option::of(patterns()),
        patterns(),
        any::<bool>(),
    )
        .prop_map(
            |(
                repositories,
                keep_newest,
                older_than,
                delete_tags,
                protect_tags,
                delete_untagged,
            )| RetentionRule {
                repositories: vec![TagPattern::new(repositories)],
                keep_newest,
                older_than,
                delete_tags,
                protect_tags,
                delete_untagged,
            },
        )
}

fn policy() -> impl Strategy<Value = RetentionPolicy> {
    vec(rule(), 0..3).prop_map(|rules| RetentionPolicy { rules })
}

/// The plan, by repository: tags and manifests that go.
struct Going {
    tags: BTreeSet<String>,
    manifests: BTreeSet<String>,
}

fn going(plan: &RetentionPlan, repository: &str) -> Going {
    let here = plan
        .deletions
        .iter()
        .filter(|deletion| deletion.repository == repository);
    let mut going = Going {
        tags: BTreeSet::new(),
        manifests: BTreeSet::new(),
    };
    for deletion in here {
        let new = match &deletion.subject {
            Subject::Tag(tag) => going.tags.insert(tag.clone()),
            Subject::Manifest(digest) => going.manifests.insert(digest.clone()),
        };
        assert!(new, "{deletion} is planned twice");
    }
    going
}

fn rule_for<'a>(policy: &'a RetentionPolicy, repository: &str) -> Option<&'a RetentionRule> {
    policy.rules.iter().find(|rule| {
        rule.repositories
            .iter()
            .any(|pattern| pattern.matches(repository))
    })
}

/// Every digest from which an image is made whose index is one of these.
fn whole_images(repository: &RepositoryInventory, roots: BTreeSet<String>) -> BTreeSet<String> {
    let mut all = roots;
    loop {
        let parts = repository
            .parts
            .iter()
            .flatten()
            .filter(|(index, _)| all.contains(*index));
        let more: BTreeSet<_> = parts.flat_map(|(_, parts)| parts.clone()).collect();
        if more.is_subset(&all) {
            return all;
        }
        all.extend(more);
    }
}

fn check(policy: &RetentionPolicy, inventory: &RegistryInventory) {
    let plan = RetentionPlan::make(policy, inventory).unwrap();
    let everything: usize = inventory
        .repositories
        .iter()
        .map(|r| r.tags.len() + r.manifests.len())
        .sum();
    assert_eq!(
        plan.deletions.len() + plan.kept.len(),
        everything,
        "each thing goes or stays"
    );
    for repository in &inventory.repositories {
        let going = going(&plan, &repository.name);
        let Some(rule) = rule_for(policy, &repository.name) else {
            assert!(
                going.tags.is_empty() && going.manifests.is_empty(),
                "no rule is for {}",
                repository.name
            );
            continue;
        };
        let is_protected =
            |tag: &str| tag == "latest" || rule.protect_tags.iter().any(|p| p.matches(tag));
        let protected: BTreeSet<_> = repository
            .tags
            .iter()
            .filter(|tag| is_protected(&tag.tag))
            .collect_digests();
        for tag in &repository.tags {
            if going.tags.contains(&tag.tag) {
                assert!(!is_protected(&tag.tag), "{} is protected", tag.tag);
                let shares = tag
                    .digest
                    .as_ref()
                    .is_some_and(|digest| protected.contains(digest));
                assert!(!shares, "{} shares its image with a protected tag", tag.tag);
                if let Some(age) = rule.older_than {
                    let old = tag
                        .updated_at
                        .is_some_and(|time| (noon() - time).to_std().unwrap() > age.as_duration());
                    assert!(old, "{} is too young", tag.tag);
                }
                if let Some(patterns) = &rule.delete_tags {
                    assert!(patterns.iter().any(|pattern| pattern.matches(&tag.tag)));
                }
            }
        }
        // The newest that may go are kept: nothing that stays only by number is older than something that goes.
        let newest = plan.kept.iter().filter(|kept| {
            kept.repository == repository.name && matches!(kept.reason, KeepReason::Newest(_))
        });
        let newest: Vec<_> = newest.collect();
        if !going.tags.is_empty() {
            assert_eq!(newest.len() as u32, rule.keep_newest.unwrap_or(0));
        }
        for kept in newest {
            let Subject::Tag(name) = &kept.subject else {
                panic!("{kept:?}")
            };
            let kept = repository.tags.iter().find(|tag| tag.tag == *name).unwrap();
            for tag in repository
                .tags
                .iter()
                .filter(|tag| going.tags.contains(&tag.tag))
            {
                assert!(kept.updated_at.is_none() || kept.updated_at >= tag.updated_at);
            }
        }
        // No image breaks that a tag leads to which stays, and none that stays for another reason.
        let staying: BTreeSet<_> = repository
            .tags
            .iter()
            .filter(|tag| !going.tags.contains(&tag.tag))
            .collect_digests();
        let kept = repository
            .manifests
            .iter()
            .map(|manifest| manifest.digest.clone());
        let kept = kept.filter(|digest| !going.manifests.contains(digest));
        let whole = whole_images(repository, staying.into_iter().chain(kept).collect());
        assert!(
            whole.is_disjoint(&going.manifests),
            "a part of an image that stays goes"
        );
        assert!(
            going.manifests.is_empty() || rule.delete_untagged,
            "manifests go only by asking"
        );
        for manifest in repository
            .manifests
            .iter()
            .filter(|manifest| going.manifests.contains(&manifest.digest))
        {
            let time = manifest.updated_at.expect("what has no time stays");
            assert!(
                noon() - time > TimeDelta::hours(1),
                "it may be part of a push"
            );
        }
    }
}

trait CollectDigests<'a> {
    fn collect_digests(self) -> BTreeSet<String>;
}

impl<'a, I: Iterator<Item = &'a TagRecord>> CollectDigests<'a> for I {
    fn collect_digests(self) -> BTreeSet<String> {
        self.filter_map(|tag| tag.digest.clone()).collect()
    }
}

/// CI asks for 100,000 cases of the cheap properties; these are dearer, so a fiftieth of it.
fn config() -> Config {
    let config = Config::default();
    Config {
        cases: (config.cases / 50).max(256),
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_plan_deletes_what_is_protected_or_kept(policy in policy(), inventory in inventory()) {
        check(&policy, &inventory);
    }

    #[test]
    fn the_order_of_the_inventory_does_not_matter(
        policy in policy(),
        (inventory, shuffled) in inventory().prop_flat_map(|inventory| {
            let shuffled = inventory.repositories.iter().map(|repository| {
                let (name, parts) = (repository.name.clone(), repository.parts.clone());
                let tags = Just(repository.tags.clone()).prop_shuffle();
                let manifests = Just(repository.manifests.clone()).prop_shuffle();
                (tags, manifests).prop_map(move |(tags, manifests)| RepositoryInventory {
                    name: name.clone(), tags, manifests, parts: parts.clone(),
                })
            });
            let shuffled = shuffled.collect::<Vec<_>>().prop_shuffle();
            (Just(inventory), shuffled)
        }),
    ) {
        let other = RegistryInventory { repositories: shuffled, ..inventory.clone() };
        let plan = RetentionPlan::make(&policy, &inventory).unwrap();
        prop_assert_eq!(&plan, &RetentionPlan::make(&policy, &other).unwrap());
        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(&plan, &serde_json::from_str::<RetentionPlan>(&json).unwrap());
    }

    #[test]
    fn the_bytes_to_free_are_those_of_blobs_that_nothing_needs(inventory in inventory()) {
        let all = RetentionRule { keep_newest: Some(0), delete_untagged: true, ..RetentionRule::default() };
        let plan = RetentionPlan::make(&RetentionPolicy { rules: vec![all] }, &inventory).unwrap();
        let gone: BTreeSet<_> = plan.deletions.iter().filter_map(|deletion| match &deletion.subject {
            Subject::Manifest(digest) => Some((deletion.repository.clone(), digest.clone())),
            Subject::Tag(_) => None,
        }).collect();
        let (mut left, mut lost) = (BTreeMap::new(), BTreeMap::new());
        for repository in &inventory.repositories {
            for manifest in &repository.manifests {
                let side = match gone.contains(&(repository.name.clone(), manifest.digest.clone())) {
                    true => &mut lost,
                    false => &mut left,
                };
                side.extend(manifest.blobs.clone());
            }
        }
        lost.retain(|blob, _| !left.contains_key(blob));
        prop_assert_eq!(plan.freed_bytes, lost.values().sum::<u64>());
    }
}
