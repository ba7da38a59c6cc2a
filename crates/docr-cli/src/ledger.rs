//! The credentials that docr has minted and stored elsewhere, by hash: a later login may revoke these.

use std::{fs, io, path::PathBuf};

use docr::Secret;
use sha2::{Digest as _, Sha256};

use crate::account::credential_directory;

/// A directory with an empty file for each credential.
pub(crate) struct Ledger(PathBuf);

impl Ledger {
    /// `None` without a home directory.
    pub(crate) fn open() -> Option<Self> {
        let credentials = credential_directory()?;
        Some(Self(credentials.with_file_name("minted")))
    }

    pub(crate) fn note(&self, password: &Secret) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        fs::write(self.place(password), "")
    }

    pub(crate) fn knows(&self, password: &Secret) -> bool {
        self.place(password).exists()
    }

    pub(crate) fn forget(&self, password: &Secret) {
        // A leftover entry does no harm.
        let _ = fs::remove_file(self.place(password));
    }

    fn place(&self, password: &Secret) -> PathBuf {
        self.0.join(hex(&Sha256::digest(password.expose())))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
