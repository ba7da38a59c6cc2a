//! `docr registry delete`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use docr::RegistryName;

use crate::{
    account::AccountArguments,
    commands::{
        deletion::{Gone, delete_each},
        repository,
    },
    complete,
    help::{Examples, examples},
    names::registry_name,
    output::{About as _, Consent, Outcome, Output, Question, counted},
};

const EXAMPLES: Examples = [
    (
        "Show what would be deleted",
        "docr registry delete sample --dry-run",
    ),
    ("Without a prompt", "docr registry delete sample --yes"),
];

/// Delete a registry with all its repositories, after you type its name to confirm.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Delete {
    /// Name of the registry.
    #[arg(value_parser = registry_name, add = ArgValueCompleter::new(complete::registries))]
    name: RegistryName,
    #[command(flatten)]
    consent: Consent,
}

impl Delete {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let (account, interrupt) = account
            .open_to_ask(
                self.consent,
                "to delete the registry and everything in it",
                output,
            )
            .await?;
        let registry = account.registry_for(Some(self.name)).await?;
        registry.get().await.about(|| registry.subject())?;
        let repositories = output
            .read_all("repositories", registry.repositories())
            .await
            .about(|| registry.subject())?;
        let columns = repository::columns();
        match repositories.is_empty() {
            true => output.note(format_args!("The {} is empty.", registry.subject())),
            false => {
                output.note_table(&repositories, &columns)?;
                let tags = repositories.iter().filter_map(|one| one.tag_count);
                let tags = tags.fold(0_u64, u64::saturating_add);
                output.note(format_args!(
                    "The {} contains {} and {}.",
                    registry.subject(),
                    counted(repositories.len() as u64, "repository", "repositories"),
                    counted(tags, "tag", "tags")
                ));
            }
        }
        let name = registry.name().as_str();
        let question = Question::Name {
            question: "Delete the registry and everything in it? This cannot be undone.",
            name,
        };
        let gone = vec![Gone::new(registry.subject(), ())];
        delete_each(
            output,
            self.consent,
            question,
            &interrupt,
            gone,
            async |()| registry.delete().await,
        )
        .await
    }
}
