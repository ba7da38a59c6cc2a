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
        "Show what would be removed from another one",
        "docr logout --config-file config.json --dry-run",
    ),
];

const NOTHING_TO_REMOVE: &str =
    "There is nothing to remove: docr is Docker's credential helper for this registry.";

/// Log Docker out of the registry, and revoke its credentials.
///
/// No token is needed: credentials can revoke themselves.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Logout {
    /// Only remove the credentials; they remain valid until they expire.
    #[arg(long)]
    keep_valid: bool,
    /// Show what would be removed and revoked, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Docker's configuration file [default: the one that Docker uses].
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
            // Reading them from the helper would mint new ones.
            let text = match self.keep_valid {
                true => NOTHING_TO_REMOVE,
                false => {
                    config.remove()?;
                    config.save()?;
                    "The credentials that docr kept for Docker were revoked. docr mints new ones when Docker needs them; to \
                     stop that, run `docr configure-docker --undo`."
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
        // Before they are removed, so that revoking can be retried if it fails.
        let revoked = match &password {
            Some(password) if !self.keep_valid => {
                let url = account.api_url();
                let revoked = revoke(password, account.token(output).ok(), url.as_deref()).await;
                Some(revoked.context(
                    "the credentials could not be revoked, and were kept; to remove them anyway, pass --keep-valid",
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
                format!("The credentials for {host} were removed and revoked.")
            }
            (true, Some(Revoked::NoLongerValid)) => {
                format!("The credentials for {host} were removed; they were no longer valid.")
            }
            (true, Some(Revoked::OwnToken)) => format!(
                "The credentials for {host} were removed. They are the account's own token, which remains valid; to \
                 revoke it, use the control panel."
            ),
            (true, None) => format!(
                "The credentials for {host} were removed. They remain valid until they expire."
            ),
        };
        let json = json!({
            "host": host,
            "removed": was_there,
            "revoked": matches!(revoked, Some(Revoked::Yes | Revoked::NoLongerValid)),
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
                true => NOTHING_TO_REMOVE.to_owned(),
                false => "The credentials that docr keeps for Docker would be revoked.".to_owned(),
            }
        } else {
            let password = config.password()?;
            let is_own = |password: &Secret| account.token(output).ok().as_ref() == Some(password);
            match (&password, config.remove()? || password.is_some()) {
                (_, false) => format!("There are no credentials for {host} in {place}."),
                (Some(own), true) if !self.keep_valid && is_own(own) => format!(
                    "The credentials for {host} would be removed. They are the account's own token, which would not be \
                     revoked."
                ),
                (Some(_), true) if !self.keep_valid => {
                    format!("The credentials for {host} would be removed and revoked.")
                }
                _ => format!("The credentials for {host} would be removed, but not revoked."),
            }
        };
        let json = json!({ "host": host, "removed": false, "revoked": false });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}
