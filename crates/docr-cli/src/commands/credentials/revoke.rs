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
        "Those in a file that `docr credentials docker-config` has made",
        "docr credentials revoke --config-file config.json",
    ),
    (
        "Whether there are some in a file",
        "docr credentials revoke --config-file config.json --dry-run",
    ),
];

/// Revoke credentials: from now on they open nothing. No token is needed.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Revoke {
    /// The configuration of Docker's that holds them. It is left as it is.
    #[arg(long, value_name = "FILE", required_unless_present = "password_stdin")]
    config_file: Option<PathBuf>,
    /// Read their password from standard input.
    #[arg(long, conflicts_with = "config_file")]
    password_stdin: bool,
    /// Show whether there are some, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Revoke {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        account.refuse_sandbox("no credentials of it can be revoked")?;
        let host = account.host();
        let password = match self.config_file {
            Some(file) => docker::open(Some(file), &host)?.1.password()?,
            None => password_of_stdin()?,
        };
        let Some(password) = password else {
            let message = format!("there are no credentials for {host}");
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
            Revoked::Yes => ("The credentials are revoked.", true),
            Revoked::OpenedNothing => ("The credentials opened nothing any more.", true),
            Revoked::OwnToken => {
                return Err(anyhow!(
                    "this is the account's own token, and was not revoked; the control panel does that, if it is meant"
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
    OpenedNothing,
    /// Somebody uses the token itself as a password.
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
        // What can't stand in a header is no token.
        return Ok(Revoked::OpenedNothing);
    };
    match docr.revoke_password(password).await {
        Ok(()) => Ok(Revoked::Yes),
        Err(error) if error.is_unauthorized() => Ok(Revoked::OpenedNothing),
        Err(error) => Err(error),
    }
}
