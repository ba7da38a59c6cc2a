//! The registry that a handle is about, and the form of the calls that it makes.

use super::Core;
use crate::names::RegistryName;

/// What a handle is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) core: Core,
    pub(crate) name: RegistryName,
    pub(crate) form: Form,
}

/// Which of the two forms of a call is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v2/registries/...`, for any account.
    ByName,
    /// `/v2/registry/...`, refused once an account has several registries.
    OfAccount,
}
