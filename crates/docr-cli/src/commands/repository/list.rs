//! `docr repository list`

use anyhow::Result;
use clap::Args;
use docr::Repository;

use super::columns;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{About as _, Cell, Columns, Outcome, Output, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "The ten that were pushed to most recently",
        "docr repository list --sort pushed:desc --limit 10",
    ),
    (
        "For a spreadsheet",
        "docr repository list --columns name,tags,size --output csv",
    ),
];

/// List the repositories of a registry.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct List {
    /// With --legacy, show each repository's latest tag instead of its latest manifest.
    #[arg(long)]
    latest_tag: bool,
}

impl List {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        if self.latest_tag {
            return by_latest_tag(account, output).await;
        }
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let repositories = output.read("repositories", registry.repositories()).await;
        output.list(repositories.about(|| registry.subject())?, &columns)?;
        Ok(Outcome::Done)
    }
}

async fn by_latest_tag(account: AccountArguments, output: &Output) -> Result<Outcome> {
    let columns = output.checked(latest_tag_columns())?;
    let account = account.open(output).await?;
    if !account.is_legacy() {
        let message = "--latest-tag requires --legacy: only the older calls return the latest tag";
        return Err(WrongInput(message.to_owned()).into());
    }
    let registry = account.registry_for(None).await?;
    if let Some(list) = registry.repositories_with_latest_tag() {
        let repositories = output.read("repositories", list).await;
        output.list(repositories.about(|| registry.subject())?, &columns)?;
    }
    Ok(Outcome::Done)
}

fn latest_tag_columns() -> Columns<Repository> {
    let empty = "The registry has no repositories; push an image to create one.";
    Columns::new(|repository: &Repository| repository.name.clone(), empty)
        .column("name", 1, |repository| Cell::text(&repository.name))
        .column("tags", 3, |repository| {
            Cell::some(repository.tag_count, Cell::Number)
        })
        .column("latest", 2, |repository| {
            let latest = repository.latest_tag.as_ref();
            Cell::some(latest, |latest| Cell::text(&latest.tag))
        })
        .column("pushed", 2, |repository| {
            let latest = repository.latest_tag.as_ref();
            Cell::some(latest.and_then(|latest| latest.updated_at), Cell::Time)
        })
}
