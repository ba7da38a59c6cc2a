//! Digests: `sha256:` or `sha512:` and lower-case hex digits.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256, SHA512};

/// The algorithm of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// The algorithm with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The algorithm of a digest; `None` if it is malformed or of another algorithm.
    pub(crate) fn of(digest: &str) -> Option<Self> {
        let (name, hex) = digest.split_once(':')?;
        let algorithm = Self::named(name)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == algorithm.hex_digits() && hex.bytes().all(is_hex)).then_some(algorithm)
    }

    /// The digest of content in memory.
    pub(crate) fn digest(self, content: &[u8]) -> String {
        let mut hasher = Hasher::new(self);
        hasher.update(content);
        hasher.finish()
    }

    fn hex_digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// Hashes content in chunks.
#[derive(Clone)]
pub(super) struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Self { algorithm, context }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        let mut text = format!("{}:", self.algorithm.name());
        for byte in self.context.finish().as_ref() {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha_256_and_sha_512() {
        assert_eq!(
            Algorithm::Sha256.digest(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let long = Algorithm::Sha512.digest(b"");
        assert!(long.starts_with("sha512:cf83e1357eefb8bdf1542850d66d8007"));
        assert_eq!(Algorithm::of(&long), Some(Algorithm::Sha512));
    }

    #[test]
    fn a_malformed_digest_has_no_algorithm() {
        let hex = "0".repeat(64);
        assert_eq!(
            Algorithm::of(&format!("sha256:{hex}")),
            Some(Algorithm::Sha256)
        );
        for bad in [
            "",
            "sha256:",
            &hex,
            &format!("sha512:{hex}"),
            &format!("md5:{hex}"),
            &format!("sha256:{}", "A".repeat(64)),
            &format!("sha256:{hex}0"),
            &format!("sha256:{}/", "0".repeat(63)),
        ] {
            assert_eq!(Algorithm::of(bad), None, "{bad}");
        }
    }
}
