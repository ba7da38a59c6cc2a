//! `docr login`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use docr::{CredentialsRequest, DockerConfig, DockerCredentials};
use serde_json::json;

use super::expiry::Expiry;
use crate::{
    account::AccountArguments,
    output::{Format, Outcome, show},
};

/// Give Docker credentials for the registry.
#[derive(Args)]
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
    pub(crate) async fn run(self, account: AccountArguments, format: Format) -> Result<Outcome> {
        let account = account.open(format).await?;
        let path = match self.config_file {
            Some(path) => path,
            // Docker must not be given credentials that open nothing.
            None if account.is_sandbox() => tempfile::tempdir()?.keep().join("config.json"),
            None => DockerConfig::default_path()?,
        };
        // Before anything is minted: a file that can't be read is found out in time.
        let mut config = DockerConfig::load(&path)?;
        let request = match self.read_only {
            true => CredentialsRequest::read_only(),
            false => CredentialsRequest::read_write(),
        };
        let registry = account.registry().await?;
        let credentials = registry
            .docker_credentials(self.expiry.apply(request))
            .await?;
        let saved = config.insert(&credentials).and_then(|()| config.save());
        if let Err(error) = saved {
            // Nobody has them: they must not stay behind.
            let error = anyhow::Error::from(error);
            return Err(match account.docr.revoke(&credentials).await {
            Ok(()) => error,
            Err(left) => error.context(format!(
                "the credentials could not be kept, and are good still, since they could not be revoked ({left})"
            )),
        });
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
        let text = format!(
            "Docker may {may} at {} {until}.\nThe credentials are in {}.",
            DockerCredentials::HOST,
            path.display()
        );
        let json = json!({
            "host": DockerCredentials::HOST,
            "config_file": path,
            "read_write": credentials.is_read_write(),
            "expires_in_seconds": credentials.expires_in().map(|time| time.as_secs()),
        });
        show(format, text, &json)?;
        Ok(Outcome::Done)
    }
}
