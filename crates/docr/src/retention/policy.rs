//! What to keep: rules, in code or in TOML.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{age::Age, pattern::NamePattern, version::KeepVersions};
use crate::{InvalidInput, text::for_terminal};

/// What to keep in the repositories of a registry.
///
/// All rules whose patterns match a repository are tried in order; the first one that names a tag of an image owns the
/// image, and decides alone whether it goes. What a rule protects is safe from all rules, and an image that no rule
/// owns stays.
///
/// ```
/// use docr::retention::RetentionPolicy;
///
/// let policy = RetentionPolicy::from_toml(
///     r#"
///     min_age = "2d"                    # nothing younger goes; 24 hours, if it is left out
///     max_delete = "25%"                # of the images; a plan for more is not carried out
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
///     protect_tags = ["v[0-9]*"]        # beside latest
///     untagged_older_than = "1d"        # images without a tag go, too
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
    /// Nothing goes that was pushed more recently than this, whatever the rules say; 24 hours, unless set.
    #[serde(default = "day")]
    pub min_age: Age,
    /// How many images may go at the most. A plan for more says so, and is not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<MaxDelete>,
    /// Deletes tags alone, and no manifest. That frees no storage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tags_only: bool,
    /// References to images that are in use somewhere: they stay, with all that they need. References to other
    /// registries are passed over.
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
    /// A policy without a rule, by which nothing goes.
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
/// An image goes if one of its tags is named by `delete_tags`, it is not among the `keep_newest` newest of those, not
/// one of the versions that `keep_versions` keeps, and older than `older_than`; never if one of its tags is protected.
/// A rule with none of the four owns no image that has a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Patterns of repository names; all repositories, if it is left out.
    #[serde(default = "everything")]
    pub repositories: Vec<NamePattern>,
    /// How many of the images that this rule owns are kept: the ones pushed last. An image counts once, however many
    /// tags it has; signatures, attestations and the parts of an image don't count. A part with a tag of its own that
    /// would be kept were it an image outlives the image that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<u32>,
    /// Deletes only images of which neither the manifest nor a tag was pushed more recently than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Age>,
    /// Which versions are kept, of the images whose tags are versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_versions: Option<KeepVersions>,
    /// Patterns of tags that may go. If it is left out: all tags, if `keep_newest` or `older_than` is set; tags that are
    /// versions, if only `keep_versions` is; and otherwise none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_tags: Option<Vec<NamePattern>>,
    /// Patterns of tags that stay, beside `latest`, which always does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect_tags: Vec<NamePattern>,
    /// Whether images go that no tag leads to, once they are older than `older_than`, or `min_age` without it.
    #[serde(default)]
    pub delete_untagged: bool,
    /// An age of its own for images that no tag leads to; with it they go as by `delete_untagged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untagged_older_than: Option<Age>,
    /// Whether signatures, attestations and other referrers go whose image is gone from all repositories of the registry.
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
    /// Whether the rule is for a repository.
    pub(super) fn is_for(&self, repository: &str) -> bool {
        let mut patterns = self.repositories.iter();
        patterns.any(|pattern| pattern.matches(repository))
    }

    /// Whether the rule names a tag as one that may go, protection, age and number aside.
    pub(super) fn names(&self, tag: &str) -> bool {
        match (&self.delete_tags, &self.keep_versions) {
            (Some(patterns), _) => patterns.iter().any(|pattern| pattern.matches(tag)),
            (None, _) if self.keep_newest.is_some() || self.older_than.is_some() => true,
            (None, Some(_)) => super::version::parse(tag).is_some(),
            (None, None) => false,
        }
    }

    /// Whether images that no tag leads to may go.
    pub(super) fn takes_untagged(&self) -> bool {
        self.delete_untagged || self.untagged_older_than.is_some()
    }

    /// The pattern that protects a tag.
    pub(super) fn protection(&self, tag: &str) -> Option<&NamePattern> {
        let mut patterns = self.protect_tags.iter();
        patterns.find(|pattern| pattern.matches(tag))
    }

    /// Whether an earlier rule takes all that this one is for.
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

    /// Whether the rule can let anything go.
    fn deletes_nothing(&self) -> bool {
        self.names_no_tag() && !self.takes_untagged() && !self.delete_orphans
    }
}

impl RetentionPolicy {
    /// Reads a policy from TOML.
    ///
    /// # Errors
    ///
    /// When it is not TOML, has fields that a policy doesn't have, or a value that is not valid: with line and column.
    /// When a rule can never be reached, or a pattern never match.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text).map_err(|error| PolicyError::of(&error))?;
        policy
            .check()
            .map_err(|error| PolicyError(error.to_string()))?;
        Ok(policy)
    }

    /// Checks what no field can tell on its own.
    ///
    /// # Errors
    ///
    /// When a rule can never be reached, a pattern of repositories can match no name, or a reference to an image in use
    /// is malformed.
    pub fn check(&self) -> Result<(), InvalidInput> {
        for (index, rule) in self.rules.iter().enumerate() {
            let upper = rule.repositories.iter().find(|pattern| {
                let text = pattern.as_str();
                !text.starts_with("re:") && text.contains(|c: char| c.is_ascii_uppercase())
            });
            if let Some(pattern) = upper {
                let why = "can match no repository: their names have no upper-case letters";
                return Err(InvalidInput::new("repositories", pattern.as_str(), why));
            }
            let earlier = self.rules[..index].iter();
            let hides = earlier
                .enumerate()
                .find(|(_, earlier)| !rule.deletes_nothing() && rule.is_behind(earlier));
            if let Some((earlier, _)) = hides {
                let why = format!(
                    "can never be reached, since rule {} owns all that it names; put it before that one",
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

    /// Whether a rule is for a repository: of others nothing has to be read but what they store.
    pub fn concerns(&self, repository: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_for(repository))
    }
}

/// Why a text is not a retention policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the retention policy can't be read: {0}")]
pub struct PolicyError(String);

impl PolicyError {
    /// What the reader says quotes the file: its line ends are not ours.
    fn of(error: &toml::de::Error) -> Self {
        const LONGEST_LINE: usize = 300;
        let message = for_terminal(error.message(), 1000);
        let text = error.to_string();
        let mut lines = text.lines();
        if text.lines().any(|line| line.len() > LONGEST_LINE) {
            // A line as long is no help to anybody: its number and the column are.
            return Self(format!("{}\n{message}", lines.next().unwrap_or_default()));
        }
        Self(text.replace(error.message(), &message))
    }
}

/// How many images may go at the most: a number, or a percentage of the images in the repositories that rules are for.
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
    /// So many images.
    Images(u64),
    /// So many of a hundred images, rounded down.
    Percent(u8),
}

/// A number is as good as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Number(u64),
    Text(String),
}

impl MaxDelete {
    /// How many of so many images may go.
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
            let rule =
                "is neither a number of images nor a percentage from 0% to 100%, such as 50 or 25%";
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
        ] {
            let error = check(text).unwrap();
            assert!(
                error.contains("rule \"2\": can never be reached, since rule 1 owns"),
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
    fn what_is_left_out_has_its_default_and_what_is_written_is_read_again() {
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
