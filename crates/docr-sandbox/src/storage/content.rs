//! The content of blobs, in memory, in files or generated.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::directory::{Directory, StoredFile};
use super::filler::Filler;

/// The header of gzip, an empty block and the trailer.
const SHORTEST_GZIP: u64 = 20;

/// The bytes of a blob. Clones share them.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Memory(Bytes),
    File {
        file: Arc<StoredFile>,
        bytes: u64,
    },
    /// Generated when it is read.
    Made(Filler),
}

impl Content {
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
            Self::Made(filler) => filler.bytes(),
        }
    }

    /// The size unpacked. Gzip states it at its end, but modulo 4 GiB and only for the last member, so it is at least the
    /// stored size. Generated content counts twice, as if it were compressed, everything else as it is.
    pub(crate) fn unpacked(&self) -> u64 {
        let bytes = self.bytes();
        let part = |offset| {
            let part = self.reader(offset, 4).read(4).ok()?;
            <[u8; 4]>::try_from(&*part).ok()
        };
        match self {
            Self::Made(_) => bytes.saturating_mul(2),
            _ if bytes < SHORTEST_GZIP => bytes,
            _ => match part(0) {
                Some([0x1f, 0x8b, ..]) => {
                    part(bytes - 4).map_or(bytes, |end| bytes.max(u32::from_le_bytes(end).into()))
                }
                _ => bytes,
            },
        }
    }

    /// Reads `length` bytes from `offset` on.
    pub(crate) fn reader(&self, offset: u64, length: u64) -> Reader {
        Reader {
            content: self.clone(),
            offset,
            left: length.min(self.bytes().saturating_sub(offset)),
            opened: None,
        }
    }
}

/// Content as it is saved: the name of its file in place of its bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Written {
    File { name: String, bytes: u64 },
    Made { seed: u64, bytes: u64 },
    Memory(String),
}

impl Written {
    pub(crate) fn of(content: &Content) -> Self {
        match content {
            Content::File { file, bytes } => Self::File {
                name: file.name().to_owned(),
                bytes: *bytes,
            },
            Content::Made(filler) => Self::Made {
                seed: filler.seed(),
                bytes: filler.bytes(),
            },
            Content::Memory(bytes) => Self::Memory(BASE64.encode(bytes)),
        }
    }

    /// The content, if its file still exists with the same length.
    pub(crate) fn read(self, directory: &Arc<Directory>) -> Option<Content> {
        Some(match self {
            Self::File { name, bytes } => Content::File {
                file: Arc::new(directory.find(&name, bytes)?),
                bytes,
            },
            Self::Made { seed, bytes } => Content::Made(Filler::new(seed, bytes)),
            Self::Memory(text) => Content::Memory(BASE64.decode(text).ok()?.into()),
        })
    }

    /// The name of its file.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::File { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// Reads a part of a blob in chunks.
pub(crate) struct Reader {
    content: Content,
    offset: u64,
    left: u64,
    opened: Option<File>,
}

impl Reader {
    /// The number of bytes that are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Whether a read has to wait for the disk.
    pub(crate) fn blocks(&self) -> bool {
        matches!(self.content, Content::File { .. })
    }

    /// The next bytes, at most so many; empty only at the end.
    pub(crate) fn read(&mut self, most: usize) -> io::Result<Bytes> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(most);
        let next = match &self.content {
            Content::Memory(bytes) => {
                let begin = usize::try_from(self.offset).unwrap_or(usize::MAX);
                bytes.slice(begin..begin.saturating_add(most))
            }
            Content::Made(filler) => filler.read(self.offset, most),
            Content::File { file, .. } => {
                let file = match &mut self.opened {
                    Some(file) => file,
                    closed => {
                        let mut file = file.open()?;
                        file.seek(SeekFrom::Start(self.offset))?;
                        closed.insert(file)
                    }
                };
                let mut bytes = Vec::with_capacity(most);
                file.take(most as u64).read_to_end(&mut bytes)?;
                if bytes.is_empty() && most > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes.into()
            }
        };
        self.offset += next.len() as u64;
        self.left -= next.len() as u64;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::SMALL;
    use super::super::{Algorithm, Sink};
    use super::*;

    #[test]
    fn the_unpacked_size_is_read_from_the_end_of_a_gzip() {
        // 1,000 times the letter a.
        const GZIP: [u8; 29] = [
            31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 75, 76, 28, 5, 163, 96, 20, 12, 119, 0, 0, 249, 215,
            154, 165, 232, 3, 0, 0,
        ];
        let memory = |bytes: &[u8]| Content::Memory(Bytes::copy_from_slice(bytes));
        assert_eq!(memory(&GZIP).unpacked(), 1000);
        assert_eq!(memory(&GZIP[1..]).unpacked(), 28, "it is no gzip");
        assert_eq!(memory(&GZIP[..19]).unpacked(), 19, "it is cut");
        assert_eq!(memory(&[]).unpacked(), 0);
        assert_eq!(Content::Made(Filler::new(1, 500)).unpacked(), 1000);

        let mut long = vec![0; SMALL * 2];
        long[..2].copy_from_slice(&GZIP[..2]);
        let less = memory(&long).unpacked();
        assert_eq!(
            less,
            long.len() as u64,
            "it is never less than what is stored"
        );
        let end = long.len() - 4;
        long[end..].copy_from_slice(&9_000_000_u32.to_le_bytes());
        let (directory, _folder) = Directory::temporary().unwrap();
        let mut sink = Sink::new(directory, Algorithm::Sha256);
        sink.write(&[long.clone().into()]).unwrap();
        let content = sink
            .finish(&Algorithm::Sha256.digest(&long))
            .unwrap()
            .unwrap();
        assert!(matches!(content, Content::File { .. }));
        assert_eq!(content.unpacked(), 9_000_000);
    }

    #[test]
    fn a_file_that_ends_before_its_content_is_an_error_and_not_an_end() {
        let (directory, folder) = Directory::temporary().unwrap();
        let mut sink = Sink::new(directory, Algorithm::Sha256);
        let long = vec![7; SMALL * 2];
        sink.write(&[long.clone().into()]).unwrap();
        let digest = Algorithm::Sha256.digest(&long);
        let content = sink.finish(&digest).unwrap().unwrap();
        let mut reader = content.reader(0, content.bytes());
        assert_eq!(
            reader.read(0).unwrap(),
            Bytes::new(),
            "nothing was asked for"
        );
        assert_eq!(reader.read(10).unwrap().len(), 10);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = std::fs::File::options()
                .write(true)
                .open(file.unwrap().path());
            file.unwrap().set_len(10).unwrap();
        }
        let error = reader.read(10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
