//! `docr credentials`

pub(super) mod expiry;
pub(crate) mod kubernetes_secret;
