//! The embedded sandbox, for `--sandbox` and `docr try`. It is an optional feature.

#[cfg(not(feature = "sandbox"))]
mod absent;
#[cfg(feature = "sandbox")]
mod clock;
#[cfg(feature = "sandbox")]
mod own;
#[cfg(feature = "sandbox")]
mod sample;

#[cfg(not(feature = "sandbox"))]
pub(crate) use absent::OwnSandbox;
#[cfg(feature = "sandbox")]
pub(crate) use own::{OwnSandbox, start};
