//! `docr logout`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use docr::Secret;
use serde_json::json;

use super::docker;
use crate::{
    account::{self, AccountArguments},
    helpers::HELPER,
    ledger::Ledger,
    output::{Outcome, Output, WrongInput},
};

/// Take Docker's credentials for the registry out, and revoke them.
///
/// No token is needed: a credential may revoke itself.
#[derive(Args)]
pub(crate) struct Logout {
    /// Only take them out: they are good still, until they expire.
    #[arg(long)]
    keep_valid: bool,
    /// Docker's configuration [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

impl Logout {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        if account.is_sandbox() {
            let message =
                "a sandbox of this command's own ends with it: there is nothing to log out of";
            return Err(WrongInput(message.to_owned()).into());
        }
        let host = &account.host();
        let (path, mut config) = docker::open(self.config_file, host)?;
        if config.helper()?.as_deref() == Some(HELPER) {
            // Asked for them, it would mint some.
            let text = match self.keep_valid {
                true => "There is nothing to take out: Docker gets its credentials from docr.",
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
        let revoked = match &password {
            Some(password) if !self.keep_valid => {
                revoke(
                    password,
                    account.token(output).ok(),
                    account.api_url().as_deref(),
                )
                .await?
            }
            _ => Revoked::No,
        };
        let was_there = config.remove()? || password.is_some();
        config.save()?;
        if let (Some(password), Some(ledger)) = (&password, Ledger::open()) {
            ledger.forget(password);
        }
        let text = match (was_there, revoked) {
            (false, _) => format!("There are no credentials for {host} in {}.", path.display()),
            (true, Revoked::Yes) => {
                format!("The credentials for {host} are taken out and revoked.")
            }
            (true, Revoked::OpenedNothing) => {
                format!("The credentials for {host} are taken out; they opened nothing any more.")
            }
            (true, Revoked::OwnToken) => format!(
                "The credentials for {host} are taken out. They were the account's own token, which is good still: \
                 revoke it in the control panel, if that is meant."
            ),
            (true, Revoked::No) => format!(
                "The credentials for {host} are taken out. They are good still, until they expire."
            ),
        };
        let json = json!({
            "host": host,
            "removed": was_there,
            "revoked": matches!(revoked, Revoked::Yes | Revoked::OpenedNothing),
        });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}

#[derive(Clone, Copy)]
enum Revoked {
    Yes,
    /// They were revoked before, or have expired.
    OpenedNothing,
    /// Somebody has logged in with the token itself.
    OwnToken,
    No,
}

/// Before they are taken out: what can't be revoked is still there to try again.
async fn revoke(password: &Secret, own: Option<Secret>, api_url: Option<&str>) -> Result<Revoked> {
    if own.as_ref() == Some(password) {
        return Ok(Revoked::OwnToken);
    }
    let Ok(docr) = account::builder(api_url).token(password.clone()).build() else {
        // What can't stand in a header is no token.
        return Ok(Revoked::OpenedNothing);
    };
    match docr.revoke_password(password).await {
        Ok(()) => Ok(Revoked::Yes),
        Err(error) if error.is_unauthorized() => Ok(Revoked::OpenedNothing),
        Err(error) => Err(error).context(
            "the credentials could not be revoked, and are left; --keep-valid takes them out all the same",
        ),
    }
}
