//! `docr gc show`

use anyhow::Result;
use clap::Args;
use docr::GarbageCollectionId;

use super::{active, columns, show_none};
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    output::{About as _, Outcome, Output, Subject},
};

const EXAMPLES: Examples = [
    ("The active one", "docr gc show"),
    ("Its id only, if there is one", "docr gc show --output ids"),
];

/// Show the active garbage collection, or one by id.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Show {
    /// Id of the garbage collection [default: the active one].
    id: Option<GarbageCollectionId>,
}

impl Show {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let columns = output.checked(columns())?;
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let runs = registry.garbage_collections();
        let run = match self.id {
            Some(id) => {
                let run = runs.get(&id).await;
                Some(run.about(|| Subject::GarbageCollection(id.to_string()))?)
            }
            None => active(&registry).await?,
        };
        let Some(run) = run else {
            return show_none(output);
        };
        output.record(&run, &columns)?;
        Ok(Outcome::Done)
    }
}
