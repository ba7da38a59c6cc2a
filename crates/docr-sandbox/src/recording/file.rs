//! The file that holds a recording.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::exchange::Exchange;
use super::scan;

/// What passed between a client and the API, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recording {
    /// What it is called.
    pub name: String,
    /// What happens in it, for people. May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Who answered.
    pub recorded_from: Origin,
    /// The day it was recorded, in UTC.
    pub recorded_on: NaiveDate,
    /// The version of the API's description that it was recorded with.
    pub api_version: String,
    /// The requests and their responses.
    pub exchanges: Vec<Exchange>,
}

/// Who answered the requests of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// A [`Sandbox`](crate::Sandbox).
    Sandbox,
    /// A server somewhere: the real API, as a rule.
    Live,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "sandbox",
            Self::Live => "live",
        })
    }
}

impl Recording {
    /// Reads a recording from a file.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it holds no recording.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| RecordingError::Io {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| RecordingError::Format {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes the recording to a file, whole or not at all; its directory must be there.
    ///
    /// # Errors
    ///
    /// When something in it looks like a secret, or the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RecordingError> {
        let path = path.as_ref();
        let suspects = self.suspects();
        if !suspects.is_empty() {
            return Err(RecordingError::Suspect(suspects));
        }
        let unfinished = path.with_extension("json.part");
        fs::write(&unfinished, self.to_json())
            .and_then(|()| fs::rename(&unfinished, path))
            .map_err(|source| RecordingError::Io {
                path: path.to_owned(),
                source,
            })
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        // There is nothing in a recording that JSON can't hold.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Everything that looks like a secret or a person's address: where it stands and what it looks like, without
    /// showing it. Tests may ask this of recordings that were changed by hand.
    pub fn suspects(&self) -> Vec<String> {
        scan::suspects(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no recording.
    #[error("{} is not a recording: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Something in the recording looks like a secret.
    #[error("not written, since this looks secret: {}", .0.join("; "))]
    Suspect(Vec<String>),
}
