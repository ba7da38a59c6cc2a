//! `docr image delete`

use anyhow::{Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::{
    Digest,
    retention::{ManifestContent, RegistryInventory, RepositoryInventory},
};

use super::{
    columns,
    find::{Found, find},
};
use crate::{
    account::{Account, AccountArguments, RegistryCalls},
    commands::deletion::{Gone, delete_each},
    complete,
    help::{Examples, examples},
    interrupt::Interrupt,
    names::{ImageArgument, one_registry},
    output::{Cell, Consent, Outcome, Output, Question, WrongInput, short},
};

const EXAMPLES: Examples = [
    (
        "Show what would be deleted, by tag",
        "docr image delete shop/api:build-1 --dry-run",
    ),
    (
        "Several at once, without a prompt",
        "docr image delete shop/api:build-1 shop/web:pr-43 --yes",
    ),
];

/// Delete images with all their tags, after confirmation. `docr gc run` then frees their storage.
///
/// An image that is part of another one, such as the image of a single platform, is not deleted: without it the other
/// cannot be pulled.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Delete {
    /// Images to delete, as REPOSITORY:TAG or REPOSITORY@DIGEST; a digest may be abbreviated.
    #[arg(required = true, add = ArgValueCompleter::new(complete::tags))]
    images: Vec<ImageArgument>,
    /// Also delete images that are, or may be, part of another one.
    #[arg(long)]
    even_parts: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let named = one_registry(self.images.iter().map(|image| image.registry.as_ref()))?;
        let (account, interrupt) = account
            .open_to_ask(self.consent, "to delete the images", output)
            .await?;
        let registry = account.registry_for(named).await?;
        let mut found: Vec<Found> = Vec::new();
        for image in &self.images {
            let one = find(&registry, image, output).await?;
            let is_same = |other: &Found| {
                other.manifest.digest == one.manifest.digest
                    && other.repository.name() == one.repository.name()
            };
            if !found.iter().any(is_same) {
                found.push(one);
            }
        }
        if !self.even_parts && !check_parts(&account, &registry, &found, output, &interrupt).await?
        {
            return Ok(Outcome::Interrupted);
        }
        let shown: Vec<_> = found.iter().map(|one| one.manifest.clone()).collect();
        let columns = columns().column("repository", 1, |manifest| {
            Cell::some(manifest.repository.as_ref(), Cell::text)
        });
        output.note_table(&shown, &columns)?;
        let gone = found
            .into_iter()
            .map(|one| Gone::new(one.subject(&registry), one));
        let question = Question::YesOrNo(match gone.len() {
            1 => "Delete this image and its tags?",
            _ => "Delete these images and their tags?",
        });
        delete_each(
            output,
            self.consent,
            question,
            &interrupt,
            gone.collect(),
            async |one| {
                let digest: Digest = one.manifest.digest.parse()?;
                one.repository.delete_manifest(&digest).await
            },
        )
        .await
    }
}

/// Refuses parts of other images; `false` if interrupted.
async fn check_parts(
    account: &Account,
    registry: &RegistryCalls,
    found: &[Found],
    output: &Output,
    interrupt: &Interrupt,
) -> Result<bool> {
    let mut inventory = RegistryInventory {
        registry: registry.name().to_string(),
        api: None,
        read_at: account.now(),
        repositories: repositories(found),
    };
    let _progress = output.progress("reading manifests");
    let Some(manifests) = account.manifests(registry.handle(), interrupt).await? else {
        return Ok(false);
    };
    let reading = inventory.read_all_manifests(&manifests.reader);
    let read = interrupt.unless(reading).await;
    manifests.close(output).await;
    if read.is_none() {
        return Ok(false);
    }
    for one in found {
        let name = one.repository.name().as_str();
        let all = inventory.repositories.iter();
        let Some(repository) = all.clone().find(|repository| repository.name == name) else {
            continue;
        };
        check_part(one, repository, found)?;
    }
    Ok(true)
}

/// The repositories of the images, without duplicates.
fn repositories(found: &[Found]) -> Vec<RepositoryInventory> {
    let mut all: Vec<RepositoryInventory> = Vec::new();
    for one in found {
        let name = one.repository.name().as_str();
        if all.iter().all(|repository| repository.name != name) {
            let manifests = one.manifests.iter().cloned().map(Into::into);
            all.push(RepositoryInventory {
                name: name.into(),
                manifests: manifests.collect(),
                ..RepositoryInventory::default()
            });
        }
    }
    all
}

fn check_part(one: &Found, repository: &RepositoryInventory, found: &[Found]) -> Result<()> {
    let digest = &one.manifest.digest;
    let is_deleted = |digest: &str| found.iter().any(|one| one.manifest.digest == digest);
    for other in &repository.manifests {
        // An image that is deleted as well needs no parts.
        if other.digest == *digest || is_deleted(&other.digest) {
            continue;
        }
        match &other.content {
            ManifestContent::Read(document) if document.parts.contains(digest.as_str()) => {
                let tags = match other.tags.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", other.tags.join(", ")),
                };
                return Err(WrongInput(format!(
                    "image {} is part of image {}{tags}, which cannot be pulled without it: delete that one instead, or pass \
                     --even-parts",
                    short(digest),
                    short(&other.digest)
                ))
                .into());
            }
            ManifestContent::Unreadable(why) => bail!(
                "image {} may be part of image {}, which cannot be read: {why}; to delete it anyway, pass --even-parts",
                short(digest),
                short(&other.digest)
            ),
            _ => {}
        }
    }
    Ok(())
}
