//! `docr credentials revoke`

use std::{io, path::PathBuf};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use docr::Secret;
use serde_json::json;

use crate::{
    account::{self, AccountArguments},
    commands::docker,
    help::{Examples, examples},
    output::{Outcome, Output, WrongInput},
};

const EXAMPLES: Examples = [
    (
        "Those in a file made by `docr credentials docker-config`",
        "docr credentials revoke --config-file config.json",
    ),
    (
        "Show whether a file has credentials to revoke",
        "docr credentials revoke --config-file config.json --dry-run",
    ),
];

/// Revoke credentials, which takes effect immediately. No token is needed.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Revoke {
    /// Docker configuration that holds the credentials; it is left unchanged.
    #[arg(long, value_name = "FILE", required_unless_present = "password_stdin")]
    config_file: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long, conflicts_with = "config_file")]
    password_stdin: bool,
    /// Show whether there are credentials to revoke, and revoke none.
    #[arg(long)]
    dry_run: bool,
}

impl Revoke {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        account.refuse_sandbox("it leaves no credentials to revoke")?;
        let host = account.host();
        let password = match self.config_file {
            Some(file) => docker::open(Some(file), &host)?.1.password()?,
            None => password_of_stdin()?,
        };
        let Some(password) = password else {
            let message = format!("no credentials for {host} found");
            return Err(WrongInput(message).into());
        };
        if self.dry_run {
            let text = format!("The credentials for {host} would be revoked.");
            output.show(text, &json!({ "host": host, "revoked": false }))?;
            return Ok(Outcome::Done);
        }
        let url = account.api_url();
        let revoked = revoke(&password, account.token(output).ok(), url.as_deref()).await;
        let (text, is_revoked) = match revoked.context("the credentials could not be revoked")? {
            Revoked::Yes => ("The credentials were revoked.", true),
            Revoked::NoLongerValid => ("The credentials were no longer valid.", true),
            Revoked::OwnToken => {
                return Err(anyhow!(
                    "the password is the account's own token, which was not revoked; to revoke it, use the control panel"
                ));
            }
        };
        output.show(text, &json!({ "host": host, "revoked": is_revoked }))?;
        Ok(Outcome::Done)
    }
}

fn password_of_stdin() -> Result<Option<Secret>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).context("standard input")?;
    let password = line.trim();
    Ok((!password.is_empty()).then(|| password.to_owned().into()))
}

#[derive(Clone, Copy)]
pub(in crate::commands) enum Revoked {
    Yes,
    /// They were revoked before, or have expired.
    NoLongerValid,
    /// The password is the account's own token.
    OwnToken,
}

/// Revokes a password, unless it is the account's own token.
pub(in crate::commands) async fn revoke(
    password: &Secret,
    own: Option<Secret>,
    api_url: Option<&str>,
) -> docr::Result<Revoked> {
    if own.as_ref() == Some(password) {
        return Ok(Revoked::OwnToken);
    }
    let Ok(docr) = account::builder(api_url).token(password.clone()).build() else {
        // What can't be sent in a header is not a token.
        return Ok(Revoked::NoLongerValid);
    };
    match docr.revoke_password(password).await {
        Ok(()) => Ok(Revoked::Yes),
        Err(error) if error.is_unauthorized() => Ok(Revoked::NoLongerValid),
        Err(error) => Err(error),
    }
}
