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
        "For a day, and for pulls only",
        "docr login --read-only --expires-in 24h",
    ),
    (
        "Show which credentials would be minted",
        "docr login --dry-run",
    ),
];

/// Log Docker in to the registry.
///
/// New credentials are stored in Docker's configuration, or in the credential helper that it names. Those that they
/// replace are revoked if docr minted them. After `docr configure-docker` there is no need to log in.
#[derive(Args)]
#[command(after_help = examples(&EXAMPLES))]
pub(crate) struct Login {
    /// Mint credentials that can only pull.
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    expiry: Expiry,
    /// Docker's configuration file [default: the one that Docker uses].
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
}

impl Login {
    pub(crate) async fn run(self, account: AccountArguments, output: &Output) -> Result<Outcome> {
        output.check_text()?;
        let request = self.expiry.apply(match self.read_only {
            true => CredentialsRequest::read_only(),
            false => CredentialsRequest::read_write(),
        })?;
        let account = account.open(output).await?;
        // Docker must not get credentials of a sandbox that ends with this command.
        let is_kept = !account.is_sandbox() || self.config_file.is_some();
        let directory = match is_kept {
            true => None,
            false => Some(tempfile::tempdir()?),
        };
        let here = directory
            .as_ref()
            .map(|directory| directory.path().join("config.json"));
        let file = self.config_file.or(here);
        // Before anything is minted, since the file may be unreadable.
        let (path, mut config) = docker::open(file, account.host())?;
        let helper = config.helper()?;
        if helper.as_deref() == Some(HELPER) {
            let text =
                "docr is Docker's credential helper for this registry: there is no need to log in.";
            output.show(text, &json!({ "host": account.host(), "helper": HELPER }))?;
            return Ok(Outcome::Done);
        }
        let replaced = config.password()?;
        let registry = account.registry_for(None).await?;
        if self.expiry.is_dry_run() {
            return self.expiry.show_dry_run(&registry, output).await;
        }
        let interrupt = Interrupt::listen()?;
        let Some(minted) = account.mint(&registry, request, &interrupt).await? else {
            return Ok(Outcome::Interrupted);
        };
        let ledger = Ledger::open();
        let credentials = minted.hand_over(|credentials| {
            if let (Some(ledger), Some((_, password))) = (&ledger, credentials.user_and_password())
            {
                // If that fails, it is merely not revoked when it is replaced.
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
            Some(helper) => format!("in the credential helper {helper}"),
            None if is_kept => format!("in {}", path.display()),
            None => format!("in {}, which is deleted with the sandbox", path.display()),
        };
        let text = format!(
            "Docker is logged in to {}, and can {may} {until}.\nThe credentials are stored {place}.",
            account.host()
        );
        let json = json!({
            "host": account.host(),
            // A path may not be valid Unicode.
            "config_file": path.to_string_lossy(),
            "helper": helper,
            "read_write": credentials.is_read_write(),
            "expires_in_seconds": credentials.expires_in().map(|time| time.as_secs()),
        });
        output.show(text, &json)?;
        Ok(Outcome::Done)
    }
}

/// Revokes the previous credentials. If that fails they remain valid until they expire, which is no reason to fail.
async fn revoke_replaced(account: &Account, password: &docr::Secret, output: &Output) {
    match account.docr.revoke_password(password).await {
        Err(error) if !error.is_unauthorized() => {
            let text = format_args!("The previous credentials could not be revoked: {error}");
            output.warn(text);
        }
        _ => {}
    }
}
