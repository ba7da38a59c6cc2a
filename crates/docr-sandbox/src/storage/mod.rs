//! The bytes of blobs: in memory while they are few, in files otherwise. It knows nothing of registries.

mod content;
mod digest;
mod directory;
mod filler;
mod sink;

pub(crate) use content::{Content, Reader, Written};
pub(crate) use digest::Algorithm;
pub(crate) use directory::Directory;
pub(crate) use filler::Filler;
pub(crate) use sink::Sink;

/// What is at most kept in memory of one blob.
const SMALL: usize = 64 * 1024;
