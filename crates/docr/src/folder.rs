//! Directories that only their owner can access.

#[cfg(any(feature = "credential-files", feature = "file-budget"))]
use std::{env, path::PathBuf};
use std::{fs, io, path::Path};

/// Creates a directory for its owner alone, unless it exists.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Creates a directory for its owner alone, and rejects one that others can read or write.
#[cfg(any(feature = "credential-files", feature = "file-budget"))]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    make(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o077 != 0 {
            let why = format!(
                "other users have access to {}; run chmod 700 on it",
                folder.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    Ok(())
}

/// The platform's directory for caches; `None` without a home directory.
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

/// The platform's directory for files of the user's session, if it has one.
#[cfg(feature = "file-budget")]
pub(crate) fn runtime() -> Option<PathBuf> {
    variable("XDG_RUNTIME_DIR")
}

#[cfg(any(feature = "credential-files", feature = "file-budget"))]
fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
