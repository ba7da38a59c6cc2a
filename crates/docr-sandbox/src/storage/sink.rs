//! Receives a blob.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Bytes;

use super::content::Content;
use super::digest::{Algorithm, Hasher};
use super::directory::{Directory, StoredFile};

/// How much is read at once if content has to be hashed again.
const CHUNK: usize = 1024 * 1024;

/// Content that is being received: hashed at once, in memory while it is small, then in a file.
pub(crate) struct Sink {
    directory: Arc<Directory>,
    hasher: Hasher,
    received: u64,
    place: Place,
}

enum Place {
    Memory(Vec<u8>),
    File(File, StoredFile),
}

impl Sink {
    pub(crate) fn new(directory: Arc<Directory>, algorithm: Algorithm) -> Self {
        Self {
            directory,
            hasher: Hasher::new(algorithm),
            received: 0,
            place: Place::Memory(Vec::new()),
        }
    }

    /// The number of bytes received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether writing so many bytes has to wait for the disk.
    pub(crate) fn blocks_on(&self, bytes: usize) -> bool {
        match &self.place {
            Place::Memory(held) => held.len().saturating_add(bytes) > self.directory.small(),
            Place::File(..) => true,
        }
    }

    /// Appends chunks. After a failure the content is undefined.
    pub(crate) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        for chunk in chunks {
            self.hasher.update(chunk);
            self.received += chunk.len() as u64;
            match &mut self.place {
                Place::Memory(held) if held.len() + chunk.len() <= self.directory.small() => {
                    held.extend_from_slice(chunk);
                }
                Place::Memory(held) => {
                    let (mut file, stored) = self.directory.create()?;
                    file.write_all(held)?;
                    file.write_all(chunk)?;
                    self.place = Place::File(file, stored);
                }
                Place::File(file, _) => file.write_all(chunk)?,
            }
        }
        Ok(())
    }

    /// Whether `finish` has to wait for the disk.
    pub(crate) fn finish_blocks(&self) -> bool {
        matches!(self.place, Place::File(..))
    }

    /// Returns the content if it has this digest, or else its actual digest.
    pub(crate) fn finish(self, expected: &str) -> io::Result<Result<Content, String>> {
        let (algorithm, hashed) = (self.hasher.algorithm(), self.hasher.finish());
        let content = match self.place {
            Place::Memory(held) => Content::Memory(held.into()),
            Place::File(_, stored) => Content::File {
                file: Arc::new(stored),
                bytes: self.received,
            },
        };
        // A client may name the algorithm only at the end.
        let actual = match Algorithm::of(expected) {
            Some(other) if other != algorithm => hash(&content, other)?,
            _ => hashed,
        };
        Ok(if actual == expected {
            Ok(content)
        } else {
            Err(actual)
        })
    }
}

fn hash(content: &Content, algorithm: Algorithm) -> io::Result<String> {
    let mut hasher = Hasher::new(algorithm);
    let mut reader = content.reader(0, content.bytes());
    while reader.left() > 0 {
        hasher.update(&reader.read(CHUNK)?);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::super::SMALL;
    use super::*;

    fn sink(content: &[u8], step: usize) -> (Sink, tempfile::TempDir) {
        let (directory, folder) = Directory::temporary().unwrap();
        let mut sink = Sink::new(directory, Algorithm::Sha256);
        for chunk in content.chunks(step) {
            sink.write(&[Bytes::copy_from_slice(chunk)]).unwrap();
        }
        (sink, folder)
    }

    fn read(content: &Content, offset: u64, length: u64) -> Vec<u8> {
        let mut reader = content.reader(offset, length);
        let mut bytes = Vec::new();
        while reader.left() > 0 {
            bytes.extend_from_slice(&reader.read(1000).unwrap());
        }
        bytes
    }

    #[test]
    fn small_content_stays_in_memory_and_large_content_in_a_file() {
        for (length, files) in [(0, 0), (SMALL, 0), (SMALL + 1, 1), (300_000, 1)] {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let (sink, folder) = sink(&bytes, 10_000);
                assert_eq!(sink.received(), length as u64);
                let content = sink.finish(&algorithm.digest(&bytes)).unwrap().unwrap();
                let count = || std::fs::read_dir(folder.path()).unwrap().count();
                assert_eq!(count(), files);
                assert_eq!(read(&content, 0, u64::MAX), bytes);
                let part = read(&content, 5, 3);
                assert_eq!(part, bytes.get(5..8).unwrap_or_default());
                drop(content);
                assert_eq!(count(), 0);
            }
        }
    }

    #[test]
    fn content_with_another_digest_is_refused_and_leaves_no_file() {
        let bytes = vec![1; SMALL * 2];
        let (sink, folder) = sink(&bytes, 4096);
        let wrong = Algorithm::Sha256.digest(b"");
        let actual = sink.finish(&wrong).unwrap().unwrap_err();
        assert_eq!(actual, Algorithm::Sha256.digest(&bytes));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
