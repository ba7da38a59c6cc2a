//! What each command does.

pub(crate) mod certificates;
pub(crate) mod gc;
pub(crate) mod kubernetes_secret;
pub(crate) mod login;
pub(crate) mod prune;
pub(crate) mod usage;

use docr::CredentialsRequest;

use crate::cli::Expiry;

/// Credentials with the expiry that was asked for.
fn expiring(request: CredentialsRequest, expiry: &Expiry) -> CredentialsRequest {
    match expiry.never_expires {
        true => request.never_expires(),
        false => request.expires_in(expiry.expires_in.as_duration()),
    }
}
