//! The error for input that is rejected before a request is sent.

use crate::text::for_terminal;

/// A rule may quote the value, to suggest what was probably meant.
const LONGEST_RULE: usize = 1_000;

/// A value that breaks a rule of the service. No request was sent.
///
/// The message names the field, the value and the rule: `registry name "Acme": 'A' at position 1 is an
/// upper-case letter; allowed are lower-case letters, digits and hyphens`.
///
/// ```
/// let error = docr::RegistryName::new("Acme").unwrap_err();
/// assert_eq!((error.field(), error.value()), ("registry name", "Acme"));
/// assert!(error.rule().starts_with("'A' at position 1 is an upper-case letter"));
/// assert_eq!(error.position(), Some(1)); // to underline it in a form
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {}: {}", shown(value), for_terminal(rule, LONGEST_RULE))]
pub struct InvalidInput {
    field: &'static str,
    value: String,
    rule: String,
    position: Option<usize>,
}

impl InvalidInput {
    pub(crate) fn new(
        field: &'static str,
        value: impl Into<String>,
        rule: impl Into<String>,
    ) -> Self {
        Self {
            field,
            value: value.into(),
            rule: rule.into(),
            position: None,
        }
    }

    pub(crate) fn at(field: &'static str, value: &str, position: usize, rule: String) -> Self {
        Self {
            position: Some(position),
            ..Self::new(field, value, rule)
        }
    }

    /// What the value is for, such as `registry name`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that it breaks, and where.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The position of the first wrong character, in characters from 1; `None` if the rule is about the whole value.
    pub fn position(&self) -> Option<usize> {
        self.position
    }
}

/// The value in quotes, with control characters escaped, truncated if it is long.
fn shown(value: &str) -> String {
    const LONGEST: usize = 100;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &value[..end]),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_and_control_characters_are_escaped() {
        let error = InvalidInput::new("name", "\u{1b}[2J".repeat(100), "no");
        let message = error.to_string();
        assert!(message.len() < 600, "{message}");
        assert!(!message.contains('\u{1b}'), "{message}");
        let error = InvalidInput::new("name", "x", "write x".repeat(1_000));
        let message = error.to_string();
        assert!(
            message.len() < 1_100 && message.ends_with("..."),
            "{message}"
        );
    }

    #[test]
    fn a_program_can_read_field_value_rule_and_position() {
        let error = InvalidInput::at("name", "ab", 2, "'b' at position 2 is wrong".into());
        let parts = (error.field(), error.value(), error.rule(), error.position());
        assert_eq!(parts, ("name", "ab", "'b' at position 2 is wrong", Some(2)));
        assert_eq!(InvalidInput::new("name", "ab", "is wrong").position(), None);
    }
}
