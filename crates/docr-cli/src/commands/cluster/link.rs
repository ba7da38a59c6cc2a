//! `docr cluster link`

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{ids, show, subject};
use crate::{
    account::AccountArguments,
    clusters::{self, ClusterArgument},
    complete,
    help::{Examples, examples},
    output::{About as _, Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "Let a cluster pull without a pull secret of your own",
        "docr cluster link staging",
    ),
    (
        "Show what would be linked",
        "docr cluster link d81a8d2b-5a44-45ac-9b01-602b100b9ed7 --registry sample --dry-run",
    ),
];

/// Let Kubernetes clusters pull from the registry, with pull secrets in all their namespaces.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Link {
    /// Names or ids of the clusters, as listed by `doctl kubernetes cluster list`.
    #[arg(required = true, value_name = "CLUSTER", add = ArgValueCompleter::new(complete::clusters))]
    clusters: Vec<ClusterArgument>,
    /// Show what would be linked, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Link {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let account = account.open_to_change(output).await?;
        let registry = account.registry_for(None).await?;
        let clusters = &clusters::find(&account.docr, self.clusters).await?;
        let (name, ids) = (registry.name(), &ids(clusters));
        if self.dry_run {
            registry.get().await.about(|| registry.subject())?;
            show(output, clusters, name, "could then pull from")?;
            return Ok(Outcome::Done);
        }
        let api = account.docr.clusters();
        let linked = match account.is_legacy() {
            true => api.add_legacy_registry(ids).await,
            false => api.add_registries(ids, std::slice::from_ref(name)).await,
        };
        linked.about(|| subject(clusters))?;
        show(output, clusters, name, "can now pull from")?;
        Ok(Outcome::Done)
    }
}
