//! Names of repositories.

use super::HOST;
use super::checked::{checked_text, first_wrong};
use crate::error::InvalidInput;

checked_text! {
    /// The name of a repository within its registry, such as `shop/api`: components of lower-case letters and
    /// digits, optionally separated by `.`, `_`, `__` or any number of `-`, joined by slashes.
    ///
    /// ```
    /// use docr::RepositoryName;
    ///
    /// let name = RepositoryName::new("shop/api-v2")?;
    /// assert!(name.as_str().starts_with("shop/"));
    /// assert_eq!(RepositoryName::new("shop//api").unwrap_err().position(), Some(5));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    RepositoryName
}

impl RepositoryName {
    /// The length that the host and the shortest registry name leave of the longest reference.
    const MAX: usize = super::MAX_NAME - HOST.len() - "/r/".len();

    fn check(text: &str) -> Result<(), InvalidInput> {
        let invalid =
            |position, rule| Err(InvalidInput::at("repository name", text, position, rule));
        let length = text.chars().count();
        if length > Self::MAX {
            let rule = format!("has {length} characters; at most {} are allowed", Self::MAX);
            return invalid(Self::MAX + 1, rule);
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let allowed = first_wrong(text, |_, c| {
            is_plain(c) || matches!(c, '.' | '_' | '-' | '/')
        });
        if let Some((position, character)) = allowed {
            let rule = format!(
                "{character:?} at position {position} is not allowed in a repository name; \
                 allowed are lower-case letters, digits and the separators . _ - and /"
            );
            return invalid(position, rule);
        }
        // A separator is allowed between two plain characters only.
        let mut position = 1;
        for run in text.split_inclusive(is_plain) {
            let separator = run.trim_end_matches(is_plain);
            let is_first = position == 1;
            let is_separator =
                matches!(separator, "." | "_" | "__" | "/") || separator.bytes().all(|b| b == b'-');
            if !separator.is_empty() && (is_first || !is_separator || separator == run) {
                let what = if is_first || separator == run {
                    "is at the beginning or end"
                } else {
                    "is not a separator"
                };
                let rule = format!(
                    "{separator:?} at position {position} {what}; letters and digits are \
                     separated by one of . _ __ / or by hyphens"
                );
                return invalid(position, rule);
            }
            position += run.chars().count();
        }
        if text.is_empty() {
            return invalid(1, "a letter or digit is missing at position 1".into());
        }
        Ok(())
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for RepositoryName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RepositoryName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a repository within its registry.",
            "minLength": 1,
            "maxLength": Self::MAX,
            "pattern": r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_error_about_a_separator_says_what_is_wrong_with_it() {
        for (name, what) in [
            ("-a", "is at the beginning or end"),
            ("a-", "is at the beginning or end"),
            ("a..b", "is not a separator"),
        ] {
            let error = RepositoryName::new(name).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
