//! Inventories of any size, by what makes them large. Tests limit what a plan for each costs.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use docr::retention::{
    ManifestContent, ManifestDocument, ManifestRecord, RegistryInventory, RepositoryInventory,
    RetentionPolicy, SharedString, TagRecord,
};

/// A name, and a function that makes a case of a size.
pub type Shape = (&'static str, fn(u64) -> Case);

/// Every way in which an inventory can be large, with the policy to plan by.
pub const SHAPES: [Shape; 10] = [
    ("images of one tag", images_of_one_tag),
    ("tags of one image, all deleted", tags_all_deleted),
    ("tags of one image, all protected", tags_all_protected),
    ("parts of one index", parts_of_one_index),
    ("indexes of one part", indexes_of_one_part),
    (
        "indexes of one part, all but one deleted",
        indexes_all_but_one_deleted,
    ),
    ("indexes of an index with many parts", indexes_of_an_index),
    ("indexes and tags of one part", indexes_and_tags_of_one_part),
    ("a chain of nested indexes", nested_indexes),
    ("repositories, and references in use", repositories_in_use),
];

/// A policy and an inventory.
#[derive(Debug)]
pub struct Case {
    /// The policy.
    pub policy: RetentionPolicy,
    /// The inventory.
    pub inventory: RegistryInventory,
}

fn case(policy: &str, repositories: Vec<RepositoryInventory>) -> Case {
    Case {
        policy: RetentionPolicy::from_toml(policy).expect("a policy"),
        inventory: RegistryInventory {
            registry: "acme-images".into(),
            api: None,
            read_at: now(),
            repositories,
        },
    }
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn digest(number: u64) -> SharedString {
    format!("sha256:{number:064x}").into()
}

/// The digest of the blob that all images share: a single string, as in an inventory that was read.
static BASE: LazyLock<SharedString> = LazyLock::new(|| digest(1 << 40));

/// A manifest that was pushed long ago, with two blobs of its own and the one that all share.
fn manifest(number: u64, parts: impl IntoIterator<Item = u64>) -> ManifestRecord {
    let mut document = ManifestDocument::default();
    document.is_understood = true;
    document.parts = parts.into_iter().map(digest).collect();
    let own = |blob| digest((1 << 40) + 3 * number + blob);
    let blobs = [(BASE.clone(), 3_000_000), (own(1), 20_000), (own(2), 4_000)];
    ManifestRecord {
        digest: digest(number),
        updated_at: Some(pushed(number)),
        size_bytes: Some(3_024_000),
        blobs: blobs.into(),
        content: ManifestContent::Read(document),
        ..ManifestRecord::default()
    }
}

fn pushed(number: u64) -> DateTime<Utc> {
    let minutes = i64::try_from(number % 100_000).expect("a small number");
    now() - TimeDelta::days(100) - TimeDelta::minutes(minutes)
}

fn tag(name: impl Into<SharedString>, manifest: u64) -> TagRecord {
    tag_of(name, digest(manifest), manifest)
}

fn tag_of(name: impl Into<SharedString>, digest: SharedString, manifest: u64) -> TagRecord {
    TagRecord {
        tag: name.into(),
        digest: Some(digest),
        updated_at: Some(pushed(manifest)),
    }
}

fn repository(
    name: impl Into<SharedString>,
    manifests: Vec<ManifestRecord>,
    tags: Vec<TagRecord>,
) -> RepositoryInventory {
    RepositoryInventory {
        name: name.into(),
        tags,
        manifests,
        ..RepositoryInventory::default()
    }
}

const ALL_OLD: &str = "[[rule]]\nolder_than = \"30d\"\ndelete_untagged = true";

/// `size` images with a tag each, of which half are deleted.
pub fn images_of_one_tag(size: u64) -> Case {
    let policy = format!("[[rule]]\nkeep_newest = {}", size / 2);
    let manifests: Vec<_> = (0..size).map(|image| manifest(image, [])).collect();
    // Both lists share the digests' strings, as in an inventory that was read.
    let tags = (0..size).zip(&manifests);
    let tags = tags.map(|(image, it)| tag_of(format!("v{image}"), it.digest.clone(), image));
    let tags = tags.collect();
    case(&policy, vec![repository("api", manifests, tags)])
}

fn one_image(policy: &str, size: u64) -> Case {
    let tags = (0..size)
        .map(|number| tag(format!("v{number}"), 1))
        .collect();
    case(policy, vec![repository("api", vec![manifest(1, [])], tags)])
}

fn tags_all_deleted(size: u64) -> Case {
    one_image(ALL_OLD, size)
}

fn tags_all_protected(size: u64) -> Case {
    one_image(
        "[[rule]]\nolder_than = \"30d\"\nprotect_tags = [\"v*\"]",
        size,
    )
}

fn parts_of_one_index(size: u64) -> Case {
    let parts = (1..=size).map(|part| manifest(part, []));
    let manifests = parts.chain([manifest(0, 1..=size)]).collect();
    case(
        ALL_OLD,
        vec![repository("api", manifests, vec![tag("v1", 0)])],
    )
}

fn indexes_of_one_part(size: u64) -> Case {
    let indexes = (1..=size).map(|index| manifest(index, [0]));
    let manifests = indexes.chain([manifest(0, [])]).collect();
    let tags = (1..=size).map(|index| tag(format!("v{index}"), index));
    case(ALL_OLD, vec![repository("api", manifests, tags.collect())])
}

fn indexes_all_but_one_deleted(size: u64) -> Case {
    let mut case = indexes_of_one_part(size);
    let last = format!("v{size}");
    let tags = &mut case.inventory.repositories[0].tags;
    let last = tags.iter_mut().find(|tag| tag.tag == last);
    last.expect("the last one").tag = "latest".into();
    case
}

fn indexes_of_an_index(size: u64) -> Case {
    let parts = (2..size + 2).map(|part| manifest(part, []));
    let indexes = (size + 2..2 * size + 2).map(|index| manifest(index, [1]));
    let manifests = parts.chain([manifest(1, 2..size + 2)]).chain(indexes);
    let tags = (size + 2..2 * size + 2).map(|index| tag(format!("v{index}"), index));
    case(
        ALL_OLD,
        vec![repository("api", manifests.collect(), tags.collect())],
    )
}

fn indexes_and_tags_of_one_part(size: u64) -> Case {
    let mut case = indexes_of_one_part(size);
    let tags = (1..=size).map(|number| tag(format!("part-{number}"), 0));
    case.inventory.repositories[0].tags.extend(tags);
    case
}

fn nested_indexes(size: u64) -> Case {
    let indexes = (0..size).map(|index| manifest(index, [index + 1]));
    let manifests = indexes.chain([manifest(size, [])]).collect();
    case(
        ALL_OLD,
        vec![repository("api", manifests, vec![tag("v1", 0)])],
    )
}

fn repositories_in_use(size: u64) -> Case {
    let repositories = (0..size).map(|number| {
        let tags = vec![tag("v1", number)];
        repository(format!("shop/{number}"), vec![manifest(number, [])], tags)
    });
    let mut case = case(ALL_OLD, repositories.collect());
    let by_digest = (0..size).step_by(2).map(|number| digest(number).into());
    let by_tag = (0..size)
        .step_by(3)
        .map(|number| format!("registry.digitalocean.com/acme-images/shop/{number}:v1"));
    case.policy.in_use = by_digest.chain(by_tag).collect();
    case
}
