//! How long credentials are good for: the arguments of the commands that mint some.

use clap::Args;
use docr::{CredentialsRequest, retention::Age};

#[derive(Args)]
pub(super) struct Expiry {
    /// How long the credentials are good for, such as 12h or 30d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    expires_in: Age,
    /// Credentials that are good until they are revoked.
    #[arg(long, conflicts_with = "expires_in")]
    never_expires: bool,
}

impl Expiry {
    /// Puts the expiry into a request.
    pub(super) fn apply(&self, request: CredentialsRequest) -> CredentialsRequest {
        match self.never_expires {
            true => request.never_expires(),
            false => request.expires_in(self.expires_in.as_duration()),
        }
    }
}
