//! Scenarios of several calls.

use std::{fmt::Debug, pin::Pin, time::Duration};

use docr::{
    CertificateState, Client, ClusterId, CreateCertificate, CreateRegistry, CredentialsRequest,
    GarbageCollectionType, Region, RegistryName, RepositoryName, Result, TierSlug,
};
use docr_sandbox::{CertificateSeed, Image, Sandbox, ScriptedResponse};

use super::shown_error;
use crate::{calls::Subjects, sandbox::registry_name};

type Act = fn(Client, RegistryName, Subjects) -> Pin<Box<dyn Future<Output = Result<String>>>>;

/// Several calls with one purpose.
#[derive(Debug)]
pub struct Flow {
    /// Its name.
    pub name: &'static str,
    /// A description in one line.
    pub about: &'static str,
    /// How to record it from the real API; `None` if that is not allowed.
    pub live: Option<LiveFlow>,
    /// Whether the account has a registry at the start.
    pub(super) furnished: bool,
    /// Creates whatever else the flow needs; returns what the calls refer to.
    pub(super) set_up: fn(&Sandbox) -> Subjects,
    /// Makes the calls for a registry of this name. Returns an error if one fails that should not.
    pub act: Act,
}

/// The effects of a flow on a real account.
#[derive(Debug)]
pub struct LiveFlow {
    /// Whether it creates a registry, which is deleted afterwards.
    pub creates_registry: bool,
    /// What else it does in the account.
    pub notes: &'static str,
}

pub(super) static ALL: &[Flow] = &[
    Flow {
        name: "registry-lifecycle",
        about: "A registry is created and read, credentials for it are minted, and it is deleted",
        live: Some(LiveFlow {
            creates_registry: true,
            notes: "mints read-only credentials, which expire after a minute",
        }),
        furnished: false,
        set_up: |_| Subjects::default(),
        act: |docr, name, _| Box::pin(registry_lifecycle(docr, name)),
    },
    Flow {
        name: "options",
        about: "The available tiers and regions",
        live: Some(LiveFlow {
            creates_registry: false,
            notes: "only reads",
        }),
        furnished: false,
        set_up: |_| Subjects::default(),
        act: |docr, _, _| Box::pin(options(docr)),
    },
    Flow {
        name: "account-registry",
        about: "The older calls, for an account with one registry: create, change the tier, delete",
        live: None,
        furnished: false,
        set_up: |_| Subjects::default(),
        act: |docr, name, _| Box::pin(legacy_registry(docr, name)),
    },
    Flow {
        name: "several-registries",
        about: "A second registry needs the professional tier, and disables the older calls",
        live: None,
        furnished: false,
        set_up: |_| Subjects::default(),
        act: |docr, name, _| Box::pin(several_registries(docr, name)),
    },
    Flow {
        name: "pages",
        about: "Seven tags are read in pages of three",
        live: None,
        furnished: true,
        set_up: |sandbox| {
            let tags = (1..=7).map(|n| format!("v{n}"));
            push(sandbox, Image::new("shop/api").layer("a layer"), tags);
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(pages(docr, name)),
    },
    Flow {
        name: "pruning",
        about: "A tag, a manifest and a repository are deleted, one of them twice",
        live: None,
        furnished: true,
        set_up: |sandbox| {
            push(
                sandbox,
                Image::new("shop/api").layer("old"),
                ["v1", "latest"],
            );
            push(
                sandbox,
                Image::new("shop/api").layer("new"),
                ["v2", "latest"],
            );
            push(sandbox, Image::new("shop/web").layer("web"), ["v1"]);
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(pruning(docr, name)),
    },
    Flow {
        name: "garbage-collection",
        about: "A garbage collection is started, a second one is refused, and the first is cancelled",
        live: None,
        furnished: true,
        set_up: |sandbox| {
            push(sandbox, Image::new("shop/api").layer("a layer"), ["v1"]);
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(garbage_collection(docr, name)),
    },
    Flow {
        name: "certificates",
        about: "A certificate is requested, found by name and deleted; one in use is not deleted",
        live: None,
        furnished: false,
        set_up: |sandbox| {
            let seed = CertificateSeed::custom("front & back", ["shop.example.com"]);
            sandbox.add_certificate(seed.in_use());
            Subjects::default()
        },
        act: |docr, _, _| Box::pin(certificates(docr)),
    },
    Flow {
        name: "cluster",
        about: "A registry is added to a cluster and removed from it",
        live: None,
        furnished: true,
        set_up: |sandbox| Subjects {
            cluster: sandbox.add_cluster().parse().expect("an id"),
            ..Subjects::default()
        },
        act: |docr, name, about| Box::pin(cluster(docr, name, about.cluster)),
    },
    Flow {
        name: "retry",
        about: "A read succeeds after a proxy's error page and a 429",
        live: None,
        furnished: true,
        set_up: |sandbox| {
            script(
                sandbox,
                "registries_get",
                ScriptedResponse::html(502, "<html></html>"),
            );
            let limited = ScriptedResponse::status(429).header("retry-after", "3");
            script(sandbox, "registries_get", limited);
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(retry(docr, name)),
    },
    Flow {
        name: "limit-of-the-hour",
        about: "The limit per hour is exceeded for longer than the deadline allows: the error reports when to retry",
        live: None,
        furnished: true,
        set_up: |sandbox| {
            let limited = ScriptedResponse::status(429)
                .header("ratelimit-remaining", "0")
                .header("ratelimit-reset", "1767269400");
            script(sandbox, "registries_get", limited);
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(limit_of_the_hour(docr, name)),
    },
    Flow {
        name: "lost-create",
        about: "A create fails with 504: it is looked up instead of retried, and reported as ambiguous",
        live: None,
        furnished: false,
        set_up: |sandbox| {
            script(sandbox, "registries_create", ScriptedResponse::status(504));
            Subjects::default()
        },
        act: |docr, name, _| Box::pin(lost_create(docr, name)),
    },
];

fn script(sandbox: &Sandbox, operation: &str, response: ScriptedResponse) {
    let scripted = sandbox.respond_next(operation, response);
    scripted.expect("an operation of the spec");
}

fn push<T: AsRef<str>>(sandbox: &Sandbox, image: Image, tags: impl IntoIterator<Item = T>) {
    let pushed = sandbox.push_tags(registry_name().as_str(), image, tags);
    pushed.expect("the image fits");
}

/// The steps of a flow, and what each read.
#[derive(Default)]
struct Steps(String);

impl Steps {
    /// Records what a step read, and returns it.
    fn read<T: Debug>(&mut self, step: &str, outcome: Result<T>) -> Result<T> {
        self.record(step, &outcome);
        outcome
    }

    /// Records a step that must fail.
    fn fails<T: Debug>(&mut self, step: &str, outcome: Result<T>) {
        assert!(outcome.is_err(), "{step}: {outcome:?}");
        self.record(step, &outcome);
    }

    fn record<T: Debug>(&mut self, step: &str, outcome: &Result<T>) {
        let shown = match outcome {
            Ok(value) => format!("read: {value:#?}"),
            Err(error) => shown_error(error),
        };
        self.0 += &format!("# {step}\n{shown}\n\n");
    }
}

fn starter(name: &RegistryName) -> CreateRegistry {
    CreateRegistry::new(name.clone(), TierSlug::Starter).region(Region::Fra1)
}

async fn registry_lifecycle(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let registries = docr.registries();
    steps.read(
        "is the name free?",
        registries.is_name_available(&name).await,
    )?;
    steps.read("create", registries.create(starter(&name)).await)?;
    let registry = docr.registry(name.clone());
    steps.read("get", registry.get().await)?;
    steps.read(
        "is the name free now?",
        registries.is_name_available(&name).await,
    )?;
    let request = CredentialsRequest::read_only().expires_in(Duration::from_secs(60));
    steps.read(
        "credentials for a minute",
        registry.docker_credentials(request).await,
    )?;
    steps.read("repositories", registry.repositories().all().await)?;
    steps.read("delete", registry.delete().await)?;
    steps.read("get once more", registry.get_opt().await)?;
    Ok(steps.0)
}

async fn options(docr: Client) -> Result<String> {
    let mut steps = Steps::default();
    steps.read("options", docr.registries().options().await)?;
    Ok(steps.0)
}

async fn legacy_registry(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let registry = docr.legacy_registry();
    steps.read("get", registry.get_opt().await)?;
    steps.read("create", registry.create(starter(&name)).await)?;
    steps.fails("create again", registry.create(starter(&name)).await);
    steps.read(
        "change the tier",
        registry.change_tier(TierSlug::Basic).await,
    )?;
    steps.read("subscription", registry.subscription().await)?;
    steps.read("delete", registry.delete().await)?;
    Ok(steps.0)
}

async fn several_registries(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let registries = docr.registries();
    steps.read("create", registries.create(starter(&name)).await)?;
    let second: RegistryName = "acme-mirror".parse().map_err(docr::Error::from)?;
    steps.fails(
        "create a second one",
        registries.create(starter(&second)).await,
    );
    let tier = TierSlug::Professional;
    steps.read(
        "change the tier",
        registries.change_tier(tier.clone()).await,
    )?;
    let wanted = CreateRegistry::new(second, tier);
    steps.read("create the second one", registries.create(wanted).await)?;
    steps.read("list", registries.list().all().await)?;
    steps.fails("an older call", docr.legacy_registry().get().await);
    Ok(steps.0)
}

async fn pages(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let repository = docr.registry(name).repository(shop("api")?);
    let tags = repository.tags().per_page(3).all().await;
    let names = tags.map(|tags| tags.into_iter().map(|tag| tag.tag).collect::<Vec<_>>());
    steps.read("tags", names)?;
    let third = repository.tags().per_page(3).page(3).await;
    let third = third.map(|page| (page.number, page.total, page.items.len()));
    steps.read("number, total and length of the third page", third)?;
    Ok(steps.0)
}

async fn pruning(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let registry = docr.registry(name);
    let repository = registry.repository(shop("api")?);
    let manifests = steps.read("manifests", repository.manifests().all().await)?;
    steps.read("delete the tag v1", repository.delete_tag("v1").await)?;
    let tags = repository.tags().all().await;
    let names = tags.map(|tags| tags.into_iter().map(|tag| tag.tag).collect::<Vec<_>>());
    steps.read("tags", names)?;
    let untagged = manifests
        .iter()
        .find(|manifest| manifest.tags.contains(&"v1".into()));
    let digest = untagged
        .map(|manifest| manifest.digest.as_str())
        .unwrap_or_default();
    steps.read(
        "delete its manifest",
        repository.delete_manifest(digest).await,
    )?;
    steps.fails(
        "delete its manifest again",
        repository.delete_manifest(digest).await,
    );
    steps.read(
        "delete the repository",
        registry.repository(shop("web")?).delete().await,
    )?;
    let left = registry.repositories().all().await;
    steps.read("repositories", left)?;
    Ok(steps.0)
}

fn shop(name: &str) -> Result<RepositoryName> {
    Ok(RepositoryName::new(format!("shop/{name}"))?)
}

async fn garbage_collection(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    let runs = docr.registry(name).garbage_collections();
    steps.read("active", runs.active().await)?;
    let what = GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs;
    let run = steps.read("start", runs.start(what.clone()).await)?;
    steps.fails("start another", runs.start(what).await);
    steps.read("cancel", runs.cancel(&run).await)?;
    steps.read("list", runs.list().all().await)?;
    Ok(steps.0)
}

async fn certificates(docr: Client) -> Result<String> {
    let mut steps = Steps::default();
    let certificates = docr.certificates();
    let wanted = CreateCertificate::lets_encrypt("shop", ["*.example.com", "example.com"]);
    let created = steps.read("create", certificates.create(wanted.clone()).await)?;
    assert_eq!(created.state, Some(CertificateState::Pending));
    steps.fails("create again", certificates.create(wanted).await);
    let found = steps.read(
        "by name",
        certificates.get_by_name_opt("front & back").await,
    )?;
    for certificate in found.iter().chain([&created]) {
        let deleted = certificates.delete(certificate).await;
        let step = format!("delete {}", certificate.name);
        match certificate.name.as_str() {
            "shop" => steps.read(&step, deleted)?,
            _ => steps.fails(&step, deleted),
        }
    }
    Ok(steps.0)
}

async fn cluster(docr: Client, name: RegistryName, cluster: ClusterId) -> Result<String> {
    let mut steps = Steps::default();
    let (clusters, these, names) = (docr.clusters(), [cluster], [name]);
    steps.read("add", clusters.add_registries(&these, &names).await)?;
    steps.read("remove", clusters.remove_registries(&these, &names).await)?;
    Ok(steps.0)
}

async fn retry(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    steps.read("get", docr.registry(name).get().await)?;
    Ok(steps.0)
}

async fn limit_of_the_hour(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    steps.fails("get", docr.registry(name).get().await);
    Ok(steps.0)
}

async fn lost_create(docr: Client, name: RegistryName) -> Result<String> {
    let mut steps = Steps::default();
    steps.fails("create", docr.registries().create(starter(&name)).await);
    Ok(steps.0)
}
