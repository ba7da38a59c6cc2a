//! Sizes, as stored and unpacked.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::storage::Content;

/// The size of a blob, or of all blobs of an image, in bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    /// As stored, possibly compressed.
    pub(crate) bytes: u64,
    /// Never less than what is stored.
    #[serde(default)]
    unpacked: u64,
}

impl Size {
    /// The size of a blob, whose content may be unknown.
    pub(crate) fn of(bytes: u64, content: Option<&Content>) -> Self {
        Self {
            bytes,
            unpacked: content.map_or(bytes, Content::unpacked),
        }
    }

    pub(crate) fn unpacked(self) -> u64 {
        self.unpacked.max(self.bytes)
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), |sum, size| Self {
            bytes: sum.bytes.saturating_add(size.bytes),
            unpacked: sum.unpacked.saturating_add(size.unpacked()),
        })
    }
}
