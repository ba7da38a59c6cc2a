//! Checked texts: the names and ids that stand in a path or a body.

mod checked;
mod image;
mod registry;
mod uuid;

pub(crate) use image::HOST;
pub use image::{Digest, ImageRef, RepositoryName, Tag};
pub use registry::RegistryName;
pub use uuid::{CertificateId, ClusterId, GarbageCollectionId};
