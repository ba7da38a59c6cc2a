//! The name of a registry, checked before a request is built from it.

use super::checked::checked_text;
use crate::error::InvalidInput;

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
    /// assert_eq!(name.as_str().len(), 11);
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
                "a letter is missing at position 1; a name has 1 to 63 characters".into(),
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
                         the name has {length} characters, at most 63 are allowed"
                    ),
                );
            }
            let what = match character {
                'a'..='z' | '0'..='9' | '-' => continue,
                c if c.is_uppercase() => "is an upper-case letter",
                c if c.is_whitespace() => "is white space",
                _ => "is not allowed in a registry name",
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

    /// Checks the rules for the name of a new registry; names of older registries may break them.
    ///
    /// ```
    /// use docr::RegistryName;
    ///
    /// let name = RegistryName::new("2020-images")?; // an older registry may have this name
    /// assert_eq!(name.check_new().unwrap_err().position(), Some(1));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
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

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(name: &str) -> String {
        RegistryName::new(name)
            .and_then(|name| name.check_new())
            .map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[test]
    fn an_invalid_name_is_refused_with_the_rule_and_the_position() {
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
        assert!(complaint("1acme").contains("'1' at position 1 is a digit"));
        assert!(complaint("-acme").contains("'-' at position 1 is a hyphen"));
        let distinct: std::collections::BTreeSet<_> =
            told.iter().map(|c| c.split("\": ").last()).collect();
        assert_eq!(distinct.len(), told.len());
    }

    #[test]
    fn an_error_about_a_character_says_what_is_wrong_with_it() {
        for (name, what) in [
            ("acmE", "'E' at position 4 is an upper-case letter"),
            ("acme images", "' ' at position 5 is white space"),
            (
                "acme_images",
                "'_' at position 5 is not allowed in a registry name",
            ),
        ] {
            let complaint = complaint(name);
            assert!(complaint.contains(what), "{complaint}");
        }
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
}
