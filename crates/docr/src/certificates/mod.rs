//! TLS certificates.

#[cfg(feature = "certificate-check")]
mod check;
mod create;
mod error;
mod handle;
mod rotate;
mod wait;

pub use create::CreateCertificate;
pub use handle::Certificates;
pub use rotate::{CertificatePair, RotateError};
