//! `docr repository delete`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::{
    account::AccountArguments,
    commands::{
        deletion::{Gone, delete_each},
        tag,
    },
    complete,
    help::{Examples, examples},
    names::RepositoryArgument,
    output::{About as _, Consent, Outcome, Output, Question, counted},
};

const EXAMPLES: Examples = [
    (
        "Show what would be deleted",
        "docr repository delete shop/web --dry-run",
    ),
    ("Without a prompt", "docr repository delete shop/web --yes"),
];

/// Delete a repository with all its tags and manifests, after confirmation.
///
/// Only this frees its slot in a tier that limits the number of repositories. `docr gc run` then frees its storage.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Delete {
    /// Name of the repository.
    #[arg(add = ArgValueCompleter::new(complete::repositories))]
    repository: RepositoryArgument,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let (account, interrupt) = account
            .open_to_ask(
                self.consent,
                "to delete the repository and everything in it",
                output,
            )
            .await?;
        let RepositoryArgument { registry, name } = self.repository;
        let registry = account.registry_for(registry).await?;
        let subject = registry.repository_subject(&name);
        let repository = registry.repository(name.clone());
        let tags = output.read_all("tags", repository.tags()).await;
        let tags = tags.about(|| subject.clone())?;
        let manifests = output.read_all("manifests", repository.manifests()).await;
        let manifests = manifests.about(|| subject.clone())?;
        if !tags.is_empty() {
            output.note_table(&tags, &tag::columns())?;
        }
        output.note(format_args!(
            "The {subject} contains {} and {}.",
            counted(tags.len() as u64, "tag", "tags"),
            counted(manifests.len() as u64, "manifest", "manifests")
        ));
        let newer = registry.newer_repository(name);
        let gone = vec![Gone::new(subject, ())];
        let question = Question::YesOrNo("Delete the repository and everything in it?");
        delete_each(
            output,
            self.consent,
            question,
            &interrupt,
            gone,
            async |()| newer.delete().await,
        )
        .await
    }
}
