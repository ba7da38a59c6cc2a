//! `docr image show`

use anyhow::{Result, anyhow};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::{
    Digest, RepositoryManifest, RepositoryName,
    retention::{ImageDetails, OciManifests},
};
use indicatif::HumanBytes;
use serde::Serialize;

use super::find::find;
use crate::{
    account::AccountArguments,
    complete,
    help::{Examples, examples},
    interrupt::Interrupt,
    names::ImageArgument,
    output::{Cell, Columns, Outcome, Output, short},
};

const EXAMPLES: Examples = [
    ("By tag", "docr image show shop/api:latest"),
    (
        "The digest, to deploy it by",
        "docr image show shop/api:latest --output ids",
    ),
];

/// Show an image: its tags, platforms, layers and signatures.
///
/// Platforms, layers and signatures are read from the registry itself, with temporary credentials.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Show {
    /// Image to show, as REPOSITORY:TAG or REPOSITORY@DIGEST; a digest may be abbreviated.
    #[arg(add = ArgValueCompleter::new(complete::tags))]
    image: ImageArgument,
}

/// An image as described by the API and by the registry.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    manifest: RepositoryManifest,
    #[serde(flatten)]
    details: Option<ImageDetails>,
    /// Signatures by cosign's tag convention.
    signature_tags: Vec<String>,
}

impl Show {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let interrupt = Interrupt::listen()?;
        let account = account.open(output).await?;
        let finding = async {
            let registry = account.registry_for(self.image.registry.clone()).await?;
            let found = find(&registry, &self.image, output).await?;
            anyhow::Ok((registry, found))
        };
        let Some(found) = interrupt.unless(finding).await else {
            return Ok(Outcome::Interrupted);
        };
        let (registry, found) = found?;
        let progress = output.progress("reading the image");
        let details = match account.manifests(registry.handle(), &interrupt).await {
            Ok(Some(manifests)) => {
                let read = read(&manifests.reader, &self.image.repository, &found.manifest);
                let read = interrupt.unless(read).await;
                manifests.close(output).await;
                read
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        drop(progress);
        let details = match details {
            Some(Ok(details)) => Some(details),
            Some(Err(error)) => {
                output.warn(format_args!(
                    "Platforms, layers and signatures could not be read: {error:#}"
                ));
                None
            }
            None => return Ok(Outcome::Interrupted),
        };
        let is_whole = details.is_some();
        let shown = Shown {
            signature_tags: signature_tags(&found.manifest.digest, &found.manifests),
            manifest: found.manifest,
            details,
        };
        output.record(&shown, &columns)?;
        Ok(match is_whole {
            true => Outcome::Done,
            false => Outcome::InPart,
        })
    }
}

async fn read(
    reader: &OciManifests,
    repository: &RepositoryName,
    manifest: &RepositoryManifest,
) -> Result<ImageDetails> {
    let digest: Digest = manifest.digest.parse()?;
    let read = reader.image(repository, &digest).await;
    read.map_err(|error| anyhow!(error))
}

/// The tags of an image's signatures, by cosign's convention: its digest with a dash and a suffix.
fn signature_tags(digest: &str, manifests: &[RepositoryManifest]) -> Vec<String> {
    let beginning = digest.replacen(':', "-", 1);
    let tags = manifests.iter().flat_map(|manifest| &manifest.tags);
    let about = tags.filter(|tag| {
        tag.strip_prefix(&beginning)
            .is_some_and(|ending| ending.starts_with('.'))
    });
    about.cloned().collect()
}

fn columns() -> Columns<Shown> {
    Columns::new(
        |shown: &Shown| shown.manifest.digest.clone(),
        "No image found.",
    )
    .column("digest", 1, |shown| Cell::text(&shown.manifest.digest))
    .column("tags", 1, |shown| list(shown.manifest.tags.clone()))
    .column("size", 1, |shown| {
        Cell::some(shown.manifest.compressed_size_bytes, Cell::Bytes)
    })
    .column("pushed", 1, |shown| {
        Cell::some(shown.manifest.updated_at, Cell::Time)
    })
    .column("type", 1, |shown| {
        let details = shown.details.as_ref();
        Cell::some(
            details.and_then(|details| details.media_type.as_ref()),
            Cell::text,
        )
    })
    .column("platforms", 1, |shown| {
        let platforms = shown.details.iter().flat_map(|details| &details.platforms);
        list(
            platforms
                .map(|one| match one.digest == shown.manifest.digest {
                    true => one.platform.clone(),
                    false => format!("{} {}", one.platform, short(&one.digest)),
                })
                .collect(),
        )
    })
    .column("layers", 1, |shown| {
        let layers = shown.details.iter().flat_map(|details| &details.layers);
        list(
            layers
                .map(|layer| {
                    let size = layer
                        .size_bytes
                        .map_or_else(String::new, |bytes| format!(" {}", HumanBytes(bytes)));
                    format!("{}{size}", short(&layer.digest))
                })
                .collect(),
        )
    })
    .column("signatures", 1, |shown| {
        let referrers = shown.details.iter().flat_map(|details| &details.referrers);
        let referrers = referrers.flatten().map(|one| {
            let what = one.artifact_type.as_deref().unwrap_or("(unknown type)");
            format!("{} {what}", short(&one.digest))
        });
        list(
            referrers
                .chain(shown.signature_tags.iter().cloned())
                .collect(),
        )
    })
}

fn list(all: Vec<String>) -> Cell {
    match all.is_empty() {
        true => Cell::Missing,
        false => Cell::List(all),
    }
}
