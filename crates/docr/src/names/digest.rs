//! Digests.

use super::checked::{checked_text, first_wrong};
use crate::error::InvalidInput;

checked_text! {
    /// The digest of a manifest or blob: `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// ```
    /// use docr::Digest;
    ///
    /// let hex = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    /// let digest = Digest::new(format!("sha256:{hex}"))?;
    /// assert!(digest.as_str().ends_with(hex));
    /// assert_eq!(Digest::new("sha256:2D71").unwrap_err().position(), Some(9));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    Digest
}

impl Digest {
    fn check(text: &str) -> Result<(), InvalidInput> {
        const PREFIX: &str = "sha256:";
        const LENGTH: usize = PREFIX.len() + 64;
        let rule = |what: String, position: usize| {
            let rule = format!(
                "{what} at position {position}; a digest is sha256: and 64 lower-case hexadecimal digits"
            );
            Err(InvalidInput::at("digest", text, position, rule))
        };
        let wrong = first_wrong(text, |index, c| match PREFIX.as_bytes().get(index) {
            Some(expected) => c == char::from(*expected),
            None => index < LENGTH && (c.is_ascii_digit() || ('a'..='f').contains(&c)),
        });
        let length = text.chars().count();
        match wrong {
            Some((position, character)) => rule(format!("{character:?}"), position),
            None if length < LENGTH => rule("nothing".into(), length + 1),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The digest of a manifest or blob.",
            "pattern": "^sha256:[0-9a-f]{64}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    #[test]
    fn a_digest_is_sha256_in_lower_case_hex() {
        assert!(Digest::new(format!("sha256:{HEX}")).is_ok());
        let wrong = [
            (String::new(), 1),
            (HEX.into(), 1),
            (format!("sha512:{HEX}"), 4),
            (format!("sha256:{}", &HEX[1..]), 71),
            (format!("sha256:{HEX}0"), 72),
            (format!("sha256:{}", HEX.to_uppercase()), 9),
        ];
        for (digest, position) in wrong {
            assert_eq!(
                Digest::new(&digest).unwrap_err().position(),
                Some(position),
                "{digest}"
            );
        }
    }
}
