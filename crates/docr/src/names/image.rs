//! The names of what is in a registry: repositories, tags, digests, and references to images.

use std::{fmt, str::FromStr};

use super::{
    checked::{checked_text, first_wrong},
    registry::RegistryName,
};
use crate::error::InvalidInput;

/// The host of all registries.
pub(crate) const HOST: &str = "registry.digitalocean.com";

checked_text! {
    /// The name of a repository within its registry, such as `shop/api`: parts of lower-case letters and
    /// digits, which a `.`, `_`, `__` or any number of `-` may divide, joined by slashes.
    ///
    /// ```
    /// let name: docr::RepositoryName = "shop/api-v2".parse()?;
    /// assert!(docr::RepositoryName::new("shop//api").is_err());
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    RepositoryName
}

impl RepositoryName {
    /// What the longest reference leaves after the host and the shortest registry.
    const MAX: usize = ImageRef::MAX_NAME - HOST.len() - "/r/".len();

    fn check(text: &str) -> Result<(), InvalidInput> {
        let invalid =
            |position, rule| Err(InvalidInput::at("repository name", text, position, rule));
        let length = text.chars().count();
        if length > Self::MAX {
            let rule = format!("has {length} characters, and {} are allowed", Self::MAX);
            return invalid(Self::MAX + 1, rule);
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let allowed = first_wrong(text, |_, c| {
            is_plain(c) || matches!(c, '.' | '_' | '-' | '/')
        });
        if let Some((position, character)) = allowed {
            let rule = format!(
                "{character:?} at position {position} can't stand in a name; \
                 allowed are lower-case letters, digits and the dividers . _ - and /"
            );
            return invalid(position, rule);
        }
        // Between two plain characters, and only there, stands one divider.
        let mut position = 1;
        for run in text.split_inclusive(is_plain) {
            let divider = run.trim_end_matches(is_plain);
            let is_first = position == 1;
            let is_divider =
                matches!(divider, "." | "_" | "__" | "/") || divider.bytes().all(|b| b == b'-');
            if !divider.is_empty() && (is_first || !is_divider || divider == run) {
                let what = if is_first || divider == run {
                    "begins or ends a part"
                } else {
                    "is no divider"
                };
                let rule = format!(
                    "{divider:?} at position {position} {what}; parts are letters and digits, \
                     divided by one of . _ __ / or by hyphens"
                );
                return invalid(position, rule);
            }
            position += run.chars().count();
        }
        if text.is_empty() {
            return invalid(1, "at position 1 a letter or digit is missing".into());
        }
        Ok(())
    }
}

checked_text! {
    /// A tag: 1 to 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`.
    ///
    /// ```
    /// let tag: docr::Tag = "v1.4.2".parse()?;
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    Tag
}

impl Tag {
    const MAX: usize = 128;

    fn check(text: &str) -> Result<(), InvalidInput> {
        let invalid = |position, rule| Err(InvalidInput::at("tag", text, position, rule));
        let wrong = first_wrong(text, |index, c| {
            index < Self::MAX
                && (c.is_ascii_alphanumeric() || c == '_' || (index > 0 && matches!(c, '.' | '-')))
        });
        match wrong {
            Some((position, _)) if position > Self::MAX => {
                let length = text.chars().count();
                invalid(
                    position,
                    format!("has {length} characters, and {} are allowed", Self::MAX),
                )
            }
            Some((1, character)) => invalid(
                1,
                format!("{character:?} at position 1 begins the tag; a letter, digit or _ may"),
            ),
            Some((position, character)) => invalid(
                position,
                format!(
                    "{character:?} at position {position} can't stand in a tag; \
                     allowed are letters, digits, _ . and -"
                ),
            ),
            None if text.is_empty() => {
                invalid(1, "at position 1 a letter, digit or _ is missing".into())
            }
            None => Ok(()),
        }
    }
}

checked_text! {
    /// The digest of a manifest or blob: `sha256:` and 64 lower-case hexadecimal digits.
    ///
    /// ```
    /// let hex = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    /// let digest = docr::Digest::new(format!("sha256:{hex}"))?;
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

/// A reference to an image: `registry.digitalocean.com/acme-images/shop/api:v1@sha256:...`. The host may be
/// missing, and so may tag and digest.
///
/// ```
/// let image: docr::ImageRef = "registry.digitalocean.com/acme-images/shop/api:v1.4.2".parse()?;
/// assert_eq!(image.registry, "acme-images");
/// assert_eq!(image.repository, "shop/api");
/// assert_eq!(image.tag.unwrap(), "v1.4.2");
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    clippy::exhaustive_structs,
    reason = "a reference has these four parts"
)]
pub struct ImageRef {
    /// The registry.
    pub registry: RegistryName,
    /// The repository within it.
    pub repository: RepositoryName,
    /// The tag, if one is named.
    pub tag: Option<Tag>,
    /// The digest, if one is named. It decides where both are.
    pub digest: Option<Digest>,
}

impl ImageRef {
    /// The longest name, host included, that registries and clients agree on.
    const MAX_NAME: usize = 255;
}

impl FromStr for ImageRef {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = |rule: &str| Err(InvalidInput::new("image reference", text, rule));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let rest = match rest.split_once('/') {
            Some((HOST, rest)) => rest,
            // A first part with a dot or port is a host, as Docker has it.
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
                return invalid("names another host than registry.digitalocean.com");
            }
            _ => rest,
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse()?)),
            None => (rest, None),
        };
        let Some((registry, repository)) = path.split_once('/') else {
            return invalid("has no slash; a reference is REGISTRY/REPOSITORY[:TAG][@DIGEST]");
        };
        if HOST.len() + "/".len() + path.len() > Self::MAX_NAME {
            return invalid("is too long: host, registry and repository may have 255 characters");
        }
        Ok(Self {
            registry: registry.parse()?,
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

/// With the host, as Docker wants it.
impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", HOST, self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<&str> for ImageRef {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        text.parse()
    }
}

#[cfg(feature = "schemars")]
mod schemas {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{Digest, RepositoryName, Tag};

    impl JsonSchema for RepositoryName {
        fn schema_name() -> Cow<'static, str> {
            "RepositoryName".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "description": "The name of a repository within its registry.",
                "minLength": 1,
                "maxLength": Self::MAX,
                "pattern": r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$",
            })
        }
    }

    impl JsonSchema for Tag {
        fn schema_name() -> Cow<'static, str> {
            "Tag".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "description": "The name of a tag.",
                "minLength": 1,
                "maxLength": Self::MAX,
                "pattern": "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$",
            })
        }
    }

    impl JsonSchema for Digest {
        fn schema_name() -> Cow<'static, str> {
            "Digest".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "description": "The digest of a manifest or blob.",
                "pattern": "^sha256:[0-9a-f]{64}$",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    #[test]
    fn a_repository_name_is_parts_with_single_dividers() {
        for name in [
            "a",
            "a1/b2",
            "a.b",
            "a_b",
            "a__b",
            "a---b",
            "shop/api.v2/x-y",
        ] {
            assert!(RepositoryName::new(name).is_ok(), "{name}");
        }
        let wrong = [
            ("", 1),
            ("/a", 1),
            ("-a", 1),
            ("a/", 2),
            ("a-", 2),
            ("a//b", 2),
            ("a..b", 2),
            ("a___b", 2),
            ("a.-b", 2),
            ("a/-b", 2),
            ("a-/b", 2),
            ("A", 1),
            ("shop/API", 6),
            ("a b", 2),
            ("..", 1),
            ("a/../b", 2),
            ("a\\b", 2),
            ("aé", 2),
        ];
        for (name, position) in wrong {
            let error = RepositoryName::new(name).unwrap_err();
            assert_eq!(error.position(), Some(position), "{error}");
        }
        assert!(RepositoryName::new("a".repeat(227)).is_ok());
        assert_eq!(
            RepositoryName::new("a".repeat(228)).unwrap_err().position(),
            Some(228)
        );
    }

    #[test]
    fn a_tag_begins_with_a_letter_digit_or_underscore() {
        for tag in ["a", "_", "0", "v1.2-rc_3", &"x".repeat(128)] {
            assert!(Tag::new(tag).is_ok(), "{tag}");
        }
        for (tag, position) in [
            ("", 1),
            (".a", 1),
            ("-a", 1),
            ("a/b", 2),
            ("a:b", 2),
            ("..", 1),
        ] {
            assert_eq!(
                Tag::new(tag).unwrap_err().position(),
                Some(position),
                "{tag}"
            );
        }
        assert_eq!(Tag::new("x".repeat(129)).unwrap_err().position(), Some(129));
    }

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

    #[test]
    fn a_reference_is_read_with_and_without_its_optional_parts_and_written_in_full() {
        let digest = format!("sha256:{HEX}");
        for (text, written) in [
            ("acme/api".to_owned(), "acme/api".to_owned()),
            ("acme/shop/api:v1".into(), "acme/shop/api:v1".into()),
            (
                format!("registry.digitalocean.com/acme/api@{digest}"),
                format!("acme/api@{digest}"),
            ),
            (
                format!("acme/api:v1@{digest}"),
                format!("acme/api:v1@{digest}"),
            ),
        ] {
            let image: ImageRef = text.parse().unwrap();
            let full = format!("registry.digitalocean.com/{written}");
            assert_eq!(image.to_string(), full);
            assert_eq!(full.parse::<ImageRef>().unwrap(), image);
        }
    }

    #[test]
    fn a_reference_that_cannot_be_says_which_part_is_wrong() {
        for (text, part) in [
            ("", "no slash"),
            ("acme", "no slash"),
            ("ghcr.io/acme/api", "another host"),
            ("localhost:5000/acme/api", "another host"),
            ("acme/api:", "tag \"\""),
            ("acme/api@sha256:1", "digest"),
            ("Acme/api", "registry name"),
            ("acme/Api", "repository name"),
            ("acme/", "repository name \"\""),
            (&format!("acme/{}", "a".repeat(225)), "too long"),
        ] {
            let error = text.parse::<ImageRef>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
