//! `docr cluster unlink`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{ids, show, subject};
use crate::{
    account::AccountArguments,
    clusters::{self, ClusterArgument},
    complete,
    help::{Examples, examples},
    output::{About as _, Consent, Outcome, Output, Question},
};

const EXAMPLES: Examples = [
    (
        "Show what would be unlinked",
        "docr cluster unlink d81a8d2b-5a44-45ac-9b01-602b100b9ed7 --dry-run",
    ),
    (
        "Without a prompt",
        "docr cluster unlink d81a8d2b-5a44-45ac-9b01-602b100b9ed7 --yes",
    ),
];

/// Stop Kubernetes clusters from pulling from the registry, after confirmation. Pods that start later cannot pull its
/// images.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Unlink {
    /// Names or ids of the clusters, as listed by `doctl kubernetes cluster list`.
    #[arg(required = true, value_name = "CLUSTER", add = ArgValueCompleter::new(complete::clusters))]
    clusters: Vec<ClusterArgument>,
    #[command(flatten)]
    consent: Consent,
}

impl Unlink {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let (account, interrupt) = account
            .open_to_ask(self.consent, "to unlink the clusters", output)
            .await?;
        let registry = account.registry_for(None).await?;
        let clusters = &clusters::find(&account.docr, self.clusters).await?;
        let (name, ids) = (registry.name(), &ids(clusters));
        if self.consent.dry_run {
            registry.get().await.about(|| registry.subject())?;
            show(output, clusters, name, "could then no longer pull from")?;
            return Ok(Outcome::Done);
        }
        let question = format!(
            "Unlink {} from registry {name}? Pods that start later cannot pull its images.",
            subject(clusters)
        );
        let question = Question::YesOrNo(&question);
        if let Some(outcome) = output.consent(self.consent, question, &interrupt).await? {
            output.show("Nothing was unlinked.", &serde_json::json!(null))?;
            return Ok(outcome);
        }
        let api = account.docr.clusters();
        let unlinked = match account.is_legacy() {
            true => api.remove_legacy_registry(ids).await,
            false => api.remove_registries(ids, std::slice::from_ref(name)).await,
        };
        unlinked.about(|| subject(clusters))?;
        show(output, clusters, name, "can no longer pull from")?;
        Ok(Outcome::Done)
    }
}
