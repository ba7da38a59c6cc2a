//! The file of a recording.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::exchange::Exchange;
use super::scan;

/// Recorded traffic between a client and the API, in order.
///
/// ```no_run
/// use docr_sandbox::recording::Recording;
///
/// let recording = Recording::load("tests/recordings/prune.json")?;
/// for exchange in &recording.exchanges {
///     println!("{} {}: {}", exchange.request.method, exchange.request.path, exchange.response.status);
/// }
/// # Ok::<(), docr_sandbox::recording::RecordingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// A description for people, which may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What sent the responses.
    pub recorded_from: Origin,
    /// The day it was recorded, in UTC.
    pub recorded_on: NaiveDate,
    /// The version of the API spec that it was recorded with.
    pub api_version: String,
    /// The requests and their responses.
    pub exchanges: Vec<Exchange>,
}

/// What sent the responses of a recording.
///
/// ```
/// assert_eq!(docr_sandbox::recording::Origin::Live.to_string(), "live");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// A [`Sandbox`](crate::Sandbox).
    Sandbox,
    /// Another server, usually the real API.
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
    /// ```no_run
    /// use docr_sandbox::recording::Recording;
    ///
    /// let recording = Recording::load("tests/recordings/prune.json")?;
    /// # Ok::<(), docr_sandbox::recording::RecordingError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file can't be read or is not a recording.
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

    /// Writes the recording to a file, atomically. The directory must exist.
    ///
    /// ```no_run
    /// use docr_sandbox::recording::Recording;
    ///
    /// let recording = Recording::load("tests/recordings/prune.json")?;
    /// recording.save("tests/recordings/copy.json")?;
    /// # Ok::<(), docr_sandbox::recording::RecordingError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If something in it looks like a secret, or the file can't be written.
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
    ///
    /// ```no_run
    /// use docr_sandbox::recording::Recording;
    ///
    /// let recording = Recording::load("tests/recordings/prune.json")?;
    /// println!("{}", recording.to_json());
    /// # Ok::<(), docr_sandbox::recording::RecordingError>(())
    /// ```
    pub fn to_json(&self) -> String {
        // Everything in a recording can be serialised as JSON.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Everything that looks like a secret or an e-mail address: its place and what it looks like, but not its value.
    /// For tests of recordings that were edited by hand.
    ///
    /// ```no_run
    /// use docr_sandbox::recording::Recording;
    ///
    /// let recording = Recording::load("tests/recordings/prune.json")?;
    /// assert!(recording.suspects().is_empty());
    /// # Ok::<(), docr_sandbox::recording::RecordingError>(())
    /// ```
    pub fn suspects(&self) -> Vec<String> {
        scan::suspects(&serde_json::to_value(self).unwrap_or_default())
    }
}

/// Why a recording can't be read or written.
///
/// ```
/// use docr_sandbox::recording::{Recording, RecordingError};
///
/// assert!(matches!(Recording::load("missing.json"), Err(RecordingError::Io { .. })));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a recording.
    #[error("{} is not a recording: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// Something in the recording looks like a secret.
    #[error("not written, because this looks like a secret: {}", .0.join("; "))]
    Suspect(Vec<String>),
}
