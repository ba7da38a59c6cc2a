//! What no plan may ever do, for any registry and any rules: random images are pushed to a sandbox and pruned, and what
//! remains is compared with the plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use docr::{
    CredentialsRequest, Digest, RegistryHandle, RepositoryName,
    retention::{
        Age, KeepReason, ManifestDocument, ManifestReader, MaxDelete, NamePattern,
        RegistryInventory, RetentionPlan, RetentionPolicy, RetentionReport, RetentionRule, Subject,
    },
};
use docr_sandbox::{Clock, Image};
use docr_tests::sandbox::{Checked, furnish, http, registry_name, sharing, start};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};
use serde_json::Value;

const REGISTRY: &str = "acme-images";
const REPOSITORIES: [&str; 3] = ["shop/api", "shop/web", "tools"];
const TAGS: [&str; 10] = [
    "latest", "v1.0.0", "v1.1.0", "v2.0.0", "pr-1", "pr-2", "pr-3", "nightly", "a", "b",
];

/// A push. Numbers select an image that was pushed to the same repository before.
#[derive(Clone, Debug)]
struct Push {
    repository: usize,
    what: What,
    tags: Vec<&'static str>,
    layers: Vec<u64>,
    /// How long after it the next push is.
    hours: u64,
}

#[derive(Clone, Debug)]
enum What {
    Plain,
    Index(Vec<usize>),
    Referrer(usize),
    Signature(usize, &'static str),
    /// A referrer (`true`) or a signature of an image that was deleted.
    Orphan(bool),
}

fn push() -> impl Strategy<Value = Push> {
    let what = prop_oneof![
        4 => Just(What::Plain),
        3 => vec(any::<usize>(), 0..3).prop_map(What::Index),
        1 => any::<usize>().prop_map(What::Referrer),
        1 => (any::<usize>(), select(vec![".sig", ".att", ".sbom", ""]))
            .prop_map(|(image, suffix)| What::Signature(image, suffix)),
        1 => any::<bool>().prop_map(What::Orphan),
    ];
    (
        0..REPOSITORIES.len(),
        what,
        vec(select(TAGS.to_vec()), 0..3),
        vec(0..8_u64, 0..4),
        0..60_u64,
    )
        .prop_map(|(repository, what, tags, layers, hours)| Push {
            repository,
            what,
            tags,
            layers,
            hours,
        })
}

/// A registry that is being filled.
struct Filling {
    sandbox: Arc<Checked>,
    clock: Clock,
    pushed: [Vec<Image>; 3],
    /// Makes layers and the digests of deleted images unique.
    number: u64,
}

impl Filling {
    async fn start() -> Self {
        let (sandbox, clock) = start().await;
        furnish(&sandbox).await;
        Self {
            sandbox: Arc::new(sandbox),
            clock,
            pushed: Default::default(),
            number: 100,
        }
    }

    fn push(&mut self, push: &Push) {
        let name = REPOSITORIES[push.repository];
        let before = &self.pushed[push.repository];
        let chosen = |number: &usize| before.get(number % before.len().max(1)).cloned();
        self.number += 1;
        // The unique layer makes digests differ.
        let plain = push.layers.iter().fold(
            Image::new(name).sized_layer(self.number, 7),
            |image, layer| image.sized_layer(*layer, (layer + 1) * 1000),
        );
        let deleted = format!("{:064x}", self.number);
        let mut tags: Vec<String> = push.tags.iter().map(|tag| (*tag).to_owned()).collect();
        let image = match &push.what {
            What::Plain => plain,
            What::Index(children) => children
                .iter()
                .filter_map(chosen)
                .fold(Image::index(name), Image::child),
            What::Referrer(image) => match chosen(image) {
                Some(image) => plain.subject(image.digest()),
                None => plain,
            },
            What::Signature(image, suffix) => {
                let hex = chosen(image).map(|image| image.digest().replace("sha256:", ""));
                tags.push(format!("sha256-{}{suffix}", hex.unwrap_or(deleted)));
                plain
            }
            What::Orphan(true) => plain.subject(format!("sha256:{deleted}")),
            What::Orphan(false) => {
                tags = vec![format!("sha256-{deleted}.sig")];
                plain
            }
        };
        self.sandbox
            .push_tags(REGISTRY, image.clone(), tags)
            .unwrap();
        self.pushed[push.repository].push(image);
        self.clock.advance(Duration::from_secs(push.hours * 3600));
    }
}

fn patterns() -> impl Strategy<Value = Vec<NamePattern>> {
    let pattern = select(vec![
        "*",
        "v*",
        "v[0-9]*",
        "pr-?",
        "{nightly,a}",
        "?",
        "none",
        r"re:pr-\d",
        "sha256-*",
    ]);
    vec(
        pattern.prop_map(|text| NamePattern::new(text).unwrap()),
        0..3,
    )
}

fn age() -> impl Strategy<Value = Age> {
    (0..200_u64).prop_map(|hours| Age::from_duration(Duration::from_secs(hours * 3600)))
}

fn rule() -> impl Strategy<Value = RetentionRule> {
    let repositories = select(vec!["*", "shop/*", "tools", "shop/api"]);
    let chosen = (
        repositories,
        option::of(0..3_u32),
        option::of(age()),
        option::of(patterns()),
        option::weighted(0.3, patterns()),
    );
    let rest = (
        any::<bool>(),
        option::weighted(0.3, age()),
        any::<bool>(),
        option::weighted(0.2, 1..3_u32),
    );
    (chosen, rest).prop_map(|(chosen, rest)| {
        let (repositories, keep_newest, older_than, delete_tags, protect_tags) = chosen;
        let (delete_untagged, untagged_older_than, delete_orphans, majors) = rest;
        RetentionRule {
            repositories: vec![NamePattern::new(repositories).unwrap()],
            keep_newest,
            older_than,
            delete_tags,
            protect_tags: protect_tags.unwrap_or_default(),
            delete_untagged,
            untagged_older_than,
            delete_orphans,
            keep_versions: majors
                .map(|majors| docr::retention::KeepVersions::newest(majors).unwrap()),
        }
    })
}

/// Rules that can each be reached.
fn policy() -> impl Strategy<Value = RetentionPolicy> {
    let in_use = option::weighted(0.2, (select(REPOSITORIES.to_vec()), select(TAGS.to_vec())));
    (vec(rule(), 1..3), age(), in_use, prop::bool::weighted(0.1)).prop_map(
        |(mut rules, min_age, in_use, tags_only)| {
            let in_use = in_use.map(|(repository, tag)| {
                format!("registry.digitalocean.com/{REGISTRY}/{repository}:{tag}")
            });
            let policy = |rules| RetentionPolicy {
                min_age,
                max_delete: None,
                tags_only,
                in_use: in_use.iter().cloned().collect(),
                rules,
            };
            while policy(rules.clone()).check().is_err() {
                rules.pop();
            }
            policy(rules)
        },
    )
}

/// The content of the sandbox: by repository, the digests of its tags, and its manifests.
type Content = BTreeMap<String, (BTreeMap<String, String>, BTreeSet<String>)>;

struct Registry {
    registry: RegistryHandle,
    http: reqwest::Client,
    url: String,
    password: String,
}

impl Registry {
    async fn filled(pushes: &[Push]) -> (Filling, Self) {
        let mut filling = Filling::start().await;
        for push in pushes {
            filling.push(push);
        }
        let registry = Self::open(&filling).await;
        (filling, registry)
    }

    async fn open(filling: &Filling) -> Self {
        let docr = sharing(&filling.sandbox, &filling.clock);
        let registry = docr.registry(registry_name());
        let request = CredentialsRequest::read_only();
        let credentials = registry.docker_credentials(request).await.unwrap();
        let (_, password) = credentials.user_and_password().unwrap();
        Self {
            registry,
            http: http(),
            url: filling.sandbox.url().to_owned(),
            password: password.expose().to_owned(),
        }
    }

    async fn plan(&self, policy: &RetentionPolicy) -> RetentionPlan {
        let mut inventory = RegistryInventory::read_for(&self.registry, policy)
            .await
            .unwrap();
        inventory.read_manifests(policy, self).await;
        RetentionPlan::compute(policy, &inventory).unwrap()
    }

    async fn apply(&self, plan: &RetentionPlan) -> RetentionReport {
        let execution = plan.execution(&self.registry).unwrap();
        execution.reader(self).run(|_| {}).await
    }

    /// Collects the garbage, and returns the freed bytes.
    async fn collect(&self, report: &RetentionReport) -> u64 {
        let Some(what) = report.garbage_collection() else {
            return 0;
        };
        let runs = self.registry.garbage_collections();
        let run = runs.start(what).await.unwrap();
        let done = runs.watch(&run).wait().await.unwrap();
        done.freed_bytes.unwrap()
    }

    async fn content(&self) -> Content {
        let mut content = Content::new();
        for name in REPOSITORIES {
            let repository = self.registry.repository(name.parse().unwrap());
            let Ok(tags) = repository.tags().all().await else {
                continue;
            };
            let tags = tags
                .into_iter()
                .map(|tag| (tag.tag, tag.manifest_digest.unwrap()));
            let manifests = repository.manifests().all().await.unwrap();
            let manifests = manifests.into_iter().map(|manifest| manifest.digest);
            content.insert(name.to_owned(), (tags.collect(), manifests.collect()));
        }
        content
    }

    /// A manifest, read from the registry itself.
    async fn manifest(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let path = format!("{}/v2/{REGISTRY}/{repository}/manifests/{digest}", self.url);
        let request = self.http.get(path).basic_auth("user", Some(&self.password));
        let response = request.send().await.unwrap();
        match response.status().is_success() {
            true => Some(response.bytes().await.unwrap().into()),
            false => None,
        }
    }

    async fn has_blob(&self, repository: &str, digest: &str) -> bool {
        let path = format!("{}/v2/{REGISTRY}/{repository}/blobs/{digest}", self.url);
        let request = self
            .http
            .head(path)
            .basic_auth("user", Some(&self.password));
        request.send().await.unwrap().status().is_success()
    }

    /// Checks that a manifest, its parts and all their blobs can be read.
    async fn assert_whole(&self, repository: &str, digest: &str) {
        let mut todo = vec![digest.to_owned()];
        while let Some(digest) = todo.pop() {
            let Some(manifest) = self.manifest(repository, &digest).await else {
                panic!("{repository}: {digest} is lost");
            };
            let manifest: Value = serde_json::from_slice(&manifest).unwrap();
            let list = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
            let digest_of = |value: &Value| value["digest"].as_str().unwrap().to_owned();
            todo.extend(list("manifests").iter().map(digest_of));
            let config = manifest["config"].is_object().then(|| &manifest["config"]);
            for blob in config.into_iter().chain(&list("layers")) {
                let blob = digest_of(blob);
                let exists = self.has_blob(repository, &blob).await;
                assert!(exists, "{repository}: {digest} has lost its blob {blob}");
            }
        }
    }
}

/// Faster than `OciManifests`, whose client reads the system's certificates in each case.
impl ManifestReader for Registry {
    async fn read(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ManifestDocument, Box<dyn std::error::Error + Send + Sync>> {
        let manifest = self.manifest(repository.as_str(), digest.as_str()).await;
        Ok(ManifestDocument::from_bytes(None, &manifest.ok_or("404")?))
    }
}

/// Checks what no plan may do.
fn check_plan(policy: &RetentionPolicy, plan: &RetentionPlan, before: &Content) {
    plan.check().unwrap();
    let json = serde_json::to_string(plan).unwrap();
    assert_eq!(RetentionPlan::from_json(&json).as_ref(), Ok(plan));
    for (repository, (tags, manifests)) in before {
        let rules = policy.rules.iter().filter(|rule| {
            rule.repositories
                .iter()
                .any(|pattern| pattern.matches(repository))
        });
        let rules: Vec<_> = rules.collect();
        let is_deleted = |subject: Subject| {
            let mut deletions = plan.deletions.iter();
            deletions
                .any(|deletion| deletion.repository == *repository && deletion.subject == subject)
        };
        for (tag, digest) in tags {
            let is_protected = tag == "latest"
                || rules
                    .iter()
                    .any(|rule| rule.protect_tags.iter().any(|pattern| pattern.matches(tag)));
            let is_used = policy.in_use.iter().any(|used| {
                *used == format!("registry.digitalocean.com/{REGISTRY}/{repository}:{tag}")
            });
            if is_protected || is_used {
                assert!(
                    !is_deleted(Subject::Tag(tag.as_str().into())),
                    "{tag} is protected\n{plan}"
                );
                assert!(
                    !is_deleted(Subject::Manifest(digest.as_str().into())),
                    "{digest} is {tag}\n{plan}"
                );
            }
            if is_deleted(Subject::Manifest(digest.as_str().into())) {
                assert!(
                    is_deleted(Subject::Tag(tag.as_str().into())),
                    "{tag} would be lost\n{plan}"
                );
            }
        }
        for digest in manifests {
            if policy.tags_only || rules.is_empty() {
                assert!(
                    !is_deleted(Subject::Manifest(digest.as_str().into())),
                    "{plan}"
                );
            }
        }
    }
    for deletion in &plan.deletions {
        let age = (plan.read_at - deletion.updated_at.unwrap())
            .to_std()
            .unwrap();
        assert!(
            age > policy.min_age.as_duration() || policy.min_age == Age::default(),
            "{deletion} is too young"
        );
        if matches!(deletion.subject, Subject::Manifest(_))
            && deletion.why == docr::retention::GoReason::Untagged
        {
            assert!(
                age > Duration::from_secs(3600),
                "{deletion} may be part of a push"
            );
        }
    }
    let most = plan.kept.iter().filter_map(|kept| match &kept.reason {
        KeepReason::Newest(place) => Some(*place),
        _ => None,
    });
    let limits = policy.rules.iter().filter_map(|rule| rule.keep_newest);
    assert!(most.max() <= limits.max(), "{}", plan.kept_table());
}

/// Few cases by default, since each sets up a registry.
fn config() -> Config {
    Config {
        cases: 48,
        max_shrink_iters: 2000,
        ..Config::default()
    }
}

/// The repository in a path of the API or of the registry's protocol.
fn repository_in(path: &str) -> Option<usize> {
    let path = path.replace("%2F", "/") + "/";
    REPOSITORIES
        .iter()
        .position(|name| path.contains(&format!("/{name}/")))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(config())]

    /// Exactly what the plan keeps remains, every image of it whole, and the announced bytes are freed.
    #[test]
    fn a_prune_leaves_kept_images_whole_and_frees_what_the_plan_announced(
        pushes in vec(push(), 1..14),
        policy in policy(),
    ) {
        run(async {
            let (_filling, registry) = Registry::filled(&pushes).await;
            let before = registry.content().await;
            let plan = registry.plan(&policy).await;
            check_plan(&policy, &plan, &before);

            let report = registry.apply(&plan).await;
            assert!(report.steps.iter().all(|step| step.outcome.is_gone()), "{report}\n{plan}");
            assert_eq!(registry.collect(&report).await, plan.freed_bytes, "{plan}");

            let mut expected = before.clone();
            for deletion in &plan.deletions {
                let (tags, manifests) = expected.get_mut(deletion.repository.as_str()).unwrap();
                match &deletion.subject {
                    Subject::Tag(tag) => drop(tags.remove(tag.as_str())),
                    Subject::Manifest(digest) => drop(manifests.remove(digest.as_str())),
                }
            }
            expected.retain(|repository, _| !plan.whole_repositories.contains(repository.as_str()));
            let after = registry.content().await;
            assert_eq!(&after, &expected, "{}", plan);
            for (repository, (_, manifests)) in &after {
                for digest in manifests {
                    registry.assert_whole(repository, digest).await;
                }
            }
            // A second plan, for what has become old enough meanwhile, is held to the same rules.
            let again = registry.plan(&RetentionPolicy {
                max_delete: Some(MaxDelete::Percent(0)),
                ..policy.clone()
            }).await;
            check_plan(&policy, &again, &after);
        });
    }

    /// Others push, move tags and delete between any two requests, except between the last check of a repository and the
    /// DELETE of a manifest in it, a race that no client can avoid. No image that is tagged at the end or was pushed since
    /// the plan lacks a part.
    #[test]
    fn no_image_loses_a_part_while_others_push_and_delete(
        pushes in vec(push(), 4..12),
        others in vec((push(), option::weighted(0.3, (0..3_usize, select(TAGS.to_vec()))), 0..4_u64), 1..30),
        policy in policy(),
    ) {
        run(async {
            let (filling, registry) = Registry::filled(&pushes).await;
            let sandbox = Arc::clone(&filling.sandbox);
            let clock = filling.clock.clone();
            let filling = Mutex::new(filling);
            let number = AtomicUsize::new(0);
            // The repositories that the execution has looked at.
            let looked_at = Arc::new(Mutex::new(None::<BTreeSet<usize>>));
            let looking_at = Arc::clone(&looked_at);
            let disturb = move |method: &str, path: &str| {
                if method == "DELETE" && path.contains("/digests/") {
                    return;
                }
                let here = repository_in(path);
                let mut looked_at = looking_at.lock().unwrap();
                looked_at.iter_mut().for_each(|seen| seen.extend(here));
                let may_follow_a_check = |repository| {
                    here != Some(repository) && looked_at.as_ref().is_some_and(|seen| seen.contains(&repository))
                };
                let Some((push, delete, pause)) = others.get(number.fetch_add(1, Relaxed)) else {
                    return;
                };
                let mut filling = filling.lock().unwrap();
                match delete {
                    Some((repository, tag)) => {
                        filling.sandbox.delete(REGISTRY, REPOSITORIES[*repository], tag);
                    }
                    None if *pause == 0 || may_follow_a_check(push.repository) => {}
                    None => filling.push(&Push { hours: 0, ..push.clone() }),
                }
                clock.advance(Duration::from_secs(pause * 20));
            };
            sandbox.before_each(Some(disturb));
            let plan = registry.plan(&policy).await;
            *looked_at.lock().unwrap() = Some(BTreeSet::new());
            let report = registry.apply(&plan).await;
            sandbox.before_each(None::<fn(&str, &str)>);
            registry.collect(&report).await;
            for (repository, (tags, manifests)) in registry.content().await {
                let since = registry.registry.repository(repository.parse().unwrap());
                let since = since.manifests().all().await.unwrap();
                let since = since.into_iter().filter(|manifest| manifest.updated_at > Some(plan.read_at));
                let since: BTreeSet<_> = since.map(|manifest| manifest.digest).collect();
                let tagged: BTreeSet<_> = tags.values().cloned().collect();
                for digest in manifests.iter().filter(|digest| tagged.contains(*digest) || since.contains(*digest)) {
                    registry.assert_whole(&repository, digest).await;
                }
            }
        });
    }
}
