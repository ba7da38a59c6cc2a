//! Finding an image by a tag, a digest or a prefix of one.

use anyhow::Result;
use docr::{RepositoryHandle, RepositoryManifest};

use crate::{
    account::RegistryCalls,
    names::{ImageArgument, Which},
    output::{About as _, NotThere, Output, Subject, WrongInput, short},
};

/// How many of several candidates are shown.
const SHOWN: usize = 5;

pub(super) struct Found {
    pub(super) repository: RepositoryHandle,
    pub(super) manifest: RepositoryManifest,
    /// All manifests of the repository.
    pub(super) manifests: Vec<RepositoryManifest>,
}

impl Found {
    pub(super) fn subject(&self, registry: &RegistryCalls) -> Subject {
        let which = format!("image {}", short(&self.manifest.digest));
        registry.image_subject(self.repository.name(), which)
    }
}

pub(super) async fn find(
    registry: &RegistryCalls,
    wanted: &ImageArgument,
    output: &Output,
) -> Result<Found> {
    let repository = registry.repository(wanted.repository.clone());
    let manifests = output.read_all("images", repository.manifests()).await;
    let manifests = manifests.about(|| registry.repository_subject(&wanted.repository))?;
    let manifest = the_one(&manifests, wanted, registry)?.clone();
    Ok(Found {
        repository,
        manifest,
        manifests,
    })
}

fn the_one<'a>(
    manifests: &'a [RepositoryManifest],
    wanted: &ImageArgument,
    registry: &RegistryCalls,
) -> Result<&'a RepositoryManifest> {
    let is_meant = |manifest: &&RepositoryManifest| match &wanted.which {
        Which::Tag(tag) => manifest.tags.iter().any(|one| tag == one.as_str()),
        Which::Digest(digest) => digest == manifest.digest.as_str(),
        Which::DigestPrefix(digits) => manifest
            .digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.starts_with(digits)),
    };
    let found: Vec<_> = manifests.iter().filter(is_meant).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let which = match &wanted.which {
                Which::Tag(tag) => format!("tag {:?}", tag.as_str()),
                which => format!("image {which}"),
            };
            Err(NotThere(registry.image_subject(&wanted.repository, which)).into())
        }
        several => {
            let digests = several.iter().take(SHOWN);
            let digests: Vec<_> = digests
                .map(|one| longer(&one.digest, &wanted.which))
                .collect();
            let message = format!(
                "{} is ambiguous: {} digests in {} begin with it: {}; give more digits",
                wanted.which,
                several.len(),
                wanted.repository,
                digests.join(", ")
            );
            Err(WrongInput(message).into())
        }
    }
}

/// A prefix of a digest, longer than the given one.
fn longer(digest: &str, which: &Which) -> String {
    let length = which.to_string().len().max(short(digest).len());
    digest.chars().take(length + 4).collect()
}
