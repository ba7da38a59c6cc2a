//! A token from a file that another program keeps fresh.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use docr_api::{AccessToken, Secret, TokenFuture, TokenProvider};

/// The token in a file. The file is read again whenever it has changed, as when a secrets agent or a mounted Kubernetes
/// secret replaces it, and when the service rejects the token. White space around the token is ignored.
///
/// ```
/// use docr::{Client, TokenFile};
///
/// let file = TokenFile::new("/run/secrets/digitalocean");
/// println!("token from {}", file.path().display());
/// let docr = Client::builder().token_provider(file).build()?;
/// # Ok::<(), docr::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Secret)>>,
}

/// What changes with a file's content. When a file is replaced, its inode changes, too.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    #[cfg(unix)]
    place: (u64, u64),
}

impl TokenFile {
    /// The token in this file, which may be created later.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            path: path.into(),
            read: Mutex::default(),
        }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn read(&self, anew: bool) -> TokenFuture<'_> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let token = tokio::task::spawn_blocking(move || inner.token(anew)).await??;
            Ok(AccessToken::new(token))
        })
    }
}

impl TokenProvider for TokenFile {
    fn token(&self) -> TokenFuture<'_> {
        self.read(false)
    }

    fn fresh_token<'a>(&'a self, _: &'a Secret) -> TokenFuture<'a> {
        self.read(true)
    }
}

impl Inner {
    fn token(&self, anew: bool) -> io::Result<Secret> {
        let named = |error: io::Error| {
            let path = self.path.display();
            io::Error::new(error.kind(), format!("the token file {path}: {error}"))
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the content, so that a write in between is noticed next time.
        let stamp = Stamp::of(&fs::metadata(&self.path).map_err(named)?);
        match &*read {
            Some((before, token)) if *before == stamp && !anew => return Ok(token.clone()),
            _ => {}
        }
        let text = Secret::from(fs::read_to_string(&self.path).map_err(named)?);
        let token = text.expose().trim();
        if token.is_empty() {
            return Err(named(io::Error::other("it is empty")));
        }
        let token = Secret::from(token);
        *read = Some((stamp, token.clone()));
        Ok(token)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            place: (metadata.dev(), metadata.ino()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(file: &TokenFile) -> String {
        let token = file.0.token(false);
        token.map_or_else(|error| error.to_string(), |token| token.expose().to_owned())
    }

    #[test]
    fn a_token_file_is_read_again_after_a_change_or_a_refusal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let file = TokenFile::new(&path);
        assert!(
            token(&file).contains("token: No such file"),
            "{}",
            token(&file)
        );
        fs::write(&path, " first\n").unwrap();
        assert_eq!(token(&file), "first");
        fs::write(&path, "the second\n").unwrap();
        assert_eq!(token(&file), "the second");
        let other = directory.path().join("other");
        fs::write(&other, "the third.\n").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options()
            .write(true)
            .open(&other)
            .unwrap()
            .set_modified(time)
            .unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(token(&file), "the third.");
        // Written within the resolution of its time.
        fs::write(&path, "the fourth\n").unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert_eq!(file.0.token(true).unwrap().expose(), "the fourth");
        fs::write(&path, " \n").unwrap();
        assert!(
            token(&file).ends_with("token: it is empty"),
            "{}",
            token(&file)
        );
    }
}
