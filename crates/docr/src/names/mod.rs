//! Checked names and ids, for paths and bodies of requests.

mod checked;
mod digest;
mod identify;
mod image;
mod registry;
mod repository;
mod tag;
mod uuid;

pub use digest::Digest;
pub use identify::Identifies;
pub use image::ImageRef;
pub use registry::RegistryName;
pub use repository::RepositoryName;
pub use tag::Tag;
pub use uuid::{CertificateId, ClusterId, GarbageCollectionId};

/// The host of all registries.
pub(crate) const HOST: &str = "registry.digitalocean.com";

/// The longest name of an image, host included, that registries and clients accept.
const MAX_NAME: usize = 255;
