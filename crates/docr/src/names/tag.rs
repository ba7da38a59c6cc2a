//! Tags.

use super::checked::{checked_text, first_wrong};
use crate::error::InvalidInput;

checked_text! {
    /// A tag: 1 to 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`.
    ///
    /// ```
    /// use docr::Tag;
    ///
    /// let tag = Tag::new("v1.4.2")?;
    /// assert_eq!(tag.as_str().trim_start_matches('v'), "1.4.2");
    /// assert_eq!(Tag::new("feature/login").unwrap_err().position(), Some(8));
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
                    format!("has {length} characters; at most {} are allowed", Self::MAX),
                )
            }
            Some((1, character)) => invalid(
                1,
                format!("{character:?} at position 1; a tag begins with a letter, digit or _"),
            ),
            Some((position, character)) => invalid(
                position,
                format!(
                    "{character:?} at position {position} is not allowed in a tag; \
                     allowed are letters, digits, _ . and -"
                ),
            ),
            None if text.is_empty() => {
                invalid(1, "a letter, digit or _ is missing at position 1".into())
            }
            None => Ok(()),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Tag {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tag".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The name of a tag.",
            "minLength": 1,
            "maxLength": Self::MAX,
            "pattern": "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_begins_with_a_letter_digit_or_underscore() {
        for tag in ["a", "_", "0", "v1.2-rc_3", &"x".repeat(128)] {
            assert!(Tag::new(tag).is_ok(), "{tag}");
        }
        let wrong_end = format!("{}!", "x".repeat(127));
        let error = Tag::new(&wrong_end).unwrap_err().to_string();
        assert!(error.contains("at position 128 is not allowed"), "{error}");
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
    fn an_error_about_a_tag_says_what_is_wrong_with_it() {
        let long = "x".repeat(129);
        for (tag, what) in [
            (".a", "'.' at position 1; a tag begins with"),
            ("a/b", "'/' at position 2"),
            (long.as_str(), "129 characters"),
        ] {
            let error = Tag::new(tag).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
