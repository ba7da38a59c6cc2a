//! What a garbage collection can fail with.

use docr_api::types::GarbageCollection;

use crate::error::{About, Error};

impl Error {
    /// The garbage collection that stood in the way, failed, or took too long.
    pub fn garbage_collection(&self) -> Option<&GarbageCollection> {
        match self.subject()? {
            About::Run(run) => Some(run),
            _ => None,
        }
    }
}
