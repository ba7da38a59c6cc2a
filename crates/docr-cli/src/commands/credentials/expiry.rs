//! How long credentials are good for: the arguments of the commands that mint some.

use anyhow::Result;
use clap::Args;
use docr::{CredentialsRequest, retention::Age};
use serde_json::json;

use crate::{
    account::RegistryCalls,
    output::{About as _, Outcome, Output, WrongInput},
};

#[derive(Args)]
pub(crate) struct Expiry {
    /// How long the credentials are good for, such as 12h or 30d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    expires_in: Age,
    /// Credentials that are good until they are revoked.
    #[arg(long, conflicts_with = "expires_in")]
    never_expires: bool,
    /// Show for what credentials would be minted, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Expiry {
    /// Puts the expiry into a request.
    ///
    /// # Errors
    ///
    /// Credentials that would be good for no time.
    pub(crate) fn apply(&self, request: CredentialsRequest) -> Result<CredentialsRequest> {
        let lifetime = self.expires_in.as_duration();
        match self.never_expires {
            true => Ok(request.never_expires()),
            false if lifetime.is_zero() => {
                let message = "--expires-in 0s: credentials have to be good for a second at least; for some that are good \
                               until they are revoked, give --never-expires";
                Err(WrongInput(message.to_owned()).into())
            }
            false => Ok(request.expires_in(lifetime)),
        }
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Looks that the registry is there, and shows what would be minted.
    pub(crate) async fn show_dry_run(
        &self,
        registry: &RegistryCalls,
        output: &Output,
    ) -> Result<Outcome> {
        registry.get().await.about(|| registry.subject())?;
        let until = match self.never_expires {
            true => "until they are revoked".to_owned(),
            false => format!("for {}", self.expires_in),
        };
        let text = format!(
            "Credentials for registry {} would be minted, good {until}.",
            registry.name()
        );
        output.show(
            text,
            &json!({ "registry": registry.name(), "minted": false }),
        )?;
        Ok(Outcome::Done)
    }
}
