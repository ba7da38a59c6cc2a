//! Images that are in use somewhere, such as by the pods of a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    images::{Images, ManifestId},
    shared_string::SharedString,
};
use crate::{DockerCredentials, ImageRef, InvalidInput, Tag};

/// What a reference names in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InUse {
    /// A tag or a digest of a repository.
    Image(ImageRef),
    /// A manifest by its digest only, or by that of its configuration, which some runtimes call the image's ID.
    Digest(String),
}

/// Reads references to images from a text, separated by white space, with or without digests, such as
/// `kubectl get pods -A -o jsonpath='{range .items[*].status.containerStatuses[*]}{.image} {.imageID}{"\n"}{end}'`
/// prints, for [`RetentionPolicy::in_use`](super::RetentionPolicy::in_use).
///
/// ```
/// let images = docr::retention::in_use("registry.digitalocean.com/acme/api:v1\ndocker.io/library/redis:7\n")?;
/// assert_eq!(images.len(), 2);
/// assert!(docr::retention::in_use("\n").is_err());
/// # Ok::<(), docr::InvalidInput>(())
/// ```
///
/// # Errors
///
/// If it contains no reference: the command that wrote it has probably failed, and everything would look unused. If a
/// reference to DigitalOcean's registry is malformed.
pub fn in_use(text: &str) -> Result<Vec<String>, InvalidInput> {
    let references: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    if references.is_empty() {
        let rule = "is empty; omit it if nothing is in use, otherwise check whether the command that lists the images \
                    failed";
        return Err(InvalidInput::new("list of images in use", "", rule));
    }
    for reference in &references {
        check(reference)?;
    }
    Ok(references)
}

/// Rejects a malformed reference to DigitalOcean's registry.
pub(super) fn check(reference: &str) -> Result<(), InvalidInput> {
    read(reference).map(|_| ())
}

/// What a reference names, if it may be in one of DigitalOcean's registries.
fn read(reference: &str) -> Result<Option<InUse>, InvalidInput> {
    // Container runtimes prefix it with a scheme of their own.
    let bare = reference
        .split_once("://")
        .map_or(reference, |(_, rest)| rest);
    if bare.starts_with("sha256:") {
        return Ok(Some(InUse::Digest(bare.to_owned())));
    }
    let path = match bare.split_once('/') {
        Some((host, path)) if is_host_of_registries(host) => path,
        Some(_) => {
            // Without a host it may be an image on Docker Hub; with another one it is not read.
            return Ok(bare.parse().ok().map(InUse::Image));
        }
        None => return Ok(None),
    };
    let image = path.parse().map_err(|error: InvalidInput| {
        InvalidInput::new("image in use", reference, format!("is malformed: {error}"))
    })?;
    Ok(Some(InUse::Image(image)))
}

/// DigitalOcean's host, or a sandbox on this machine.
fn is_host_of_registries(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    host == DockerCredentials::HOST || (name != host && matches!(name, "127.0.0.1" | "localhost"))
}

/// The references to a registry, each with its text.
fn of<'a>(references: &'a [String], registry: &str) -> Result<Vec<(&'a str, InUse)>, InvalidInput> {
    let mut all = Vec::new();
    for reference in references {
        match read(reference)? {
            Some(InUse::Image(image)) if image.registry != registry => {}
            Some(in_use) => all.push((reference.as_str(), in_use)),
            None => {}
        }
    }
    Ok(all)
}

/// The images that are in use. Each reference is identified by its place in the policy.
#[derive(Default)]
pub(super) struct InUseImages<'a> {
    references: Vec<(&'a str, InUse)>,
    /// By the digest, if they name only that.
    by_digest: HashMap<String, usize>,
    /// By the repository that they name.
    by_repository: HashMap<String, Vec<usize>>,
    resolved: BTreeSet<&'a str>,
}

impl<'a> InUseImages<'a> {
    pub(super) fn of(references: &'a [String], registry: &str) -> Result<Self, InvalidInput> {
        let mut all = Self {
            references: of(references, registry)?,
            ..Self::default()
        };
        for (place, (_, reference)) in all.references.iter().enumerate() {
            match reference {
                InUse::Digest(digest) => {
                    all.by_digest.entry(digest.clone()).or_insert(place);
                }
                InUse::Image(image) => {
                    let here = all.by_repository.entry(image.repository.to_string());
                    here.or_default().push(place);
                }
            }
        }
        Ok(all)
    }

    /// The manifests that are in use in a repository, each with the first reference to it.
    pub(super) fn here(
        &mut self,
        repository: &str,
        images: &Images<'_>,
    ) -> BTreeMap<ManifestId, SharedString> {
        let mut used = BTreeMap::<ManifestId, usize>::new();
        let mut take = |manifest, place: usize| {
            let first = used.entry(manifest).or_insert(place);
            *first = place.min(*first);
            self.resolved.insert(self.references[place].0);
        };
        if !self.by_digest.is_empty() {
            for manifest in images.manifests() {
                let record = images.record(manifest);
                for named in [&record.digest].into_iter().chain(record.blobs.keys()) {
                    if let Some(place) = self.by_digest.get(named.as_str()) {
                        take(manifest, *place);
                    }
                }
            }
        }
        for place in self.by_repository.get(repository).into_iter().flatten() {
            let InUse::Image(image) = &self.references[*place].1 else {
                continue;
            };
            let tag = image.tag.as_ref().map_or("latest", Tag::as_str);
            let (named, tag) = match &image.digest {
                Some(digest) => (images.find(digest.as_str()), None),
                None => (None, images.find_tag(tag)),
            };
            let tagged = tag.into_iter().flat_map(|tag| images.manifests_of(tag));
            for manifest in named.into_iter().chain(tagged) {
                take(manifest, *place);
            }
        }
        let texts = used.into_iter();
        texts
            .map(|(manifest, place)| (manifest, self.references[place].0.into()))
            .collect()
    }

    /// References that match nothing, as far as is known: some repositories were not read, and a digest alone may belong to
    /// another registry.
    pub(super) fn unresolved(
        self,
        unread: &BTreeSet<SharedString>,
    ) -> impl Iterator<Item = String> {
        let Self {
            references,
            resolved,
            ..
        } = self;
        let left = references.into_iter().filter(move |(text, reference)| {
            let was_read = |image: &ImageRef| !unread.contains(image.repository.as_str());
            matches!(reference, InUse::Image(image) if was_read(image)) && !resolved.contains(text)
        });
        left.map(|(text, _)| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{ManifestRecord, RepositoryInventory};

    #[test]
    fn a_registry_on_localhost_has_a_port() {
        for host in [
            "registry.digitalocean.com",
            "localhost:5000",
            "127.0.0.1:5000",
        ] {
            assert!(is_host_of_registries(host), "{host}");
        }
        for host in ["localhost", "127.0.0.1", "docker.io", "ghcr.io:5000"] {
            assert!(!is_host_of_registries(host), "{host}");
        }
    }

    #[test]
    fn references_are_read_as_runtimes_print_them() {
        let hex = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        let text = format!(
            "registry.digitalocean.com/acme/shop/api:v1 docker.io/library/redis:7\n\
             docker-pullable://registry.digitalocean.com/acme/shop/api@sha256:{hex}\n\
             127.0.0.1:5000/acme/web localhost/acme/web acme/tools:2 nginx redis:7 quay.io/a/b sha256:{hex}\n\
             registry.digitalocean.com/other/web:v1 ghcr.io/acme/UPPER:1",
        );
        let references = in_use(&text).unwrap();
        let ours = of(&references, "acme").unwrap();
        let ours: Vec<_> = ours
            .into_iter()
            .map(|(_, in_use)| match in_use {
                InUse::Image(image) => image.to_string(),
                InUse::Digest(digest) => digest,
            })
            .collect();
        assert_eq!(of(&references, "localhost").unwrap().len(), 1);
        let digest = format!("sha256:{hex}");
        assert_eq!(
            ours,
            [
                "registry.digitalocean.com/acme/shop/api:v1".to_owned(),
                format!("registry.digitalocean.com/acme/shop/api@{digest}"),
                "registry.digitalocean.com/acme/web".to_owned(),
                "registry.digitalocean.com/acme/tools:2".to_owned(),
                digest,
            ]
        );
    }

    #[test]
    fn an_image_is_found_by_the_digest_of_its_configuration() {
        let (manifest, config) = (format!("sha256:{:064x}", 1), format!("sha256:{:064x}", 2));
        let repository = RepositoryInventory {
            manifests: vec![ManifestRecord {
                digest: manifest.as_str().into(),
                blobs: [(config.as_str().into(), 1)].into(),
                ..ManifestRecord::default()
            }],
            ..RepositoryInventory::default()
        };
        let images = Images::of(&repository).unwrap();
        for reference in [&manifest, &config] {
            let references = [reference.clone()];
            let mut in_use = InUseImages::of(&references, "acme").unwrap();
            let used = in_use.here("api", &images);
            let found = images.find(&manifest).unwrap();
            assert_eq!(used, [(found, reference.as_str().into())].into());
        }
    }

    #[test]
    fn empty_and_malformed_references_are_refused() {
        assert!(in_use(" \n").unwrap_err().to_string().contains("is empty"));
        let error = in_use("registry.digitalocean.com/acme/api:v1:2")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("image in use \"registry"), "{error}");
    }
}
