//! Names, checked before a request is built from them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::InvalidInput;

/// Defines a text newtype whose one way in is its `check`.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`], which names the rule that the text breaks, and where.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidInput> {
                let text = text.into();
                Self::check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl FromStr for $name {
            type Err = InvalidInput;

            fn from_str(text: &str) -> Result<Self, InvalidInput> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidInput;

            fn try_from(text: &str) -> Result<Self, InvalidInput> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidInput;

            fn try_from(text: String) -> Result<Self, InvalidInput> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

checked_text! {
    /// The name of a registry: 1 to 63 lower-case letters, digits and hyphens. Names are unique across
    /// all accounts of the service.
    ///
    /// A *new* registry's name also begins with a letter and ends with a letter or digit; calls that
    /// create one check that too.
    ///
    /// ```
    /// use docr::RegistryName;
    ///
    /// let name: RegistryName = "acme-images".parse()?;
    /// assert_eq!(name, "acme-images");
    ///
    /// let error = RegistryName::new("acmeImages").unwrap_err();
    /// assert_eq!(error.position(), Some(5));
    /// assert_eq!(
    ///     error.to_string(),
    ///     "registry name \"acmeImages\": 'I' at position 5 is an upper-case letter; \
    ///      allowed are lower-case letters, digits and hyphens"
    /// );
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    RegistryName
}

impl RegistryName {
    const FIELD: &str = "registry name";
    const MAX: usize = 63;

    fn check(text: &str) -> Result<(), InvalidInput> {
        let invalid = |position, rule| Err(InvalidInput::at(Self::FIELD, text, position, rule));
        if text.is_empty() {
            return invalid(
                1,
                "at position 1 a letter is missing; a name has 1 to 63 characters".into(),
            );
        }
        for (index, character) in text.chars().enumerate() {
            let position = index + 1;
            if position > Self::MAX {
                let length = text.chars().count();
                return invalid(
                    position,
                    format!(
                        "{character:?} at position {position} is one too many; \
                         the name has {length} characters and 63 are allowed"
                    ),
                );
            }
            let what = match character {
                'a'..='z' | '0'..='9' | '-' => continue,
                c if c.is_uppercase() => "is an upper-case letter",
                c if c.is_whitespace() => "is white space",
                _ => "can't stand in a name",
            };
            return invalid(
                position,
                format!(
                    "{character:?} at position {position} {what}; \
                     allowed are lower-case letters, digits and hyphens"
                ),
            );
        }
        Ok(())
    }

    /// Checks the rules for the name of a new registry; older registries need not keep them.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`], if the name doesn't begin with a letter or ends with a hyphen.
    pub fn check_new(&self) -> Result<(), InvalidInput> {
        let invalid = |position, rule| Err(InvalidInput::at(Self::FIELD, &self.0, position, rule));
        match (self.0.bytes().next(), self.0.bytes().last()) {
            (Some(first), _) if !first.is_ascii_lowercase() => {
                let what = if first == b'-' { "a hyphen" } else { "a digit" };
                invalid(
                    1,
                    format!(
                        "{:?} at position 1 is {what}; a new registry's name begins with a letter",
                        char::from(first)
                    ),
                )
            }
            (_, Some(b'-')) => {
                let position = self.0.len();
                invalid(
                    position,
                    format!(
                        "'-' at position {position} is the last character; \
                         a new registry's name ends with a letter or digit"
                    ),
                )
            }
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for RegistryName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RegistryName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a registry, unique across all accounts.",
            "maxLength": Self::MAX,
            "pattern": "^[a-z0-9-]{1,63}$",
        })
    }
}

checked_text! {
    /// The id of a certificate, a UUID. The id of a Let's Encrypt certificate changes with each renewal.
    ///
    /// ```
    /// let id = docr::CertificateId::new("3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a954")?;
    /// assert!(docr::CertificateId::new("../registry").is_err());
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    CertificateId
}

impl CertificateId {
    fn check(text: &str) -> Result<(), InvalidInput> {
        const LENGTH: usize = 36;
        let fits = |index: usize, character: char| match index {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit() && index < LENGTH,
        };
        let wrong = text.chars().enumerate().find(|(i, c)| !fits(*i, *c));
        let length = text.chars().count();
        let (position, what) = match wrong {
            Some((index, character)) => (
                index + 1,
                format!("{character:?} at position {}", index + 1),
            ),
            None if length < LENGTH => (length + 1, format!("nothing at position {}", length + 1)),
            None => return Ok(()),
        };
        let rule =
            format!("{what}; an id is a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12");
        Err(InvalidInput::at("certificate id", text, position, rule))
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for CertificateId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CertificateId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The certificate's id, a UUID.",
            "format": "uuid",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(name: &str) -> String {
        RegistryName::new(name)
            .and_then(|name| name.check_new())
            .map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[test]
    fn a_bad_name_is_refused_with_rule_and_position() {
        let long = "a".repeat(64);
        let told: Vec<_> = [
            "",
            "Acme",
            "acme images",
            "acme_images",
            "1acme",
            "-acme",
            "acme-",
            "acmé",
            "../acme",
            &long,
        ]
        .map(complaint)
        .into();
        for complaint in &told {
            assert!(complaint.contains("at position"), "{complaint}");
        }
        let distinct: std::collections::BTreeSet<_> =
            told.iter().map(|c| c.split("\": ").last()).collect();
        assert_eq!(distinct.len(), told.len());
    }

    #[test]
    fn the_longest_and_the_shortest_name_are_fine() {
        assert_eq!(complaint("a"), "fine");
        assert_eq!(complaint(&"a".repeat(63)), "fine");
        assert_eq!(complaint("a-1"), "fine");
    }

    #[test]
    fn an_old_name_may_break_the_rules_for_new_ones() {
        assert!(RegistryName::new("1-").is_ok());
    }

    #[test]
    fn a_name_in_a_configuration_file_is_checked() {
        assert!(serde_json::from_str::<RegistryName>("\"acme\"").is_ok());
        let error = serde_json::from_str::<RegistryName>("\"Acme\"").unwrap_err();
        assert!(error.to_string().contains("at position 1"), "{error}");
    }

    #[test]
    fn an_id_that_could_leave_its_path_segment_is_refused() {
        for id in [
            "",
            "..",
            "a/b",
            "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a95",
            "3f6d0b1e-52c4-4c8a-9a77-0d1f6be2a9544",
        ] {
            let error = CertificateId::new(id).unwrap_err();
            assert!(error.position().is_some(), "{error}");
        }
    }
}
