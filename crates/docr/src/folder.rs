//! Folders of a user that are nobody else's.

#[cfg(any(feature = "credential-files", feature = "file-budget"))]
use std::{env, path::PathBuf};
use std::{fs, io, path::Path};

/// Makes a folder for its owner alone, unless it is there.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Makes a folder for its owner alone, and refuses one in which others could read or put something.
#[cfg(any(feature = "credential-files", feature = "file-budget"))]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    make(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o077 != 0 {
            let why = format!(
                "{} is open to others; run chmod 700 on it",
                folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Ok(())
}

/// Where the platform keeps what can be made anew; `None` without a home directory.
#[cfg(any(feature = "credential-files", feature = "file-budget"))]
pub(crate) fn caches() -> Option<PathBuf> {
    if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Caches"))
    } else {
        variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))
    }
}

/// Where the platform keeps what ends with the user's session, if there is such a place.
#[cfg(feature = "file-budget")]
pub(crate) fn runtime() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR")
}

#[cfg(any(feature = "credential-files", feature = "file-budget"))]
fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
