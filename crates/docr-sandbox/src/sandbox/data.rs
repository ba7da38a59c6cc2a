//! The directory that keeps a sandbox's world when the sandbox stops or is killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::model::account::World;
use crate::storage::Directory;

/// The file of the world.
const STATE: &str = "state.json";
/// The file that is locked by the sandbox that uses the directory.
const LOCK: &str = "lock";
/// The directory of blobs.
const BLOBS: &str = "blobs";

/// The directory. While it is open, no other sandbox can open it.
pub(crate) struct Data {
    folder: PathBuf,
    pub(crate) directory: Arc<Directory>,
    pub(crate) saved: Mutex<Saved>,
}

/// What is saved of the world.
pub(crate) struct Saved {
    /// The version that was saved last.
    pub(crate) version: u64,
    /// Locks the directory; `None` once the sandbox has stopped and another one may use it.
    pub(crate) lock: Option<Lock>,
}

/// A locked file. A program that is being started may have inherited the file for a moment, so it is unlocked, not just closed.
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If it fails, the lock ends with the file.
        let _ = self.0.unlock();
    }
}

impl Data {
    /// Opens a directory, or creates it, and loads its world.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Option<World>)> {
        Self::open_unnamed(folder).map_err(|error| {
            let message = format!(
                "the data directory {} can't be used: {error}",
                folder.display()
            );
            io::Error::new(error.kind(), message)
        })
    }

    fn open_unnamed(folder: &Path) -> io::Result<(Self, Option<World>)> {
        fs::create_dir_all(folder)?;
        let lock = private(&folder.join(LOCK))?;
        lock.try_lock().map_err(|_| {
            let message = "another sandbox is using it";
            io::Error::new(io::ErrorKind::ResourceBusy, message)
        })?;
        let directory = Directory::lasting(folder.join(BLOBS))?;
        let world = match fs::read(folder.join(STATE)) {
            Ok(text) => {
                let mut world: World = serde_json::from_slice(&text).map_err(|error| {
                    let message = format!("its {STATE} is not the state of a sandbox: {error}");
                    io::Error::new(io::ErrorKind::InvalidData, message)
                })?;
                directory.retain(&world.files())?;
                world.restore(&directory);
                Some(world)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let data = Self {
            folder: folder.to_owned(),
            directory,
            saved: Mutex::new(Saved {
                version: 0,
                lock: Some(Lock(lock)),
            }),
        };
        Ok((data, world))
    }

    /// Replaces the saved world atomically.
    pub(crate) fn replace(&self, text: &[u8]) -> io::Result<()> {
        let new = self.folder.join(format!("{STATE}.new"));
        let mut file = private(&new)?;
        io::Write::write_all(&mut file, text)?;
        drop(file);
        fs::rename(new, self.folder.join(STATE))
    }
}

/// Creates an empty file that only its owner can read: it has tokens in it.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_can_be_used_at_once_though_a_child_process_has_inherited_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = Data::open(folder.path()).unwrap();
        let inherited = {
            let saved = first.saved.lock().unwrap();
            saved.lock.as_ref().unwrap().0.try_clone().unwrap()
        };
        assert!(Data::open(folder.path()).is_err());
        drop(first);
        assert!(Data::open(folder.path()).is_ok());
        drop(inherited);
    }
}
