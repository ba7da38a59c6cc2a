//! `docr image list`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::columns;
use crate::{
    account::AccountArguments,
    complete,
    help::{Examples, examples},
    names::RepositoryArgument,
    output::{About as _, Outcome, Output},
};

const EXAMPLES: Examples = [
    ("Largest first", "docr image list shop/api --sort size:desc"),
    (
        "Digests of untagged images",
        "docr image list shop/api --untagged --output ids",
    ),
];

/// List the images of a repository, with their tags.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// Repository to list.
    #[arg(add = ArgValueCompleter::new(complete::repositories))]
    repository: RepositoryArgument,
    /// List only images without a tag, including parts of others.
    #[arg(long)]
    untagged: bool,
}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let RepositoryArgument { registry, name } = self.repository;
        let registry = account.registry_for(registry).await?;
        let repository = registry.repository(name);
        let list = repository.manifests();
        let manifests = match self.untagged {
            true => output.read_all("images", list).await,
            false => output.read("images", list).await,
        };
        let mut manifests = manifests.about(|| registry.repository_subject(repository.name()))?;
        if self.untagged {
            manifests.retain(|manifest| manifest.tags.is_empty());
        }
        output.list(manifests, &columns)?;
        Ok(Outcome::Done)
    }
}
