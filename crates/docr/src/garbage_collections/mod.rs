//! Garbage collections: the runs that free storage.

// Calculates with numbers and times from outside.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod error;
mod handle;
mod patience;
mod watch;

pub use handle::GarbageCollections;
pub use watch::GarbageCollectionWatch;
