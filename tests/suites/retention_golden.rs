//! Retention by example: each directory in `tests/retention` is a case, with the content of a registry (`registry.json`),
//! the rules (`rules.toml`), the expected plan (`expected-plan.txt`), and what remains after applying it and collecting
//! the garbage (`expected-afterwards.json`). In the rules, `<name>` stands for the digest of an image.
//!
//! `DOCR_UPDATE_GOLDEN=1` updates the plans, for review; what remains is written by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use docr::{
    CredentialsRequest, GarbageCollectionType, RegistryHandle,
    retention::{ManifestContent, RegistryInventory, RetentionPlan, RetentionPolicy},
};
use docr_sandbox::{Image, Sandbox};
use docr_tests::sandbox::{document_reader, furnish, registry_name, sharing, start};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const REGISTRY: &str = "acme-images";

/// The content of a registry. Everything was pushed in the order of its age, the oldest first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Primed {
    pushes: Vec<Push>,
    /// Manifests without a time.
    #[serde(default)]
    without_time: BTreeSet<String>,
    /// Tags without a time.
    #[serde(default)]
    tags_without_time: BTreeSet<String>,
    /// Manifests that can't be read.
    #[serde(default)]
    unreadable: BTreeSet<String>,
    /// Repositories whose lists changed each time they were read.
    #[serde(default)]
    in_doubt: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    name: String,
    repository: String,
    #[serde(default)]
    tags: Vec<String>,
    hours_ago: u64,
    /// Layers by number, with their sizes. The same number is the same layer.
    #[serde(default)]
    layers: BTreeMap<u64, u64>,
    /// The names of its parts.
    index: Option<Vec<String>>,
    /// The name of the image that this one refers to as its subject.
    subject: Option<String>,
    /// The name of the image that its tag signs, and the suffix of the tag.
    signs: Option<(String, String)>,
    /// The manifest itself; `@name` stands for a digest.
    raw: Option<Value>,
    /// Whether it is deleted once everything was pushed.
    #[serde(default)]
    is_gone: bool,
}

/// The tags of a repository, each with the name of its image, and the names of the manifests.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    tags: BTreeMap<String, String>,
    manifests: BTreeSet<String>,
}

#[derive(Default)]
struct Names(BTreeMap<String, Image>);

impl Push {
    /// The names of the parts of an index.
    fn parts(&self) -> Vec<&str> {
        let listed = self.index.iter().flatten().map(String::as_str);
        let raw = self
            .raw
            .as_ref()
            .and_then(|raw| raw["manifests"].as_array());
        let digests = raw
            .into_iter()
            .flatten()
            .filter_map(|part| part["digest"].as_str());
        listed
            .chain(digests.filter_map(|digest| digest.strip_prefix('@')))
            .collect()
    }
}

impl Names {
    fn digest(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(image) => image.digest(),
            None => panic!("{name} is pushed later, or never"),
        }
    }

    fn image(&self, push: &Push) -> (Image, Vec<String>) {
        let mut image = match (&push.index, &push.raw) {
            (Some(parts), _) => parts
                .iter()
                .fold(Image::index(&push.repository), |index, part| {
                    index.child(self.0[part].clone())
                }),
            (None, Some(raw)) => {
                let text = self.0.keys().fold(raw.to_string(), |text, name| {
                    text.replace(
                        &format!("\"@{name}\""),
                        &format!("\"{}\"", self.digest(name)),
                    )
                });
                Image::raw(&push.repository, text)
            }
            (None, None) => push.layers.iter().fold(
                // The configuration makes each image unique.
                Image::new(&push.repository).platform("linux", &push.name),
                |image, (layer, bytes)| image.sized_layer(*layer, *bytes),
            ),
        };
        if let Some(subject) = &push.subject {
            image = image.subject(self.digest(subject));
        }
        let mut tags = push.tags.clone();
        if let Some((signed, suffix)) = &push.signs {
            tags.push(format!("{}{suffix}", self.digest(signed).replace(':', "-")));
        }
        (image, tags)
    }

    /// Replaces each `<name>` with its digest.
    fn with_digests(&self, text: &str) -> String {
        self.0.keys().fold(text.to_owned(), |text, name| {
            text.replace(&format!("<{name}>"), &self.digest(name))
        })
    }

    /// Replaces digests with names.
    fn with_names(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, image)| {
            let digest = image.digest();
            let dashed = digest.replace(':', "-");
            text.replace(&digest, name)
                .replace(&dashed, &format!("sha256-[{name}]"))
                .replace(
                    &format!("{}...", &dashed[.."sha256-".len() + 12]),
                    &format!("sha256-[{name}]"),
                )
                .replace(&digest[.."sha256:".len() + 12], name)
        })
    }
}

async fn content(registry: &RegistryHandle, names: &Names) -> BTreeMap<String, Content> {
    let mut all = BTreeMap::new();
    for repository in registry.repositories().all().await.unwrap() {
        let handle = registry.repository(repository.name.parse().unwrap());
        let mut here = Content::default();
        for tag in handle.tags().all().await.unwrap() {
            let image = names.with_names(&tag.manifest_digest.unwrap());
            here.tags.insert(names.with_names(&tag.tag), image);
        }
        for manifest in handle.manifests().all().await.unwrap() {
            here.manifests.insert(names.with_names(&manifest.digest));
        }
        all.insert(repository.name, here);
    }
    all
}

fn prime(sandbox: &Sandbox, clock: &docr_sandbox::Clock, primed: &Primed) -> Names {
    let mut names = Names::default();
    let mut pushes: Vec<_> = primed.pushes.iter().collect();
    pushes.sort_by_key(|push| std::cmp::Reverse(push.hours_ago));
    let mut ago = pushes.first().map_or(0, |push| push.hours_ago);
    let mut advance = |to: u64| {
        clock.advance(Duration::from_secs((ago - to) * 3600));
        ago = to;
    };
    for push in pushes {
        advance(push.hours_ago);
        let (image, tags) = names.image(push);
        sandbox.push_tags(REGISTRY, image.clone(), tags).unwrap();
        names.0.insert(push.name.clone(), image);
    }
    advance(0);
    for push in primed.pushes.iter().filter(|push| push.is_gone) {
        assert!(sandbox.delete(REGISTRY, &push.repository, &names.digest(&push.name)));
    }
    names
}

/// Collects the garbage, and returns the freed bytes.
async fn collect(registry: &RegistryHandle, what: GarbageCollectionType) -> u64 {
    let runs = registry.garbage_collections();
    let run = runs.start(what).await.unwrap();
    let done = runs.watch(&run).wait().await.unwrap();
    done.freed_bytes.unwrap()
}

/// The parts that remaining indexes need, that existed before and are missing now.
fn missing_parts(
    primed: &Primed,
    before: &BTreeMap<String, Content>,
    left: &BTreeMap<String, Content>,
) -> Vec<String> {
    let mut missing = Vec::new();
    for push in &primed.pushes {
        // A repository that was deleted as a whole no longer exists.
        let Some(left) = left.get(&push.repository) else {
            continue;
        };
        let before = &before[&push.repository];
        if left.manifests.contains(&push.name) {
            let parts = push.parts().into_iter();
            let lost = parts
                .filter(|part| before.manifests.contains(*part) && !left.manifests.contains(*part));
            missing.extend(lost.map(|part| format!("{} has lost its part {part}", push.name)));
        }
    }
    missing
}

/// Runs a case, and returns the differences from what is expected.
async fn run(case: &Path, updates: bool) -> Vec<String> {
    let read = |file: &str| fs::read_to_string(case.join(file)).unwrap_or_default();
    let primed: Primed = serde_json::from_str(&read("registry.json")).unwrap();
    let (sandbox, clock) = start().await;
    furnish(&sandbox).await;
    let names = prime(&sandbox, &clock, &primed);
    let policy = RetentionPolicy::from_toml(&names.with_digests(&read("rules.toml"))).unwrap();
    let docr = sharing(&sandbox, &clock);
    let registry = docr.registry(registry_name());
    // The plan must not count what was deleted before.
    collect(&registry, GarbageCollectionType::UnreferencedBlobsOnly).await;
    let reader = document_reader(&registry, &sandbox, CredentialsRequest::read_only()).await;

    let mut inventory = RegistryInventory::read_for(&registry, &policy)
        .await
        .unwrap();
    inventory.read_manifests(&policy, &reader).await;
    for repository in &mut inventory.repositories {
        repository.is_in_doubt |= primed.in_doubt.contains(repository.name.as_str());
        for tag in &mut repository.tags {
            if primed.tags_without_time.contains(tag.tag.as_str()) {
                tag.updated_at = None;
            }
        }
        for manifest in &mut repository.manifests {
            let name = names.with_names(&manifest.digest);
            if primed.without_time.contains(&name) {
                manifest.updated_at = None;
            }
            if primed.unreadable.contains(&name) {
                manifest.content = ManifestContent::Unreadable("it is broken".into());
            }
        }
    }
    let plan = RetentionPlan::compute(&policy, &inventory).unwrap();
    let before = content(&registry, &names).await;
    let mut differences = Vec::new();
    let read_again = RetentionPlan::from_json(&serde_json::to_string(&plan).unwrap());
    if read_again.as_ref() != Ok(&plan) {
        differences.push(format!(
            "{}: read from JSON it is {read_again:?}",
            case.display()
        ));
    }
    if let Ok(execution) = plan.execution(&registry) {
        let report = execution.reader(&reader).run(|_| {}).await;
        if !report.steps.iter().all(|step| step.outcome.is_gone()) {
            let report = names.with_names(&report.to_string());
            differences.push(format!(
                "{}: not everything was deleted\n{report}",
                case.display()
            ));
        }
        let freed = match report.garbage_collection() {
            None => 0,
            Some(what) => collect(&registry, what).await,
        };
        if freed != plan.freed_bytes {
            let planned = plan.freed_bytes;
            differences.push(format!(
                "{}: {freed} bytes freed, not {planned}",
                case.display()
            ));
        }
    }

    let shown = names.with_names(&format!("{plan}\n{}", plan.kept_table()));
    if updates {
        fs::write(case.join("expected-plan.txt"), &shown).unwrap();
    }
    if shown != read("expected-plan.txt") {
        differences.push(format!("{}: the plan is\n{shown}", case.display()));
    }
    let left = content(&registry, &names).await;
    for part in missing_parts(&primed, &before, &left) {
        differences.push(format!("{}: {part}", case.display()));
    }
    let expected =
        serde_json::from_str::<BTreeMap<String, Content>>(&read("expected-afterwards.json"));
    if expected.as_ref().ok() != Some(&left) {
        let left = serde_json::to_string_pretty(&left).unwrap();
        differences.push(format!("{}: what remains is\n{left}", case.display()));
    }
    differences
}

#[tokio::test]
async fn every_case_has_the_expected_plan_and_outcome() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("retention");
    let mut cases: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 25, "{}", cases.len());
    let updates = std::env::var_os("DOCR_UPDATE_GOLDEN").is_some();
    let mut differences = Vec::new();
    for case in &cases {
        differences.extend(run(case, updates).await);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
