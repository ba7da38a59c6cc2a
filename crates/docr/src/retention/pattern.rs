//! Patterns for the names of repositories and tags.

use std::{fmt, str::FromStr, sync::Arc};

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::InvalidInput;

/// The prefix of a regular expression.
const REGEX: &str = "re:";

/// A pattern for the names of repositories or tags, matched against the whole name.
///
/// | pattern | matches |
/// |---|---|
/// | `*` | any text, slashes included |
/// | `?` | one character |
/// | `[0-9]`, `[!a-f]` | one character in a class, or outside it |
/// | `{dev,test}-*` | one of several |
/// | `re:v\d+` | a regular expression, anchored at both ends |
///
/// ```
/// use docr::retention::NamePattern;
///
/// assert!(NamePattern::new("v[0-9]*")?.matches("v1.0.0"));
/// assert!(!NamePattern::new("v?")?.matches("v12"));
/// assert!(NamePattern::new("{pr,mr}-*")?.matches("mr-7"));
/// assert!(NamePattern::new(r"re:v\d+")?.matches("v12"));
/// // A regular expression needs the prefix.
/// let error = NamePattern::new(r"^v\d+").unwrap_err().to_string();
/// assert!(error.contains(r#"write "re:v\\d+""#), "{error}");
/// # Ok::<(), docr::InvalidInput>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(
    feature = "schemars",
    schemars(with = "String", transform = super::schema::without_examples)
)]
pub struct NamePattern(Arc<Compiled>);

/// What all clones of a pattern share.
struct Compiled {
    text: String,
    matcher: Matcher,
}

enum Matcher {
    Glob(GlobMatcher),
    Regex(Regex),
}

impl NamePattern {
    /// Checks and compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] for an invalid pattern, such as an unclosed class, and for characters that are allowed neither in
    /// names nor in patterns: the message says what was probably meant.
    ///
    /// ```
    /// use docr::retention::NamePattern;
    ///
    /// assert!(NamePattern::new("v[0-9]*").is_ok());
    /// assert!(NamePattern::new("v[0-9").is_err());
    /// ```
    pub fn new(pattern: impl Into<String>) -> Result<Self, InvalidInput> {
        let text = pattern.into();
        let matcher = match text.strip_prefix(REGEX) {
            Some(expression) => Matcher::Regex(regex(&text, expression)?),
            None => Matcher::Glob(glob(&text)?),
        };
        Ok(Self(Arc::new(Compiled { text, matcher })))
    }

    /// The pattern that matches every name.
    ///
    /// ```
    /// assert!(docr::retention::NamePattern::any().matches("shop/api"));
    /// ```
    pub fn any() -> Self {
        Self::literal("*")
    }

    /// A pattern that is known to be valid.
    pub(super) fn literal(text: &'static str) -> Self {
        match Self::new(text) {
            Ok(pattern) => pattern,
            Err(_) => unreachable!("{text} is a pattern"),
        }
    }

    /// Whether the pattern matches a whole name.
    ///
    /// ```
    /// let pattern: docr::retention::NamePattern = "pr-*".parse()?;
    /// assert!(pattern.matches("pr-17") && !pattern.matches("spr-17"));
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn matches(&self, name: &str) -> bool {
        match &self.0.matcher {
            Matcher::Glob(glob) => glob.is_match(name),
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }

    /// The pattern as it was written.
    ///
    /// ```
    /// let pattern: docr::retention::NamePattern = "pr-*".parse()?;
    /// assert_eq!(pattern.as_str(), "pr-*");
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether this pattern certainly matches every name that the other one matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        const SPECIAL: [char; 6] = ['*', '?', '[', ']', '{', '}'];
        let is_plain = |text: &str| !text.starts_with(REGEX) && !text.contains(SPECIAL);
        let (text, other) = (self.as_str(), other.as_str());
        if matches!(text, "*" | "**") || text == other {
            return true;
        }
        if is_plain(other) {
            return self.matches(other);
        }
        // `pr-*` covers whatever begins with `pr-`.
        match text.strip_suffix('*') {
            Some(prefix) if is_plain(prefix) => other.starts_with(prefix),
            _ => false,
        }
    }
}

fn regex(text: &str, expression: &str) -> Result<Regex, InvalidInput> {
    const LARGEST: usize = 1 << 20;
    let anchored = RegexBuilder::new(&format!("^(?:{expression})$"))
        .size_limit(LARGEST)
        .build();
    anchored.map_err(|error| {
        let error = error.to_string();
        let cause = error.lines().last().unwrap_or_default();
        let rule = format!(
            "is not a valid regular expression: {}",
            cause.trim_start_matches("error: ")
        );
        InvalidInput::new("pattern", text, rule)
    })
}

fn glob(text: &str) -> Result<GlobMatcher, InvalidInput> {
    if text.is_empty() {
        let rule = "is empty; * matches every name";
        return Err(InvalidInput::new("pattern", text, rule));
    }
    check_characters(text)?;
    let glob = GlobBuilder::new(text)
        .literal_separator(false)
        .backslash_escape(false)
        .empty_alternates(true)
        .build();
    match glob {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => {
            let rule = format!("is not a valid pattern: {}", error.kind());
            Err(InvalidInput::new("pattern", text, rule))
        }
    }
}

/// Finds the first character that is allowed neither in names nor in patterns.
fn check_characters(text: &str) -> Result<(), InvalidInput> {
    let (mut in_class, mut braces) = (false, 0_usize);
    for (index, character) in text.chars().enumerate() {
        let fits = match character {
            _ if character.is_ascii_alphanumeric() => true,
            '.' | '_' | '-' | '/' | '*' | '?' => true,
            '[' => !std::mem::replace(&mut in_class, true),
            ']' => std::mem::replace(&mut in_class, false),
            '!' | '^' => in_class,
            '{' => {
                braces += 1;
                !in_class
            }
            '}' => {
                let fits = braces > 0;
                braces = braces.saturating_sub(1);
                fits
            }
            ',' => braces > 0,
            _ => false,
        };
        if !fits {
            let position = index + 1;
            let rule = format!(
                "{character:?} at position {position} is not allowed in a name{}",
                way_out(text, character)
            );
            return Err(InvalidInput::at("pattern", text, position, rule));
        }
    }
    Ok(())
}

/// What was probably meant.
fn way_out(text: &str, character: char) -> String {
    match character {
        '^' | '$' | '\\' | '+' | '(' | ')' | '|' => {
            let expression = text.trim_start_matches('^').trim_end_matches('$');
            format!(
                "; for a regular expression, write {:?}, which is matched as a whole",
                format!("{REGEX}{expression}")
            )
        }
        ',' => format!(
            "; for several patterns, pass each separately, or write {:?}",
            format!("{{{}}}", text.replace(' ', ""))
        ),
        '!' => "; a pattern can't be negated: list what to keep in protect_tags".to_owned(),
        ':' | '@' => "; a pattern matches either the name of a repository or a tag".to_owned(),
        _ if character.is_whitespace() => "; pass each pattern separately".to_owned(),
        _ => "; patterns consist of * ? [a-z] {a,b} and the characters of names".to_owned(),
    }
}

impl FromStr for NamePattern {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        Self::new(text)
    }
}

impl TryFrom<String> for NamePattern {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        Self::new(text)
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.as_str().to_owned()
    }
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for NamePattern {}

impl PartialOrd for NamePattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamePattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for NamePattern {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamePattern").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamePattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn a_pattern_is_matched_as_a_whole() {
        for (pattern, fits, fails) in [
            ("*", vec!["v1", "shop/api"], vec![]),
            (
                "shop/*",
                vec!["shop/api", "shop/api/v2"],
                vec!["shop", "eshop/api"],
            ),
            ("v?", vec!["v1"], vec!["v12", "v", "rv1"]),
            ("v[0-9]*", vec!["v1.0.0", "v2"], vec!["vnext", "rv1"]),
            ("v[!0-9]*", vec!["vnext"], vec!["v1"]),
            ("[^v]*", vec!["main"], vec!["v1"]),
            ("{pr,mr}-*", vec!["pr-1", "mr-2"], vec!["br-3", "xpr-1"]),
            ("v1{,.0}", vec!["v1", "v1.0"], vec!["v1.1"]),
            (r"re:v\d+", vec!["v12"], vec!["v12-rc", "rv12"]),
            ("re:a|b", vec!["a", "b"], vec!["ab", "ac"]),
            ("v1.0", vec!["v1.0"], vec!["v1x0"]),
        ] {
            for name in fits {
                assert!(matches(pattern, name), "{pattern} should match {name}");
            }
            for name in fails {
                assert!(!matches(pattern, name), "{pattern} should not match {name}");
            }
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_a_suggestion() {
        for (pattern, part) in [
            ("", "is empty; * matches every name"),
            (
                r"^v\d+",
                r#"'^' at position 1 is not allowed in a name; for a regular expression, write "re:v\\d+""#,
            ),
            ("v.+$", r#"write "re:v.+""#),
            ("(a|b)", r#"write "re:(a|b)""#),
            ("v*,hold-*", r#"write "{v*,hold-*}""#),
            ("v*, hold-*", r#"write "{v*,hold-*}""#),
            ("!v*", "a pattern can't be negated"),
            (
                "shop/api:v1",
                "matches either the name of a repository or a tag",
            ),
            ("v* w*", "pass each pattern separately"),
            ("v*\n", "pass each pattern separately"),
            (
                "v1;",
                "patterns consist of * ? [a-z] {a,b} and the characters of names",
            ),
            ("v[0-9", "is not a valid pattern"),
            ("v]", "']' at position 2"),
            ("{a,b", "is not a valid pattern"),
            ("a}", "'}' at position 2"),
            ("[z-a]", "is not a valid pattern"),
            ("prod\u{1b}", r"'\u{1b}' at position 5"),
            ("re:(", "is not a valid regular expression: unclosed group"),
            ("re:(a{1000}){1000}", "is not a valid regular expression"),
        ] {
            let error = NamePattern::new(pattern).unwrap_err().to_string();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_surely_matches() {
        let covers = |a: &str, b: &str| {
            NamePattern::new(a)
                .unwrap()
                .covers(&NamePattern::new(b).unwrap())
        };
        for (wide, narrow) in [
            ("*", "pr-*"),
            ("*", "re:v.*"),
            ("**", "re:v.*"),
            ("re:v.*", "re:v.*"),
            ("pr-*", "pr-*"),
            ("pr-*", "pr-1*"),
            ("pr-*", "pr-[0-9]"),
            ("v[0-9]", "v1"),
            ("re:v.*", "v1"),
        ] {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
        }
        for (narrow, wide) in [
            ("pr-*", "*"),
            ("v?", "v*"),
            ("main-*", "pr-*"),
            ("v1", "v*"),
            ("re:v*", "re:vx"),
        ] {
            assert!(!covers(narrow, wide), "{narrow} doesn't cover {wide}");
        }
    }

    #[test]
    fn a_pattern_is_read_from_and_written_as_its_text() {
        let pattern: NamePattern = serde_json::from_str("\"v*\"").unwrap();
        assert_eq!(serde_json::to_string(&pattern).unwrap(), "\"v*\"");
        assert!(serde_json::from_str::<NamePattern>("\"^v\"").is_err());
        assert_eq!(format!("{pattern} {pattern:?}"), "v* NamePattern(\"v*\")");
        assert_eq!(pattern, NamePattern::new("v*").unwrap());
        assert_ne!(pattern, NamePattern::new("v?").unwrap());
        assert!(pattern < NamePattern::new("v?").unwrap());
    }
}
