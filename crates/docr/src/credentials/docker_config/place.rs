//! Where a file is, and putting another one in its place.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The file that a path leads to, over links, also where it is not there yet.
pub(super) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    // As many as Linux follows.
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

/// Holds the directory of a file against other programs of this crate, until it is dropped. Makes it, if need be.
pub(super) fn lock(file: &Path) -> io::Result<File> {
    let directory = directory(file);
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)?;
    #[cfg(unix)]
    let lock = File::open(directory)?;
    #[cfg(not(unix))]
    let lock = File::create(directory.join(".docr.lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Writes a file beside its place, and then moves it there. A new one is for its owner alone; one that was there keeps
/// owner and mode.
pub(super) fn replace(target: &Path, text: &str) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", fastrand::u64(..)));
    let unfinished = target.with_file_name(name);
    let written = write_new(&unfinished, target, text).and_then(|()| {
        fs::rename(&unfinished, target).map_err(|error| {
            let why =
                format!("it can't be replaced as a whole, such as one that is mounted: {error}");
            io::Error::new(error.kind(), why)
        })
    });
    if written.is_err() {
        // Nothing is known of it by now but its name.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_new(path: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    if let Ok(before) = fs::metadata(target) {
        keep_owner(&file, &before)?;
    }
    #[cfg(not(unix))]
    let _ = target;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
            let why = format!("it belongs to another user, and would not any more: {error}");
            return Err(io::Error::new(error.kind(), why));
        }
        // Of the group that it belongs to now, nobody was meant.
        mode &= !0o070;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}
