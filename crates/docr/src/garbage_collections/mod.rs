//! Garbage collections: the runs that free storage.

mod error;
mod handle;
mod patience;
mod watch;

pub use handle::GarbageCollections;
pub use watch::GarbageCollectionWatch;
