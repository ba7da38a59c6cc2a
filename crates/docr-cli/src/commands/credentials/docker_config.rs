//! `docr credentials docker-config`

use anyhow::{Context as _, Result};
use clap::Args;
use docr::CredentialsRequest;

use super::expiry::Expiry;
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    interrupt::Interrupt,
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "For a job that pulls",
        "docr credentials docker-config --expires-in 2h",
    ),
    (
        "For a job that pushes, expiring soon after it",
        "docr credentials docker-config --read-write --expires-in 30m",
    ),
];

/// Print a Docker configuration with new credentials.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct DockerConfig {
    /// Mint credentials that can also push and delete.
    #[arg(long)]
    read_write: bool,
    #[command(flatten)]
    expiry: Expiry,
}

impl DockerConfig {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let request = match self.read_write {
            true => CredentialsRequest::read_write(),
            false => CredentialsRequest::read_only(),
        };
        let request = self.expiry.apply(request)?;
        let account = account.open(output).await?;
        let registry = account.registry_for(None).await?;
        if self.expiry.is_dry_run() {
            return self.expiry.show_dry_run(&registry, output).await;
        }
        let interrupt = Interrupt::listen()?;
        let Some(minted) = account.mint(&registry, request, &interrupt).await? else {
            return Ok(Outcome::Interrupted);
        };
        let printed = minted.print(|credentials| Ok(credentials.docker_config_json()));
        printed.await.context("cannot print the configuration")?;
        Ok(Outcome::Done)
    }
}
