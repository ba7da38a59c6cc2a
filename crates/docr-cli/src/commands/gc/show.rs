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
    ("Its id alone, if there is one", "docr gc show --output ids"),
];

/// Show a garbage collection: the active one, or one by its id.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Show {
    /// Its id [default: that of the active one].
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
