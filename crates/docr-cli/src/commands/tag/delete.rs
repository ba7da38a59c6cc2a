//! `docr tag delete`

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::{RepositoryHandle, RepositoryName, RepositoryTag, Tag};

use super::columns;
use crate::{
    account::{AccountArguments, RegistryCalls},
    commands::deletion::{Gone, delete_each},
    complete,
    help::{Examples, examples},
    names::{TagArgument, one_registry},
    output::{About as _, Cell, Consent, NotThere, Outcome, Output, Question, Subject},
};

const EXAMPLES: Examples = [
    (
        "Show what would be deleted",
        "docr tag delete shop/api:build-1 --dry-run",
    ),
    (
        "Several at once, without a prompt",
        "docr tag delete shop/api:build-1 shop/web:pr-43 --yes",
    ),
];

/// Delete tags, after confirmation. The images are kept; `docr image delete` deletes those.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Delete {
    /// Tags to delete, as REPOSITORY:TAG.
    #[arg(required = true, value_name = "REPOSITORY:TAG", add = ArgValueCompleter::new(complete::tags))]
    tags: Vec<TagArgument>,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let named = one_registry(self.tags.iter().map(|tag| tag.registry.as_ref()))?;
        let (account, interrupt) = account
            .open_to_ask(self.consent, "to delete the tags", output)
            .await?;
        let registry = account.registry_for(named).await?;
        let found = find(&registry, &self.tags, output).await?;
        let shown: Vec<_> = found.iter().map(|found| found.described.clone()).collect();
        let columns = columns().column("repository", 1, |tag| {
            Cell::some(tag.repository.as_ref(), Cell::text)
        });
        output.note_table(&shown, &columns)?;
        let gone = found.into_iter().map(|found| {
            let subject = subject(&registry, found.repository.name(), &found.tag);
            Gone::new(subject, found)
        });
        let question = Question::YesOrNo(match gone.len() {
            1 => "Delete this tag?",
            _ => "Delete these tags?",
        });
        delete_each(
            output,
            self.consent,
            question,
            &interrupt,
            gone.collect(),
            async |found| found.repository.delete_tag(&found.tag).await,
        )
        .await
    }
}

struct Found {
    repository: RepositoryHandle,
    tag: Tag,
    described: RepositoryTag,
}

/// Finds the tags, since the service reports success even for a missing one.
async fn find(
    registry: &RegistryCalls,
    wanted: &[TagArgument],
    output: &Output,
) -> Result<Vec<Found>> {
    let mut by_repository = BTreeMap::<_, Vec<_>>::new();
    for TagArgument {
        repository, tag, ..
    } in wanted
    {
        let tags = by_repository.entry(repository).or_default();
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let mut found = Vec::new();
    for (name, tags) in by_repository {
        let repository = registry.repository(name.clone());
        let listed = output.read_all("tags", repository.tags()).await;
        let listed = listed.about(|| registry.repository_subject(name))?;
        for tag in tags {
            let Some(described) = listed.iter().find(|listed| tag == listed.tag.as_str()) else {
                return Err(NotThere(subject(registry, name, &tag)).into());
            };
            found.push(Found {
                repository: repository.clone(),
                described: described.clone(),
                tag,
            });
        }
    }
    Ok(found)
}

fn subject(registry: &RegistryCalls, repository: &RepositoryName, tag: &Tag) -> Subject {
    registry.image_subject(repository, format!("tag {:?}", tag.as_str()))
}
