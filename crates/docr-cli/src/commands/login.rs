//! `docr login`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use docr::CredentialsRequest;
use serde_json::json;

use super::{credentials::expiry::Expiry, docker};
use crate::{
    account::{Account, AccountArguments},
    help::{Examples, examples},
    helpers::HELPER,
    interrupt::Interrupt,
    ledger::Ledger,
    output::{Outcome, Output},
};

const EXAMPLES: Examples = [
    (
        "For a day, to pull alone",
        "docr login --read-only --expires-in 24h",
    ),
    ("Without touching a file", "docr login --dry-run"),
];

/// Give Docker credentials for the registry.
///
/// They go where Docker looks for them: into its configuration, or into the credential helper that it names. Credentials
/// that they replace are revoked, if docr has minted them. With `docr configure-docker` nobody has to log in.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Login {
    /// Credentials that can pull only.
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    expiry: Expiry,
    /// Docker's configuration [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

impl Login {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let account = account.open(output).await?;
        // Docker must not be given credentials that open nothing.
        let is_kept = !account.is_sandbox() || self.config_file.is_some();
        let folder = match is_kept {
            true => None,
            false => Some(tempfile::tempdir()?),
        };
        let here = folder
            .as_ref()
            .map(|folder| folder.path().join("config.json"));
        let file = self.config_file.or(here);
        // Before anything is minted: a file that can't be read is found out in time.
        let (path, mut config) = docker::open(file, account.host())?;
        let helper = config.helper()?;
        if helper.as_deref() == Some(HELPER) {
            let text = "Docker gets its credentials from docr whenever it needs some: there is no need to log in.";
            output.show(text, &json!({ "host": account.host(), "helper": HELPER }))?;
            return Ok(Outcome::Done);
        }
        let replaced = config.password()?;
        let request = match self.read_only {
            true => CredentialsRequest::read_only(),
            false => CredentialsRequest::read_write(),
        };
        let registry = account.registry_for(None).await?;
        if self.expiry.is_dry_run() {
            return self.expiry.show_dry_run(&registry, output).await;
        }
        let interrupt = Interrupt::listen()?;
        let request = self.expiry.apply(request)?;
        let Some(minted) = account.mint(&registry, request, &interrupt).await? else {
            return Ok(Outcome::Interrupted);
        };
        let ledger = Ledger::open();
        let credentials = minted.hand_over(|credentials| {
            if let (Some(ledger), Some((_, password))) = (&ledger, credentials.user_and_password())
            {
                // One that isn't noted is not revoked when it is replaced, and no worse than that.
                let _ = ledger.note(&password);
            }
            config.insert(credentials)?;
            config.save()?;
            Ok(credentials.clone())
        });
        let credentials = credentials.await?;
        if let (Some(ledger), Some(replaced)) = (ledger, replaced)
            && ledger.knows(&replaced)
        {
            revoke_replaced(&account, &replaced, output).await;
            ledger.forget(&replaced);
        }
        let may = if credentials.is_read_write() {
            "pull, push and delete"
        } else {
            "pull"
        };
        let until = match credentials.expires_in() {
            Some(time) => format!("for {}", docr::retention::Age::from_duration(time)),
            None => "until the credentials are revoked".to_owned(),
        };
        let place = match &helper {
            Some(helper) => format!("with the credential helper {helper}"),
            None if is_kept => format!("in {}", path.display()),
            None => format!("in {}, which goes with the sandbox", path.display()),
        };
        let text = format!(
            "Docker may {may} at {} {until}.\nThe credentials are {place}.",
            account.host()
        );
        let json = json!({
            "host": account.host(),
            // Not every path is a text.
            "config_file": path.to_string_lossy(),
            "helper": helper,
            "read_write": credentials.is_read_write(),
            "expires_in_seconds": credentials.expires_in().map(|time| time.as_secs()),
        });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}

/// When that fails they go on until they expire: no reason to fail for those that replace them.
async fn revoke_replaced(account: &Account, password: &docr::Secret, output: &Output) {
    match account.docr.revoke_password(password).await {
        Err(error) if !error.is_unauthorized() => {
            let text = format_args!("The credentials from before could not be revoked: {error}");
            output.warn(text);
        }
        _ => {}
    }
}
