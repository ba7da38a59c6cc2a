//! What to keep: rules, in code or in TOML.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{age::Age, pattern::NamePattern, version::KeepVersions};
use crate::{InvalidInput, text::for_terminal};

/// What to keep in the repositories of a registry.
///
/// The rules whose patterns match a repository are tried in order: the first one that matches a tag of an image owns the
/// image, and alone decides whether to delete it. What any rule protects is safe from all rules, and an image that no rule
/// owns is kept.
///
/// ```
/// use docr::retention::RetentionPolicy;
///
/// let policy = RetentionPolicy::from_toml(
///     r#"
///     min_age = "2d"                    # nothing younger is deleted; the default is 24 hours
///     max_delete = "25%"                # of the images; a plan that deletes more is not executed
///
///     [[rule]]
///     repositories = ["shop/*"]
///     delete_tags = ["pr-*"]
///     older_than = "7d"
///
///     [[rule]]
///     repositories = ["shop/*", "tools/builder"]
///     keep_newest = 10                  # images, not tags
///     keep_versions = { majors = 3, minors = 2 }
///     protect_tags = ["v[0-9]*"]        # besides latest
///     untagged_older_than = "1d"        # delete untagged images, too
///     "#,
/// )?;
/// assert_eq!(policy.rules[1].keep_newest, Some(10));
/// # Ok::<(), docr::retention::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(transform = super::schema::without_examples))]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// Nothing that was pushed more recently than this is deleted, whatever the rules say; 24 hours by default.
    #[serde(default = "day")]
    pub min_age: Age,
    /// How many images may be deleted at most. A plan that deletes more has a warning, and is not executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<MaxDelete>,
    /// Deletes tags only, and no manifest. That frees no storage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tags_only: bool,
    /// References to images that are in use somewhere: these are kept, with everything they need. References to other
    /// registries are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<String>,
    /// The rules, in the order in which they are tried.
    #[serde(rename = "rule", default)]
    pub rules: Vec<RetentionRule>,
}

fn day() -> Age {
    Age::from_hours(24)
}

impl Default for RetentionPolicy {
    /// A policy without rules, which deletes nothing.
    fn default() -> Self {
        Self {
            min_age: day(),
            max_delete: None,
            tags_only: false,
            in_use: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// What to keep in the repositories whose name matches.
///
/// An image is deleted if `delete_tags` matches one of its tags, it is not among the `keep_newest` newest of those, not a
/// version that `keep_versions` keeps, and older than `older_than`; never if one of its tags is protected. A rule with none
/// of the four owns no tagged image.
///
/// ```
/// use docr::retention::{NamePattern, RetentionPolicy, RetentionRule};
///
/// let rule = RetentionRule {
///     repositories: vec![NamePattern::new("shop/*")?],
///     keep_newest: Some(10),
///     older_than: Some("30d".parse()?),
///     ..RetentionRule::default()
/// };
/// let policy = RetentionPolicy { rules: vec![rule], ..RetentionPolicy::default() };
/// policy.check()?;
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemars", schemars(transform = super::schema::without_examples))]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Patterns of repository names; all repositories if omitted.
    #[serde(default = "everything")]
    pub repositories: Vec<NamePattern>,
    /// How many of the images that this rule owns to keep: those pushed last. An image counts once, however many tags it
    /// has; signatures, attestations and the parts of an image don't count. A part with a tag of its own is kept if it would
    /// be kept as an image, even when the image that it is part of is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<u32>,
    /// Deletes only images whose manifest and tags were all pushed longer ago than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Age>,
    /// Which versions to keep, of the images whose tags are versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_versions: Option<KeepVersions>,
    /// Patterns of tags to delete. If omitted: all tags, if `keep_newest` or `older_than` is set; tags that are versions, if
    /// only `keep_versions` is; and otherwise none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_tags: Option<Vec<NamePattern>>,
    /// Patterns of tags to keep, besides `latest`, which is always kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect_tags: Vec<NamePattern>,
    /// Whether to delete untagged images once they are older than `older_than`, or `min_age` without it.
    #[serde(default)]
    pub delete_untagged: bool,
    /// Deletes untagged images, like `delete_untagged`, once they are older than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untagged_older_than: Option<Age>,
    /// Whether to delete signatures, attestations and other referrers whose image no longer exists in any repository of the
    /// registry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delete_orphans: bool,
}

fn everything() -> Vec<NamePattern> {
    vec![NamePattern::any()]
}

impl Default for RetentionRule {
    /// A rule for all repositories that deletes nothing.
    fn default() -> Self {
        Self {
            repositories: everything(),
            keep_newest: None,
            older_than: None,
            keep_versions: None,
            delete_tags: None,
            protect_tags: Vec::new(),
            delete_untagged: false,
            untagged_older_than: None,
            delete_orphans: false,
        }
    }
}

impl RetentionRule {
    /// Whether the rule applies to a repository.
    pub(super) fn is_for(&self, repository: &str) -> bool {
        let mut patterns = self.repositories.iter();
        patterns.any(|pattern| pattern.matches(repository))
    }

    /// Whether the rule matches a tag, apart from protection, age and number.
    pub(super) fn names(&self, tag: &str) -> bool {
        match (&self.delete_tags, &self.keep_versions) {
            (Some(patterns), _) => patterns.iter().any(|pattern| pattern.matches(tag)),
            (None, _) if self.keep_newest.is_some() || self.older_than.is_some() => true,
            (None, Some(_)) => super::version::parse(tag).is_some(),
            (None, None) => false,
        }
    }

    /// Whether the rule deletes untagged images.
    pub(super) fn takes_untagged(&self) -> bool {
        self.delete_untagged || self.untagged_older_than.is_some()
    }

    /// The pattern that protects a tag.
    pub(super) fn protection(&self, tag: &str) -> Option<&NamePattern> {
        let mut patterns = self.protect_tags.iter();
        patterns.find(|pattern| pattern.matches(tag))
    }

    /// Whether an earlier rule takes everything that this one matches.
    fn is_behind(&self, earlier: &Self) -> bool {
        let covered = |wide: &[NamePattern], narrow: &[NamePattern]| {
            let mut narrow = narrow.iter();
            narrow.all(|narrow| wide.iter().any(|wide| wide.covers(narrow)))
        };
        let takes_all_tags = earlier.delete_tags.is_none()
            && (earlier.keep_newest.is_some() || earlier.older_than.is_some());
        let tags = match (&self.delete_tags, &earlier.delete_tags) {
            _ if takes_all_tags => true,
            (Some(narrow), Some(wide)) => covered(wide, narrow),
            (None, Some(wide)) => self.names_no_tag() || covered(wide, &everything()),
            _ => self.names_no_tag(),
        };
        covered(&earlier.repositories, &self.repositories)
            && tags
            && (!self.takes_untagged() || earlier.takes_untagged())
            && (!self.delete_orphans || earlier.delete_orphans)
    }

    fn names_no_tag(&self) -> bool {
        match &self.delete_tags {
            Some(patterns) => patterns.is_empty(),
            None => {
                self.keep_newest.is_none()
                    && self.older_than.is_none()
                    && self.keep_versions.is_none()
            }
        }
    }

    /// Whether the rule never deletes anything.
    fn deletes_nothing(&self) -> bool {
        self.names_no_tag() && !self.takes_untagged() && !self.delete_orphans
    }
}

impl RetentionPolicy {
    /// Reads a policy from TOML.
    ///
    /// # Errors
    ///
    /// If it is not TOML, or has an unknown field or an invalid value: with line and column. If a rule can never apply, or
    /// a pattern never match.
    ///
    /// ```
    /// use docr::retention::RetentionPolicy;
    ///
    /// let policy = RetentionPolicy::from_toml("[[rule]]\nkeep_newest = 10")?;
    /// assert_eq!(policy.rules[0].keep_newest, Some(10));
    /// # Ok::<(), docr::retention::PolicyError>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::of(&error))?;
        policy
            .check()
            .map_err(|error| PolicyError(error.to_string()))?;
        Ok(policy)
    }

    /// Checks what is not evident from a single field.
    ///
    /// # Errors
    ///
    /// If a rule can never apply, a pattern of repositories can match no name, or a reference to an image in use is
    /// malformed.
    ///
    /// ```
    /// use docr::retention::{NamePattern, RetentionPolicy, RetentionRule};
    ///
    /// let repositories = vec![NamePattern::new("Shop/*")?];
    /// let rules = vec![RetentionRule { repositories, ..RetentionRule::default() }];
    /// let policy = RetentionPolicy { rules, ..RetentionPolicy::default() };
    /// assert!(policy.check().is_err());
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn check(&self) -> Result<(), InvalidInput> {
        for (index, rule) in self.rules.iter().enumerate() {
            let upper = rule.repositories.iter().find(|pattern| {
                let text = pattern.as_str();
                !text.starts_with("re:") && text.contains(|c: char| c.is_ascii_uppercase())
            });
            if let Some(pattern) = upper {
                let why = "matches no repository: their names have no upper-case letters";
                return Err(InvalidInput::new("repositories", pattern.as_str(), why));
            }
            let earlier = self.rules[..index].iter();
            let hides = earlier
                .enumerate()
                .find(|(_, earlier)| !rule.deletes_nothing() && rule.is_behind(earlier));
            if let Some((earlier, _)) = hides {
                let why = format!(
                    "can never apply, because rule {} already owns everything it matches; move it before that one",
                    earlier + 1
                );
                return Err(InvalidInput::new("rule", (index + 1).to_string(), why));
            }
        }
        for reference in &self.in_use {
            super::in_use::check(reference)?;
        }
        Ok(())
    }

    /// Whether a rule applies to a repository. Of others only the stored blobs matter.
    ///
    /// ```
    /// use docr::retention::RetentionPolicy;
    ///
    /// let policy = RetentionPolicy::from_toml("[[rule]]\nrepositories = ['shop/*']\nkeep_newest = 10")?;
    /// assert!(policy.concerns("shop/api"));
    /// assert!(!policy.concerns("tools"));
    /// # Ok::<(), docr::retention::PolicyError>(())
    /// ```
    pub fn concerns(&self, repository: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_for(repository))
    }
}

/// Why a text is not a valid retention policy.
///
/// ```
/// use docr::retention::RetentionPolicy;
///
/// let error = RetentionPolicy::from_toml("[[rule]]\nkeep_newset = 3").unwrap_err();
/// assert!(error.to_string().contains("unknown field `keep_newset`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the retention policy can't be read: {0}")]
pub struct PolicyError(String);

impl PolicyError {
    /// The parser's message quotes the file, control characters included.
    fn of(error: &toml::de::Error) -> Self {
        const LONGEST_LINE: usize = 300;
        let message = for_terminal(error.message(), 1000);
        let text = error.to_string();
        let mut lines = text.lines();
        if text.lines().any(|line| line.len() > LONGEST_LINE) {
            // A line this long is no help; its number and the column are.
            return Self(format!("{}\n{message}", lines.next().unwrap_or_default()));
        }
        Self(text.replace(error.message(), &message))
    }
}

/// How many images may be deleted at most: a number, or a percentage of the images in the repositories that rules apply to.
///
/// ```
/// use docr::retention::MaxDelete;
///
/// assert_eq!("25%".parse(), Ok(MaxDelete::Percent(25)));
/// assert_eq!("50".parse(), Ok(MaxDelete::Images(50)));
/// assert!("101%".parse::<MaxDelete>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
#[allow(clippy::exhaustive_enums, reason = "a limit is absolute or relative")]
pub enum MaxDelete {
    /// This many images.
    Images(u64),
    /// This percentage of the images, rounded down.
    Percent(u8),
}

/// A number or a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Number(u64),
    Text(String),
}

impl MaxDelete {
    /// How many of these images may be deleted.
    pub(super) fn of(self, images: u64) -> u64 {
        match self {
            Self::Images(most) => most,
            Self::Percent(percent) => images.saturating_mul(percent.into()) / 100,
        }
    }
}

impl FromStr for MaxDelete {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = || {
            let rule = "is neither a number of images nor a percentage from 0% to 100%; use for example 50 or 25%";
            InvalidInput::new("max_delete", text, rule)
        };
        let digits = text.strip_suffix('%').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        if digits.len() == text.len() {
            return digits.parse().map(Self::Images).map_err(|_| invalid());
        }
        let percent: u8 = digits.parse().map_err(|_| invalid())?;
        (percent <= 100)
            .then_some(Self::Percent(percent))
            .ok_or_else(invalid)
    }
}

impl TryFrom<Text> for MaxDelete {
    type Error = InvalidInput;

    fn try_from(text: Text) -> Result<Self, InvalidInput> {
        match text {
            Text::Number(images) => Ok(Self::Images(images)),
            Text::Text(text) => text.parse(),
        }
    }
}

impl From<MaxDelete> for String {
    fn from(limit: MaxDelete) -> Self {
        limit.to_string()
    }
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(images) => write!(f, "{images}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for MaxDelete {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MaxDelete".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of images, or a percentage of them, such as 25%.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^([0-9]+|([0-9]|[1-9][0-9]|100)%)$" },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_not_valid_is_refused_with_its_place() {
        for (text, parts) in [
            (
                "[[rule]]\nkeep_newset = 3",
                vec!["line 2", "unknown field `keep_newset`"],
            ),
            (
                "[[rule]]\nolder_than = \"a month\"",
                vec!["age \"a month\": is not a valid age"],
            ),
            (
                "[[rule]]\nprotect_tags = ['^v']",
                vec!["line 2", "write \"re:v\""],
            ),
            (
                "max_delete = '200%'",
                vec!["line 1", "neither a number of images nor a percentage"],
            ),
            (
                "[[rule]]\nrepositories = ['Shop/*']",
                vec!["no upper-case letters"],
            ),
            (
                "in_use = ['registry.digitalocean.com/acme/UPPER:v1']",
                vec!["image in use"],
            ),
            (
                "[[rule]]\nkeep_versions = { majors = 0 }",
                vec!["line 2", "majors"],
            ),
        ] {
            let error = RetentionPolicy::from_toml(text).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }

    #[test]
    fn a_short_line_of_a_policy_is_quoted_in_errors_and_a_long_one_is_not() {
        let error = |length: usize| {
            let text = format!("[[rule]]\nkeep_newset = '{}'", "x".repeat(length));
            RetentionPolicy::from_toml(&text).unwrap_err().to_string()
        };
        for length in [3, 400] {
            let error = error(length);
            assert!(error.contains("line 2"), "{error}");
            assert!(error.contains("unknown field `keep_newset`"), "{error}");
            assert_eq!(error.contains("xxx"), length == 3, "{error}");
        }
    }

    #[test]
    fn the_maximum_to_delete_is_a_number_or_a_percentage() {
        assert_eq!("50".parse(), Ok(MaxDelete::Images(50)));
        assert_eq!("100%".parse(), Ok(MaxDelete::Percent(100)));
        for text in [
            "",
            "%",
            "+5",
            "+5%",
            "-1",
            "1.5",
            "101%",
            "5 %",
            "99999999999999999999",
        ] {
            let error = text.parse::<MaxDelete>().unwrap_err().to_string();
            assert!(
                error.contains("neither a number of images nor a percentage"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_rule_says_which_tags_it_names() {
        let rule = |text: &str| {
            let policy = RetentionPolicy::from_toml(&format!("[[rule]]\n{text}")).unwrap();
            policy.rules[0].clone()
        };
        assert!(!rule("").names("v1"));
        assert!(!rule("delete_untagged = true").names("v1"));
        assert!(rule("keep_newest = 0").names("v1"));
        assert!(rule("older_than = '1d'").names("v1"));
        assert!(!rule("older_than = '1d'\ndelete_tags = []").names("v1"));
        assert!(rule("delete_tags = ['v*']").names("v1"));
        assert!(rule("keep_versions = { majors = 1 }").names("v1.2.3"));
        assert!(!rule("keep_versions = { majors = 1 }").names("nightly"));
        let v = rule("protect_tags = ['v?']");
        assert_eq!(v.protection("v1").map(NamePattern::as_str), Some("v?"));
        assert_eq!(v.protection("v12"), None);
    }

    #[test]
    fn a_rule_that_can_never_be_reached_is_refused() {
        let check = |text: &str| {
            RetentionPolicy::from_toml(text)
                .err()
                .map(|error| error.to_string())
        };
        for text in [
            "[[rule]]\nkeep_newest = 1\n[[rule]]\ndelete_tags = ['pr-*']",
            "[[rule]]\ndelete_tags = ['pr-*']\n[[rule]]\ndelete_tags = ['pr-1*']\nolder_than = '1d'",
            "[[rule]]\nrepositories = ['shop/*']\nolder_than = '1d'\n[[rule]]\nrepositories = ['shop/api']\nkeep_newest = 1",
            "[[rule]]\nuntagged_older_than = '1d'\n[[rule]]\ndelete_untagged = true",
            "[[rule]]\ndelete_tags = ['*']\n[[rule]]\nkeep_newest = 1",
            "[[rule]]\ndelete_tags = ['pr-*']\ndelete_untagged = true\n[[rule]]\ndelete_untagged = true",
        ] {
            let error = check(text).unwrap();
            assert!(
                error.contains("rule \"2\": can never apply, because rule 1 already owns"),
                "{error}"
            );
        }
        for text in [
            "[[rule]]\ndelete_tags = ['pr-*']\nolder_than = '7d'\n[[rule]]\ndelete_tags = ['main-*']\nkeep_newest = 2",
            "[[rule]]\nkeep_newest = 1\n[[rule]]\nprotect_tags = ['v*']",
            "[[rule]]\nkeep_newest = 1\n[[rule]]\ndelete_untagged = true",
            "[[rule]]\nrepositories = ['shop/*']\nkeep_newest = 1\n[[rule]]\nkeep_newest = 2",
            "[[rule]]\nprotect_tags = ['v*']\n[[rule]]\nkeep_newest = 2",
        ] {
            assert_eq!(check(text), None, "{text}");
        }
    }

    #[test]
    fn a_policy_has_defaults_and_survives_a_round_trip() {
        let policy = RetentionPolicy::from_toml("").unwrap();
        assert_eq!(policy, RetentionPolicy::default());
        assert_eq!(policy.min_age.to_string(), "1d");
        let text = "min_age = '0s'\nmax_delete = 5\ntags_only = true\nin_use = ['registry.digitalocean.com/a/b:c']\n\
                    [[rule]]\nkeep_newest = 3\nkeep_versions = { majors = 2 }\nuntagged_older_than = '1w'\ndelete_orphans = true";
        let policy = RetentionPolicy::from_toml(text).unwrap();
        assert_eq!(policy.max_delete, Some(MaxDelete::Images(5)));
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            serde_json::from_str::<RetentionPolicy>(&json).unwrap(),
            policy
        );
    }
}
