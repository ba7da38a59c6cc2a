//! `docr gc run`

use anyhow::Result;
use clap::Args;
use docr::retention::{RegistryInventory, UntaggedInRepository, UntaggedManifests};
use serde_json::json;

use super::{What, active, collect, show_run};
use crate::{
    account::{Account, AccountArguments, RegistryCalls},
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{About as _, Cell, Columns, Consent, Outcome, Output, Question},
};

const EXAMPLES: Examples = [
    (
        "Free the storage of deleted images, and wait until it has finished",
        "docr gc run --type unreferenced-blobs --wait",
    ),
    (
        "Show which untagged manifests would be deleted",
        "docr gc run --type both --dry-run",
    ),
];

/// Start a garbage collection. The registry is read-only until it has finished.
///
/// Untagged manifests are deleted from all repositories, including images that are deployed by digest: docr shows them
/// first, and asks for confirmation.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Run {
    /// What to remove.
    #[arg(long = "type", value_enum)]
    what: What,
    /// Wait until it has finished.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Run {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        let interrupt = Interrupt::listen()?;
        if self.what.takes_manifests() {
            if let Some(outcome) = self.ask(&account, &registry, output, &interrupt).await? {
                output.show_unless_lines("Nothing was started.", &json!(null))?;
                return Ok(outcome);
            }
        } else if self.consent.dry_run {
            let text = match active(&registry).await? {
                Some(_) => {
                    "A garbage collection is active; another one cannot be started until it has finished."
                }
                None => {
                    "A garbage collection of blobs that no manifest refers to would be started."
                }
            };
            output.show_unless_lines(text, &json!(null))?;
            return Ok(Outcome::Done);
        }
        let runs = registry.garbage_collections();
        let collecting = collect(&runs, output, self.what.into(), self.wait);
        let Some(run) = interrupt.unless(collecting).await else {
            output.warn(
                "If the garbage collection was started, it continues; check with `docr gc show`.",
            );
            return Ok(Outcome::Interrupted);
        };
        show_run(output, &run?)?;
        if !self.wait {
            output.note("To wait until it has finished, run `docr gc wait`.");
        }
        Ok(Outcome::Done)
    }

    /// Shows which manifests would be deleted, and asks for confirmation; `None` to continue.
    async fn ask(
        &self,
        account: &Account,
        registry: &RegistryCalls,
        output: &Output,
        interrupt: &Interrupt,
    ) -> Result<Option<Outcome>> {
        output.check_prompt(
            self.consent,
            "to delete the untagged manifests of all repositories; `docr prune --plan --untagged` shows those that nothing \
             needs",
        )?;
        let Some(untagged) = untagged(account, registry, output, interrupt).await? else {
            return Ok(Some(Outcome::Interrupted));
        };
        match untagged.repositories.is_empty() {
            true => output.note("There are no untagged manifests."),
            false => output.note_table(&untagged.repositories, &untagged_columns())?,
        }
        if self.consent.dry_run {
            return Ok(Some(Outcome::Done));
        }
        if untagged.repositories.is_empty() {
            return Ok(None);
        }
        let question = Question::YesOrNo("Delete these manifests?");
        output.consent(self.consent, question, interrupt).await
    }
}

/// Reads which manifests would be deleted; `None` if interrupted.
async fn untagged(
    account: &Account,
    registry: &RegistryCalls,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Option<UntaggedManifests>> {
    let _progress = output.progress("looking for untagged manifests");
    let reading = RegistryInventory::read(registry.handle());
    let Some(read) = interrupt.unless(reading).await else {
        return Ok(None);
    };
    let mut inventory = read.about(|| registry.subject())?;
    if !UntaggedManifests::of(&inventory)?.repositories.is_empty() {
        let Some(manifests) = account.manifests(registry.handle(), interrupt).await? else {
            return Ok(None);
        };
        let reading = inventory.read_all_manifests(&manifests.reader);
        let read = interrupt.unless(reading).await;
        manifests.close(output).await;
        if read.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(UntaggedManifests::of(&inventory)?))
}

fn untagged_columns() -> Columns<UntaggedInRepository> {
    Columns::new(|one: &UntaggedInRepository| one.repository.clone(), "")
        .column("repository", 1, |one| Cell::text(&one.repository))
        .column("untagged", 1, |one| Cell::Number(one.manifests))
        .column("size", 4, |one| Cell::Bytes(one.bytes))
        .column("in-tagged-images", 2, |one| match one.in_doubt {
            0 => Cell::Number(one.belong_to_tagged),
            doubt => Cell::text(format!("{}, maybe {doubt} more", one.belong_to_tagged)),
        })
        .column("recently-pushed", 3, |one| Cell::Number(one.pushed_lately))
}

impl What {
    fn takes_manifests(self) -> bool {
        match self {
            Self::UntaggedManifests | Self::Both => true,
            Self::UnreferencedBlobs => false,
        }
    }
}
