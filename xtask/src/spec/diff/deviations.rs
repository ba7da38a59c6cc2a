//! The differences that are meant.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::difference::Difference;

/// What `deviations.toml` lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviations {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// A difference that is meant, or several of the same kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Where, with `*` for any run of characters.
    at: String,
    /// What differs, likewise.
    what: String,
    /// Why it is right.
    reason: String,
}

/// What is left when the listed differences are taken away.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict<'a> {
    pub(super) unlisted: Vec<&'a Difference>,
    /// The places of entries that list nothing.
    pub(super) stale: Vec<&'a str>,
}

impl Deviations {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let deviations: Self = toml::from_str(text)?;
        if let Some(entry) = deviations
            .deviation
            .iter()
            .find(|entry| entry.reason.trim().is_empty())
        {
            bail!("the entry at {:?} gives no reason", entry.at);
        }
        Ok(deviations)
    }

    pub(super) fn judge<'a>(&'a self, differences: &'a [Difference]) -> Verdict<'a> {
        let covers = |entry: &Deviation, difference: &Difference| {
            matches(&entry.at, &difference.at) && matches(&entry.what, &difference.what)
        };
        let unlisted = differences.iter();
        let unlisted =
            unlisted.filter(|difference| !self.deviation.iter().any(|e| covers(e, difference)));
        let stale = self
            .deviation
            .iter()
            .filter(|entry| !differences.iter().any(|d| covers(entry, d)));
        Verdict {
            unlisted: unlisted.collect(),
            stale: stale.map(|entry| entry.at.as_str()).collect(),
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<_> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.find(piece) {
            Some(index) => left = &left[index + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(at: &str, what: &str) -> Difference {
        Difference {
            at: at.into(),
            what: what.into(),
        }
    }

    #[test]
    fn a_star_stands_for_any_run() {
        assert!(matches("*", ""));
        assert!(matches("GET * > 200*", "GET /a > 200 > body"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b", "a-b-c"));
        assert!(!matches("abc", "ab"));
        assert!(!matches("ab*ba", "aba"));
    }

    #[test]
    fn what_is_listed_is_taken_away_and_what_lists_nothing_is_stale() {
        let text = r#"
            [[deviation]]
            at = "GET * > 404"
            what = "only ours"
            reason = "It responds so."

            [[deviation]]
            at = "POST /b"
            what = "*"
            reason = "Once it was so."
        "#;
        let deviations = Deviations::parse(text).unwrap();
        let all = [
            difference("GET /a > 404", "only ours"),
            difference("GET /a > 404", "only theirs"),
        ];
        let verdict = deviations.judge(&all);
        assert_eq!(verdict.unlisted, [&all[1]]);
        assert_eq!(verdict.stale, ["POST /b"]);
    }

    #[test]
    fn an_entry_needs_a_reason_and_nothing_else() {
        let without = "[[deviation]]\nat = 'a'\nwhat = 'b'\nreason = ' '";
        assert!(
            Deviations::parse(without)
                .unwrap_err()
                .to_string()
                .contains("no reason")
        );
        assert!(Deviations::parse("[[deviation]]\nat = 'a'\nwhy = 'b'").is_err());
    }
}
