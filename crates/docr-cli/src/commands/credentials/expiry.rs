//! How long credentials are good for: the arguments of the commands that mint some.

use anyhow::Result;
use clap::Args;
use docr::{CredentialsRequest, retention::Age};

use crate::output::WrongInput;

#[derive(Args)]
pub(crate) struct Expiry {
    /// How long the credentials are good for, such as 12h or 30d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    expires_in: Age,
    /// Credentials that are good until they are revoked.
    #[arg(long, conflicts_with = "expires_in")]
    never_expires: bool,
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
}
