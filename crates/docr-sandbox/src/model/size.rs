//! How large something is, as stored and unpacked.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::storage::Content;

/// Bytes of a blob, or of all that an image needs.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Size {
    /// As stored: compressed, if it is.
    pub(crate) bytes: u64,
    /// Never less than what is stored.
    #[serde(default)]
    unpacked: u64,
}

impl Size {
    /// Of a blob, of which there may be nothing to read.
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
