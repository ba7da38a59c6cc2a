//! `docr tag list`

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
    ("Newest first", "docr tag list shop/api --sort pushed:desc"),
    ("Names only", "docr tag list shop/api --output ids"),
];

/// List the tags of a repository.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// Repository to list.
    #[arg(add = ArgValueCompleter::new(complete::repositories))]
    repository: RepositoryArgument,
}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let RepositoryArgument { registry, name } = self.repository;
        let registry = account.registry_for(registry).await?;
        let repository = registry.repository(name);
        let tags = output.read("tags", repository.tags()).await;
        let tags = tags.about(|| registry.repository_subject(repository.name()))?;
        output.list(tags, &columns)?;
        Ok(Outcome::Done)
    }
}
