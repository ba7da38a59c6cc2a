//! Calls every operation of the spec by its id, as a user would.

use docr::{
    CertificateId, Client, ClusterId, CreateCertificate, CreateRegistry, CredentialsRequest,
    Digest, GarbageCollectionId, GarbageCollectionType, LegacyRegistry, RegistryHandle,
    RepositoryHandle, RepositoryName, Result, Tag, TierSlug,
};

use crate::sandbox::{image, registry_name, wanted_registry};

/// What the calls refer to, apart from the registry.
#[derive(Clone, Debug)]
pub struct Subjects {
    /// A certificate.
    pub certificate: CertificateId,
    /// A Kubernetes cluster.
    pub cluster: ClusterId,
    /// A manifest of [`repository_name`].
    pub digest: Digest,
    /// A garbage collection.
    pub run: GarbageCollectionId,
}

impl Default for Subjects {
    /// Ids that don't exist, and the digest of the image in the tests' sandbox.
    fn default() -> Self {
        Self {
            certificate: uuid("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954"),
            cluster: uuid("6b7c1f0a-2d1e-4f5c-8a90-3c4d5e6f7a8b"),
            digest: image().digest().parse().expect("a digest"),
            run: uuid("7a1f0c52-9b7e-4a55-b8a4-2f6f3f1f9a10"),
        }
    }
}

fn uuid<T: std::str::FromStr<Err = docr::InvalidInput>>(text: &str) -> T {
    text.parse().expect("a UUID")
}

/// The repository that the calls refer to.
pub fn repository_name() -> RepositoryName {
    RepositoryName::new("shop/api").expect("a well-formed name")
}

/// The tag that the calls refer to.
pub fn tag() -> Tag {
    Tag::new("v1.4.2").expect("a well-formed tag")
}

/// Calls an operation and formats the value it reads; `None` if no method calls it.
pub async fn call(docr: &Client, operation: &str, subjects: &Subjects) -> Option<Result<String>> {
    match operation.split_once('_') {
        Some(("certificates", _)) => certificates(docr, operation, subjects).await,
        Some(("kubernetes", _)) => clusters(docr, operation, subjects).await,
        Some(("registries", call)) => match registries(docr, call).await {
            None => registry(&docr.registry(registry_name()), call, subjects).await,
            called => called,
        },
        Some(("registry", call)) => legacy_registry(&docr.legacy_registry(), call, subjects).await,
        _ => None,
    }
}

async fn certificates(
    docr: &Client,
    operation: &str,
    subjects: &Subjects,
) -> Option<Result<String>> {
    let certificates = docr.certificates();
    Some(match operation {
        "certificates_list" => shown(certificates.list().page(1).await),
        "certificates_create" => {
            let wanted = CreateCertificate::lets_encrypt("shop-back", ["back.example.com"]);
            shown(certificates.create(wanted).await)
        }
        "certificates_get" => shown(certificates.get(&subjects.certificate).await),
        "certificates_delete" => shown(certificates.delete(&subjects.certificate).await),
        _ => return None,
    })
}

async fn clusters(docr: &Client, operation: &str, subjects: &Subjects) -> Option<Result<String>> {
    let clusters = docr.clusters();
    let (these, registries) = ([subjects.cluster.clone()], [registry_name()]);
    Some(shown(match operation {
        "kubernetes_add_registry" => clusters.add_legacy_registry(&these).await,
        "kubernetes_remove_registry" => clusters.remove_legacy_registry(&these).await,
        "kubernetes_add_registries" => clusters.add_registries(&these, &registries).await,
        "kubernetes_remove_registries" => clusters.remove_registries(&these, &registries).await,
        _ => return None,
    }))
}

async fn registries(docr: &Client, call: &str) -> Option<Result<String>> {
    let registries = docr.registries();
    Some(match call {
        "list" => shown(registries.list().all().await),
        "create" => {
            let wanted = CreateRegistry::new(
                "acme-mirror".parse().expect("a name"),
                TierSlug::Professional,
            );
            shown(registries.create(wanted).await)
        }
        "get_subscription" => shown(registries.subscription().await),
        "update_subscription" => shown(registries.change_tier(TierSlug::Professional).await),
        "get_options" => shown(registries.options().await),
        "validate_name" => shown(registries.is_name_available(&registry_name()).await),
        _ => return None,
    })
}

async fn legacy_registry(
    registry: &LegacyRegistry,
    call: &str,
    subjects: &Subjects,
) -> Option<Result<String>> {
    let name = &registry_name();
    Some(match call {
        "get" => shown(registry.get().await),
        "create" => shown(registry.create(wanted_registry()).await),
        "delete" => shown(registry.delete().await),
        "get_subscription" => shown(registry.subscription().await),
        "update_subscription" => shown(registry.change_tier(TierSlug::Professional).await),
        "get_dockerCredentials" => shown(
            registry
                .docker_credentials(CredentialsRequest::read_write())
                .await,
        ),
        "get_options" => shown(registry.options().await),
        "validate_name" => shown(registry.is_name_available(name).await),
        "list_repositories" => shown(registry.repositories_with_latest_tag(name).page(1).await),
        "list_repositoriesV2" => shown(registry.repositories(name).page(1).await),
        _ => {
            let runs = registry.garbage_collections(name);
            let repository = registry.repository(name, repository_name());
            return shared(repository, runs, call, subjects).await;
        }
    })
}

async fn registry(
    registry: &RegistryHandle,
    call: &str,
    subjects: &Subjects,
) -> Option<Result<String>> {
    Some(match call {
        "get" => shown(registry.get().await),
        "delete" => shown(registry.delete().await),
        "get_dockerCredentials" => shown(
            registry
                .docker_credentials(CredentialsRequest::read_only())
                .await,
        ),
        "list_repositoriesV2" => shown(registry.repositories().page(1).await),
        "delete_repository" => shown(registry.repository(repository_name()).delete().await),
        _ => {
            let runs = registry.garbage_collections();
            return shared(registry.repository(repository_name()), runs, call, subjects).await;
        }
    })
}

/// The calls that both handles have.
async fn shared(
    repository: RepositoryHandle,
    runs: docr::GarbageCollections,
    call: &str,
    subjects: &Subjects,
) -> Option<Result<String>> {
    Some(match call {
        "list_repositoryTags" => shown(repository.tags().page(1).await),
        "delete_repositoryTag" => shown(repository.delete_tag(&tag()).await),
        "list_repositoryManifests" => shown(repository.manifests().page(1).await),
        "delete_repositoryManifest" => shown(repository.delete_manifest(&subjects.digest).await),
        "get_garbageCollection" => shown(runs.active().await),
        "run_garbageCollection" => {
            let what = GarbageCollectionType::UntaggedManifestsAndUnreferencedBlobs;
            shown(runs.start(what).await)
        }
        "list_garbageCollections" => shown(runs.list().page(1).await),
        "update_garbageCollection" => shown(runs.cancel(&subjects.run).await),
        _ => return None,
    })
}

fn shown<T: std::fmt::Debug>(result: Result<T>) -> Result<String> {
    result.map(|value| format!("{value:#?}"))
}
