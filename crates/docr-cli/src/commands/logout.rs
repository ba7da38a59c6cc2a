//! `docr logout`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use docr::{DockerConfig, Secret};
use serde_json::json;

use super::{
    credentials::revoke::{Revoked, revoke},
    docker,
};
use crate::{
    account::AccountArguments,
    help::{Examples, examples},
    helpers::HELPER,
    ledger::Ledger,
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    ("From Docker's own configuration", "docr logout"),
    (
        "What that would be, in another one",
        "docr logout --config-file config.json --dry-run",
    ),
];

const NOTHING_TO_TAKE_OUT: &str =
    "There is nothing to take out: Docker gets its credentials from docr.";

/// Take Docker's credentials for the registry out, and revoke them.
///
/// No token is needed: a credential may revoke itself.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Logout {
    /// Only take them out: they are good still, until they expire.
    #[arg(long)]
    keep_valid: bool,
    /// Show what would be taken out and revoked, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Docker's configuration [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

impl Logout {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        account.refuse_sandbox("there is nothing to log out of")?;
        let host = &account.host();
        let (path, mut config) = docker::open(self.config_file.clone(), host)?;
        if self.dry_run {
            return self.show_dry_run(&account, &path, config, output);
        }
        if config.helper()?.as_deref() == Some(HELPER) {
            // Asked for them, it would mint some.
            let text = match self.keep_valid {
                true => NOTHING_TO_TAKE_OUT,
                false => {
                    config.remove()?;
                    config.save()?;
                    "What docr kept for Docker is revoked. Docker gets other credentials when it needs some: docr \
                     configure-docker --undo ends that."
                }
            };
            let revoked = !self.keep_valid;
            output.show(
                text,
                &json!({ "host": host, "removed": false, "revoked": revoked }),
            )?;
            return Ok(Outcome::Done);
        }
        let password = config.password()?;
        // Before they are taken out: what can't be revoked is still there to try again.
        let revoked = match &password {
            Some(password) if !self.keep_valid => {
                let url = account.api_url();
                let revoked = revoke(password, account.token(output).ok(), url.as_deref()).await;
                Some(revoked.context(
                    "the credentials could not be revoked, and are left; --keep-valid takes them out all the same",
                )?)
            }
            _ => None,
        };
        let was_there = config.remove()? || password.is_some();
        if was_there {
            config.save()?;
        }
        if let (Some(password), Some(ledger)) = (&password, Ledger::open()) {
            ledger.forget(password);
        }
        let text = match (was_there, revoked) {
            (false, _) => format!("There are no credentials for {host} in {}.", path.display()),
            (true, Some(Revoked::Yes)) => {
                format!("The credentials for {host} are taken out and revoked.")
            }
            (true, Some(Revoked::OpenedNothing)) => {
                format!("The credentials for {host} are taken out; they opened nothing any more.")
            }
            (true, Some(Revoked::OwnToken)) => format!(
                "The credentials for {host} are taken out. They were the account's own token, which is good still: \
                 revoke it in the control panel, if that is meant."
            ),
            (true, None) => format!(
                "The credentials for {host} are taken out. They are good still, until they expire."
            ),
        };
        let json = json!({
            "host": host,
            "removed": was_there,
            "revoked": matches!(revoked, Some(Revoked::Yes | Revoked::OpenedNothing)),
        });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }

    fn show_dry_run(
        &self,
        account: &AccountArguments,
        path: &Path,
        mut config: DockerConfig,
        output: &Output,
    ) -> Result<Outcome> {
        let host = account.host();
        let place = path.display();
        let is_ours = config.helper()?.as_deref() == Some(HELPER);
        let text = if is_ours {
            match self.keep_valid {
                true => NOTHING_TO_TAKE_OUT.to_owned(),
                false => "What docr keeps for Docker would be revoked.".to_owned(),
            }
        } else {
            let password = config.password()?;
            let is_own = |password: &Secret| account.token(output).ok().as_ref() == Some(password);
            match (&password, config.remove()? || password.is_some()) {
                (_, false) => format!("There are no credentials for {host} in {place}."),
                (Some(own), true) if !self.keep_valid && is_own(own) => format!(
                    "The credentials for {host} would be taken out. They are the account's own token, which would not be \
                     revoked."
                ),
                (Some(_), true) if !self.keep_valid => {
                    format!("The credentials for {host} would be taken out and revoked.")
                }
                _ => format!("The credentials for {host} would be taken out, and not revoked."),
            }
        };
        let json = json!({ "host": host, "removed": false, "revoked": false });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}
