//! The bytes of blobs: small ones in memory, others in files. It is independent of registries.

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

/// The most bytes of a blob in memory.
const SMALL: usize = 64 * 1024;
