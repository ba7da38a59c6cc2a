//! Registries, their repositories, and what an account stores and pays for.

mod account;
mod all;
mod create;
#[cfg(feature = "credential-files")]
mod kept;
mod legacy;
mod preflight;
mod registry;
mod repository;
mod usage;

pub use all::Registries;
pub use create::CreateRegistry;
pub use legacy::LegacyRegistry;
pub use preflight::{AccountUsage, Overage, PlannedPush, Preflight, PushObstacle, RegistryUsage};
pub use registry::RegistryHandle;
pub use repository::RepositoryHandle;
pub use usage::{ReadStorage, RepositoryUsage, StorageBytes};
