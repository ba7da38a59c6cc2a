//! What to keep: rules, in code or in TOML.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::InvalidInput;

/// What to keep in the repositories of a registry. For each repository the first rule counts whose patterns match
/// its name; a repository that no rule is for is left alone.
///
/// ```
/// use docr::retention::RetentionPolicy;
///
/// let policy = RetentionPolicy::from_toml(
///     r#"
///     [[rule]]
///     repositories = ["shop/*", "tools/builder"]
///     keep_newest = 10             # of the tags that may go
///     older_than = "30d"           # and only what is older than this
///     delete_tags = ["pr-*"]       # all tags, if it is left out
///     protect_tags = ["v*"]        # beside latest
///     delete_untagged = true       # also manifests without a tag
///     "#,
/// )?;
/// assert_eq!(policy.rules[0].keep_newest, Some(10));
/// # Ok::<(), docr::retention::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// The rules, in the order in which they are tried.
    #[serde(rename = "rule", default)]
    pub rules: Vec<RetentionRule>,
}

/// What to keep in the repositories whose name matches.
///
/// A tag is deleted if `delete_tags` names it, it is not among the `keep_newest` newest of those, and it is older than
/// `older_than`; never if it is protected. A rule with none of the three deletes no tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Patterns of repository names; all repositories, if it is left out.
    #[serde(default = "everything")]
    pub repositories: Vec<TagPattern>,
    /// How many of the tags that may go are kept: the ones pushed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<u32>,
    /// Deletes only what was pushed longer ago than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Age>,
    /// Patterns of tags that may go. If it is left out: all, if `keep_newest` or `older_than` is set, and otherwise
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_tags: Option<Vec<TagPattern>>,
    /// Patterns of tags that stay, beside `latest`, which always does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect_tags: Vec<TagPattern>,
    /// Whether manifests go, too, that no tag leads to, or none but tags that go. Mind the parts of multi-platform
    /// images, which have no tags: see [`RegistryInventory::resolve`](super::RegistryInventory::resolve).
    #[serde(default)]
    pub delete_untagged: bool,
}

fn everything() -> Vec<TagPattern> {
    vec![TagPattern::new("*")]
}

impl Default for RetentionRule {
    /// A rule for all repositories that deletes nothing.
    fn default() -> Self {
        Self {
            repositories: everything(),
            keep_newest: None,
            older_than: None,
            delete_tags: None,
            protect_tags: Vec::new(),
            delete_untagged: false,
        }
    }
}

impl RetentionRule {
    /// Whether the rule lets a tag go, protection, age and number aside.
    pub(super) fn may_delete(&self, tag: &str) -> bool {
        match &self.delete_tags {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches(tag)),
            None => self.keep_newest.is_some() || self.older_than.is_some(),
        }
    }

    /// The pattern that protects a tag.
    pub(super) fn protection(&self, tag: &str) -> Option<TagPattern> {
        let latest = TagPattern::new("latest");
        let mut patterns = [&latest].into_iter().chain(&self.protect_tags);
        patterns.find(|pattern| pattern.matches(tag)).cloned()
    }
}

impl RetentionPolicy {
    /// Reads a policy from TOML.
    ///
    /// # Errors
    ///
    /// When it is not TOML, has fields that no rule has, or an age or pattern that is none: with line and column.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        toml::from_str(text).map_err(|error| PolicyError(error.to_string()))
    }

    /// The rule for a repository.
    pub(super) fn rule(&self, repository: &str) -> Option<&RetentionRule> {
        let mut rules = self.rules.iter();
        rules.find(|rule| {
            let mut patterns = rule.repositories.iter();
            patterns.any(|pattern| pattern.matches(repository))
        })
    }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the retention policy can't be read: {0}")]
pub struct PolicyError(String);

/// A pattern for names: `*` stands for any text, `?` for one character.
///
/// ```
/// use docr::retention::TagPattern;
///
/// assert!(TagPattern::new("pr-*").matches("pr-1708"));
/// assert!(!TagPattern::new("v?").matches("v12"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TagPattern(String);

impl TagPattern {
    /// A pattern. Every text is one.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether a name fits, as a whole.
    pub fn matches(&self, name: &str) -> bool {
        wildmatch::WildMatch::new(&self.0).matches(name)
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An age: a whole number of seconds, minutes, hours, days or weeks, such as `30d`.
///
/// ```
/// use std::time::Duration;
/// use docr::retention::Age;
///
/// let age: Age = "30d".parse()?;
/// assert_eq!(age.as_duration(), Duration::from_secs(30 * 24 * 60 * 60));
/// assert_eq!(age.to_string(), "30d");
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Age(Duration);

/// The units from large to small, with their seconds.
const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3600),
    ('m', 60),
    ('s', 1),
];

impl Age {
    /// An age of so much; parts of a second don't count.
    pub fn from_duration(duration: Duration) -> Self {
        Self(Duration::from_secs(duration.as_secs()))
    }

    /// The age as a length of time.
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Age {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = || {
            let rule = "is no age, which is a number and one of s, m, h, d, w, such as 30d";
            InvalidInput::new("age", text, rule)
        };
        let unit = text.chars().last().ok_or_else(invalid)?;
        let (_, seconds) = UNITS
            .into_iter()
            .find(|(known, _)| *known == unit)
            .ok_or_else(invalid)?;
        let number = &text[..text.len() - unit.len_utf8()];
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let total = number.checked_mul(seconds).ok_or_else(invalid)?;
        Ok(Self(Duration::from_secs(total)))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_secs();
        let whole = UNITS
            .into_iter()
            .find(|(_, seconds)| total >= *seconds && total.is_multiple_of(*seconds));
        let (unit, seconds) = whole.unwrap_or(('s', 1));
        write!(f, "{}{unit}", total / seconds)
    }
}

impl TryFrom<String> for Age {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        text.parse()
    }
}

impl From<Age> for String {
    fn from(age: Age) -> Self {
        age.to_string()
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Age {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Age".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A whole number of seconds, minutes, hours, days or weeks, such as 30d.",
            "pattern": "^[0-9]+[smhdw]$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_and_shown_in_its_largest_whole_unit() {
        for (text, seconds, shown) in [
            ("90m", 5400, "90m"),
            ("120m", 7200, "2h"),
            ("7d", 604_800, "1w"),
            ("0s", 0, "0s"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!(
                (age.as_duration().as_secs(), age.to_string()),
                (seconds, shown.into())
            );
        }
        for text in [
            "",
            "d",
            "30",
            "30 d",
            "-1d",
            "+1d",
            "1.5d",
            "30D",
            "99999999999999999999w",
            "1é",
        ] {
            let error = text.parse::<Age>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("age {text:?}: is no age")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_policy_that_is_none_is_told_with_its_place() {
        let error = RetentionPolicy::from_toml("[[rule]]\nkeep_newset = 3")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("unknown field `keep_newset`"),
            "{error}"
        );
        let error = RetentionPolicy::from_toml("[[rule]]\nolder_than = \"a month\"").unwrap_err();
        assert!(
            error.to_string().contains("age \"a month\": is no age"),
            "{error}"
        );
    }

    #[test]
    fn a_rule_says_which_tags_may_go() {
        let rule = |text: &str| {
            let policy = RetentionPolicy::from_toml(&format!("[[rule]]\n{text}")).unwrap();
            policy.rules[0].clone()
        };
        assert!(!rule("").may_delete("v1"));
        assert!(!rule("delete_untagged = true").may_delete("v1"));
        assert!(rule("keep_newest = 0").may_delete("v1"));
        assert!(rule("older_than = '1d'").may_delete("v1"));
        assert!(!rule("older_than = '1d'\ndelete_tags = []").may_delete("v1"));
        assert!(rule("delete_tags = ['v*']").may_delete("v1"));
        assert_eq!(
            rule("").protection("latest"),
            Some(TagPattern::new("latest"))
        );
        assert_eq!(
            rule("protect_tags = ['v?']").protection("v1"),
            Some(TagPattern::new("v?"))
        );
        assert_eq!(rule("protect_tags = ['v?']").protection("v12"), None);
    }

    #[test]
    fn the_first_rule_that_fits_a_repository_counts() {
        let policy = RetentionPolicy::from_toml(
            "[[rule]]\nrepositories = ['shop/*']\nkeep_newest = 1\n[[rule]]\nrepositories = ['sh*']\nkeep_newest = 2",
        );
        let policy = policy.unwrap();
        let kept = |name| policy.rule(name).map(|rule| rule.keep_newest);
        assert_eq!(kept("shop/api"), Some(Some(1)));
        assert_eq!(kept("shed"), Some(Some(2)));
        assert_eq!(kept("tools"), None);
    }
}
