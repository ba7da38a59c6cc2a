//! The command's own sandbox, for `--sandbox` and `docr try`. The program can be built without it.

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
