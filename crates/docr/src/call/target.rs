//! The registry of a handle, and the form of its calls.

use super::Core;
use crate::names::RegistryName;

/// The registry of a handle, and what its calls are made with.
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
    /// `/v2/registry/...`, rejected once an account has several registries.
    OfAccount,
}
