//! Files with secrets: resolving links, locking, and replacing atomically.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::folder;

/// The file that a path leads to, following links, even if it doesn't exist yet.
pub(crate) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    // Linux's own limit.
    const MOST: usize = 40;
    let mut place = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&place) {
            Ok(target) => place = directory(&place).join(target),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("too many links"))
}

fn directory(file: &Path) -> &Path {
    let parent = file.parent().unwrap_or(Path::new(""));
    match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    }
}

/// Locks the directory of a file against other programs of this crate, until this is dropped. Creates it if missing.
pub(crate) fn lock(file: &Path) -> io::Result<File> {
    let directory = directory(file);
    folder::make(directory)?;
    #[cfg(unix)]
    let lock = File::open(directory)?;
    #[cfg(not(unix))]
    let lock = File::create(directory.join(".docr.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Writes a file atomically. A new one is for its owner alone; an existing one keeps owner and mode.
pub(crate) fn replace(target: &Path, text: &str) -> io::Result<()> {
    Unfinished::beside(target)?.become_file(text)
}

/// A temporary file next to its target. It is deleted if it is dropped before it has become the target.
pub(crate) struct Unfinished<'a> {
    file: File,
    path: PathBuf,
    target: &'a Path,
}

impl<'a> Unfinished<'a> {
    pub(crate) fn beside(target: &'a Path) -> io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{:016x}", fastrand::u64(..)));
        let path = target.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let unfinished = Self { file, path, target };
        #[cfg(unix)]
        if let Ok(before) = fs::metadata(target) {
            keep_owner(&unfinished.file, &before)?;
        }
        Ok(unfinished)
    }

    pub(crate) fn become_file(mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        fs::rename(&self.path, self.target).map_err(|error| {
            let why =
                format!("the file can't be replaced, for example because it is mounted: {error}");
            io::Error::new(error.kind(), why)
        })
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // If it has become the target, nothing has this name any more.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
fn keep_owner(file: &File, before: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let now = file.metadata()?;
    let mut mode = before.mode() & 0o7777;
    if (now.uid(), now.gid()) != (before.uid(), before.gid())
        && let Err(error) = fchown(file, Some(before.uid()), Some(before.gid()))
    {
        if now.uid() != before.uid() {
            let why = format!("the file belongs to another user, who would lose it: {error}");
            return Err(io::Error::new(error.kind(), why));
        }
        // The permissions were not meant for its present group.
        mode &= !0o070;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("config.json");
        fs::create_dir(&target).unwrap();
        let error = replace(&target, "{}").unwrap_err();
        assert!(error.to_string().contains("can't be replaced"), "{error}");
        assert_eq!(names(directory.path()), ["config.json"]);
        drop(Unfinished::beside(&directory.path().join("other.json")).unwrap());
        assert_eq!(names(directory.path()), ["config.json"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_replaced_file_keeps_its_mode_and_a_new_one_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let target = directory.path().join("config.json");
        replace(&target, "1").unwrap();
        assert_eq!(mode(&target), 0o600);
        for before in [0o640, 0o604, 0o400] {
            fs::set_permissions(&target, fs::Permissions::from_mode(before)).unwrap();
            replace(&target, "2").unwrap();
            assert_eq!(mode(&target), before);
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "2");
        assert_eq!(names(directory.path()), ["config.json"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_to_the_file_and_a_loop_is_an_error() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        symlink("two", at("one")).unwrap();
        symlink("three", at("two")).unwrap();
        assert_eq!(behind_links(&at("one")).unwrap(), at("three"));
        symlink("loop", at("loop")).unwrap();
        assert!(behind_links(&at("loop")).is_err());
    }
}
