//! Unfinished uploads.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::later;
use crate::storage::Sink;

/// How long an upload may be idle before it is dropped.
const PATIENCE: TimeDelta = TimeDelta::days(1);
/// The most unfinished uploads of a registry. Clients abandon some, and each takes memory or a file.
const MOST: usize = 1000;

/// The uploads of a registry, by their ids.
#[derive(Default)]
pub(crate) struct Uploads(HashMap<String, Upload>);

/// A copy has no uploads: each writes to a file of its own.
impl Clone for Uploads {
    fn clone(&self) -> Self {
        Self::default()
    }
}

pub(crate) struct Upload {
    pub(crate) repository: String,
    pub(crate) received: u64,
    pub(crate) touched_at: DateTime<Utc>,
    /// `None` while a request writes to it.
    sink: Option<Sink>,
}

/// Why an upload is not available.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoUpload {
    Unknown,
    /// Another request is writing to it.
    Busy,
}

impl Uploads {
    /// Starts an upload. Beyond the limit, the one that was idle for longest is dropped.
    pub(crate) fn begin(&mut self, id: &str, repository: &str, sink: Sink, now: DateTime<Utc>) {
        if self.0.len() >= MOST {
            self.give_up_one();
        }
        let upload = Upload {
            repository: repository.to_owned(),
            received: 0,
            touched_at: now,
            sink: Some(sink),
        };
        self.0.insert(id.to_owned(), upload);
    }

    /// All uploads, in any order.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Upload> {
        self.0.values()
    }

    /// The number of bytes received.
    pub(crate) fn received(&self, id: &str, repository: &str) -> Option<u64> {
        let upload = self.0.get(id)?;
        (upload.repository == repository).then_some(upload.received)
    }

    /// Takes the sink for writing; nobody else can until it is put back.
    pub(crate) fn take(
        &mut self,
        id: &str,
        repository: &str,
        now: DateTime<Utc>,
    ) -> Result<Sink, NoUpload> {
        let upload = self.0.get_mut(id).ok_or(NoUpload::Unknown)?;
        if upload.repository != repository {
            return Err(NoUpload::Unknown);
        }
        upload.touched_at = now;
        upload.sink.take().ok_or(NoUpload::Busy)
    }

    /// Puts a sink back, unless the upload was dropped in the meantime.
    pub(crate) fn put_back(&mut self, id: &str, sink: Sink, now: DateTime<Utc>) {
        if let Some(upload) = self.0.get_mut(id) {
            upload.received = sink.received();
            upload.touched_at = now;
            upload.sink = Some(sink);
        }
    }

    /// Ends an upload of a repository; `false` if there is none.
    pub(crate) fn end(&mut self, id: &str, repository: &str) -> bool {
        let is_there = self.received(id, repository).is_some();
        if is_there {
            self.0.remove(id);
        }
        is_there
    }

    /// Drops abandoned uploads.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) {
        self.0
            .retain(|_, upload| now < later(upload.touched_at, PATIENCE));
    }

    fn give_up_one(&mut self) {
        let resting = self.0.iter().filter(|(_, upload)| upload.sink.is_some());
        let longest = resting.min_by_key(|(_, upload)| upload.touched_at);
        if let Some(id) = longest.map(|(id, _)| id.clone()) {
            self.0.remove(&id);
        }
    }

    pub(super) fn end_all(&mut self, repository: &str) {
        self.0.retain(|_, upload| upload.repository != repository);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Algorithm, Directory};

    #[test]
    fn of_too_many_uploads_the_longest_idle_is_dropped_and_never_an_active_one() {
        let (directory, _folder) = Directory::temporary().unwrap();
        let sink = || Sink::new(directory.clone(), Algorithm::Sha256);
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mut uploads = Uploads::default();
        for number in 0..1000 {
            uploads.begin(&number.to_string(), "a", sink(), at(number));
        }
        let written = uploads.take("0", "a", at(0)).unwrap();
        let touched = uploads.take("1", "a", at(1)).unwrap();
        uploads.put_back("1", touched, at(1000));
        for number in 1000..1010 {
            uploads.begin(&number.to_string(), "a", sink(), at(number));
        }
        assert_eq!(uploads.0.len(), MOST);
        assert_eq!(uploads.received("0", "a"), Some(0));
        assert_eq!(uploads.received("1", "a"), Some(0));
        assert_eq!(uploads.received("11", "a"), None);
        assert_eq!(uploads.received("12", "a"), Some(0));
        uploads.put_back("0", written, at(1010));
    }
}
