//! The lifetime of credentials: arguments of the commands that mint them.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use docr::{CredentialsRequest, retention::Age};
use serde_json::json;

use crate::{
    account::RegistryCalls,
    output::{About as _, Outcome, Output, WrongInput},
};

/// The longest lifetime that the service accepts: 50 years.
const LONGEST: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);

#[derive(Args)]
pub(crate) struct Expiry {
    /// Lifetime of the credentials, such as 12h or 30d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    expires_in: Age,
    /// Mint credentials that are valid until they are revoked.
    #[arg(long, conflicts_with = "expires_in")]
    never_expires: bool,
    /// Show which credentials would be minted, and mint none.
    #[arg(long)]
    dry_run: bool,
}

impl Expiry {
    /// Puts the expiry into a request.
    ///
    /// # Errors
    ///
    /// A lifetime that the service doesn't accept.
    pub(crate) fn apply(&self, request: CredentialsRequest) -> Result<CredentialsRequest> {
        if self.never_expires {
            return Ok(request.never_expires());
        }
        let way_out = "; for credentials that never expire, pass --never-expires";
        check_lifetime(self.expires_in, way_out)?;
        Ok(request.expires_in(self.expires_in.as_duration()))
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Checks that the registry exists, and shows what would be minted.
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
            "Credentials for registry {} would be minted, valid {until}.",
            registry.name()
        );
        output.show(
            text,
            &json!({ "registry": registry.name(), "minted": false }),
        )?;
        Ok(Outcome::Done)
    }
}

/// Checks a value of --expires-in; `way_out` ends the message.
pub(in crate::commands) fn check_lifetime(lifetime: Age, way_out: &str) -> Result<()> {
    let rule = match lifetime.as_duration() {
        Duration::ZERO => "is too short: the minimum is 1s",
        long if long > LONGEST => "is too long: the maximum is 18250d, 50 years",
        _ => return Ok(()),
    };
    Err(WrongInput(format!("--expires-in {lifetime} {rule}{way_out}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_from_a_second_to_fifty_years() {
        let check = |text: &str| check_lifetime(text.parse().unwrap(), "; or else");
        for lifetime in ["1s", "30d", "18250d"] {
            check(lifetime).unwrap();
        }
        for (lifetime, message) in [
            (
                "0d",
                "--expires-in 0s is too short: the minimum is 1s; or else",
            ),
            (
                "18251d",
                "--expires-in 18251d is too long: the maximum is 18250d, 50 years; or else",
            ),
        ] {
            assert_eq!(check(lifetime).unwrap_err().to_string(), message);
        }
    }
}
