//! The directory of the files of blobs.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::runtime::Handle;

use super::SMALL;

/// A directory of the sandbox's own.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The number of the next file.
    next: AtomicU64,
    /// Unneeded files, in a directory that outlives the sandbox. They are deleted once the saved world doesn't need them
    /// either.
    unneeded: Option<Mutex<Vec<PathBuf>>>,
}

impl Directory {
    /// Creates a directory that is deleted with the returned guard.
    pub(crate) fn temporary() -> io::Result<(Arc<Self>, TempDir)> {
        let folder = tempfile::Builder::new().prefix("docr-sandbox-").tempdir()?;
        let directory = Self {
            path: folder.path().to_owned(),
            next: AtomicU64::new(0),
            unneeded: None,
        };
        Ok((Arc::new(directory), folder))
    }

    /// Opens a directory that outlives the sandbox.
    pub(crate) fn lasting(path: PathBuf) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&path)?;
        let mut next = 0;
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            let number = u64::from_str_radix(&name.to_string_lossy(), 16);
            next = number.map_or(next, |number| next.max(number.saturating_add(1)));
        }
        Ok(Arc::new(Self {
            path,
            next: AtomicU64::new(next),
            unneeded: Some(Mutex::default()),
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The most bytes of a blob in memory; none in a directory that outlives the sandbox.
    pub(super) fn small(&self) -> usize {
        match self.unneeded {
            Some(_) => 0,
            None => SMALL,
        }
    }

    /// Creates an empty file with a new name.
    pub(super) fn create(self: &Arc<Self>) -> io::Result<(File, StoredFile)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let stored = self.stored(format!("{number:016x}"));
        let path = self.path.join(&stored.name);
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok((file, stored))
    }

    /// An existing file, if it has this length.
    pub(super) fn find(self: &Arc<Self>, name: &str, bytes: u64) -> Option<StoredFile> {
        // Symbolic links are not followed.
        u64::from_str_radix(name, 16).ok()?;
        let metadata = fs::metadata(self.path.join(name)).ok()?;
        (metadata.is_file() && metadata.len() == bytes).then(|| self.stored(name.to_owned()))
    }

    fn stored(self: &Arc<Self>, name: String) -> StoredFile {
        StoredFile {
            directory: Arc::clone(self),
            name,
        }
    }

    /// Takes the list of unneeded files.
    pub(crate) fn take_unneeded(&self) -> Vec<PathBuf> {
        match &self.unneeded {
            Some(list) => std::mem::take(&mut list.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Vec::new(),
        }
    }

    /// Deletes all files except these: leftovers of an earlier sandbox.
    pub(crate) fn retain(&self, names: &HashSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if !names.contains(&*entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A file that is deleted when its last user is dropped, a blob or a reader.
#[derive(Debug)]
pub(crate) struct StoredFile {
    directory: Arc<Directory>,
    name: String,
}

impl StoredFile {
    pub(super) fn open(&self) -> io::Result<File> {
        File::open(self.directory.path.join(&self.name))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for StoredFile {
    fn drop(&mut self) {
        let path = self.directory.path.join(&self.name);
        if let Some(list) = &self.directory.unneeded {
            let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
            return list.push(path);
        }
        // It may be dropped under the lock, where nothing should wait for a disk. If it can't be deleted now, it is deleted
        // with the directory.
        let delete = move || drop(fs::remove_file(path));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(delete)),
            Err(_) => delete(),
        }
    }
}
