//! Intended differences.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{
    DEVIATIONS,
    difference::{Difference, ONLY_OURS, ONLY_THEIRS, could_become, report},
    facts::{Facts, Place},
    scope::NEARBY,
};

/// The content of `deviations.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviations {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// Intended differences with a common reason: each of the texts at each of the places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Where, with `*` for any run of characters.
    at: OneOrMore,
    /// What differs, literally.
    what: OneOrMore,
    /// Why it is right.
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// One text at one place, or at the places of one pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    at: &'a str,
    what: &'a str,
}

/// The result of checking differences against the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict<'a> {
    pub(super) unlisted: Vec<&'a Difference>,
    /// Entries without a difference.
    stale: Vec<Entry<'a>>,
    /// Entries that would hide a later difference, each with a place that doesn't differ.
    too_wide: Vec<(Entry<'a>, &'a str)>,
}

impl Deviations {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let deviations: Self = toml::from_str(text)?;
        for deviation in &deviations.deviation {
            let at = deviation.at.texts();
            if deviation.reason.trim().is_empty() {
                bail!("the entry at {at:?} has no reason");
            }
            // A pattern would also match places that theirs may add later.
            let adds = |what: &&String| [ONLY_THEIRS, NEARBY].contains(&what.as_str());
            if let Some(what) = deviation.what.texts().iter().find(adds)
                && at.iter().any(|at| at.contains('*'))
            {
                bail!(
                    "the entry at {at:?} is for {what:?}; list the places one by one, without `*`"
                );
            }
        }
        Ok(deviations)
    }

    pub(super) fn judge<'a>(
        &'a self,
        differences: &'a [Difference],
        ours: &'a Facts,
        theirs: &Facts,
    ) -> Verdict<'a> {
        let entries: Vec<_> = self.deviation.iter().flat_map(Deviation::entries).collect();
        let unlisted = differences.iter();
        let unlisted =
            unlisted.filter(|difference| !entries.iter().any(|entry| entry.lists(difference)));
        let is_stale = |entry: &&Entry<'_>| !differences.iter().any(|d| entry.lists(d));
        let too_wide = |entry: &Entry<'a>| {
            let place = entry.place_beside(ours, theirs)?;
            Some((*entry, place))
        };
        Verdict {
            unlisted: unlisted.collect(),
            stale: entries.iter().filter(is_stale).copied().collect(),
            too_wide: entries.iter().filter_map(too_wide).collect(),
        }
    }
}

impl Deviation {
    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let places = self.at.texts().iter();
        places.flat_map(|at| {
            let texts = self.what.texts().iter();
            texts.map(move |what| Entry { at, what })
        })
    }
}

impl OneOrMore {
    fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

impl<'a> Entry<'a> {
    fn lists(&self, difference: &Difference) -> bool {
        self.what == difference.what && matches(self.at, &difference.at)
    }

    /// A place that the pattern also matches and that doesn't differ: the entry would hide a later difference there.
    /// Places that theirs lacks are reported anyway.
    fn place_beside<'b>(&self, ours: &'b Facts, theirs: &Facts) -> Option<&'b str> {
        if !self.at.contains('*') {
            return None;
        }
        let mut places = ours.iter().filter(|(at, _)| matches(self.at, at));
        let beside = places.find(|(at, ours)| match theirs.get(*at) {
            None => false,
            Some(_) if self.what == ONLY_OURS => true,
            Some(theirs) => self.could_hide(ours, theirs),
        });
        beside.map(|(at, _)| at.as_str())
    }

    /// Whether a fact of a place doesn't differ as the entry says, but could later.
    fn could_hide(&self, ours: &Place, theirs: &Place) -> bool {
        let Some((key, _)) = self.what.split_once(": ") else {
            return false;
        };
        let (ours, theirs) = (ours.get(key), theirs.get(key));
        could_become(self.what, key, ours)
            && !report(key, ours, theirs)
                .iter()
                .any(|what| what == self.what)
    }
}

impl Verdict<'_> {
    pub(super) fn is_clean(&self) -> bool {
        self.lines().is_empty()
    }

    /// A line for each unlisted difference and each invalid entry.
    pub(super) fn lines(&self) -> Vec<String> {
        let unlisted = self.unlisted.iter();
        let unlisted = unlisted.map(|difference| format!("{}: {}", difference.at, difference.what));
        let stale = self.stale.iter().map(|Entry { at, what }| {
            format!("{DEVIATIONS}: {what:?} at {at:?} is no longer a difference; remove it")
        });
        let too_wide = self.too_wide.iter().map(|(Entry { at, what }, place)| {
            format!("{DEVIATIONS}: {at:?} also matches {place:?}, where {what:?} is not a difference; list the places one by one")
        });
        unlisted.chain(stale).chain(too_wide).collect()
    }
}

/// Whether a text matches a pattern in which `*` stands for any characters.
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
    use super::{super::facts::Fact, *};

    fn difference(at: &str, what: &str) -> Difference {
        Difference {
            at: at.into(),
            what: what.into(),
        }
    }

    /// No facts.
    static NOWHERE: Facts = Facts::new();

    fn place(facts: &[(&str, &str)]) -> Place {
        let facts = facts.iter();
        facts
            .map(|(key, value)| ((*key).to_owned(), Fact::One((*value).to_owned())))
            .collect()
    }

    #[test]
    fn a_star_matches_any_characters() {
        assert!(matches("*", ""));
        assert!(matches("GET * > 200*", "GET /a > 200 > body"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b", "a-b-c"));
        assert!(!matches("abc", "ab"));
        assert!(!matches("ab*ba", "aba"));
    }

    #[test]
    fn listed_differences_are_removed_and_entries_without_a_difference_are_stale() {
        let text = r#"
            [[deviation]]
            at = ["GET /a > 404", "POST /b"]
            what = "only ours"
            reason = "It responds so."
        "#;
        let deviations = Deviations::parse(text).unwrap();
        let all = [
            difference("GET /a > 404", "only ours"),
            difference("GET /a > 404", "only theirs"),
        ];
        let verdict = deviations.judge(&all, &NOWHERE, &NOWHERE);
        assert_eq!(verdict.unlisted, [&all[1]]);
        assert_eq!(
            verdict.lines(),
            [
                "GET /a > 404: only theirs",
                "openapi/deviations.toml: \"only ours\" at \"POST /b\" is no longer a difference; remove it",
            ]
        );
    }

    #[test]
    fn differences_are_matched_literally() {
        let text = "[[deviation]]\nat = 'a'\nwhat = 'enum: *'\nreason = 'It grows.'";
        let deviations = Deviations::parse(text).unwrap();
        let all = [difference("a", "enum: only theirs new")];
        let verdict = deviations.judge(&all, &NOWHERE, &NOWHERE);
        assert_eq!(verdict.unlisted, [&all[0]]);
    }

    #[test]
    fn an_entry_that_matches_a_place_where_both_agree_is_refused() {
        let text = r#"
            [[deviation]]
            at = "GET * > 404"
            what = "only ours"
            reason = "It responds so."

            [[deviation]]
            at = "* > 404"
            what = "maximum: ours 2, theirs none"
            reason = "It is so at one place."
        "#;
        let deviations = Deviations::parse(text).unwrap();
        let (a, b) = ("GET /a > 404", "GET /b > 404");
        let ours = Facts::from([
            (a.to_owned(), place(&[])),
            (b.to_owned(), place(&[("maximum", "2")])),
        ]);
        let theirs = Facts::from([(b.to_owned(), place(&[]))]);
        let all = [
            difference(a, "only ours"),
            difference(b, "maximum: ours 2, theirs none"),
        ];
        assert_eq!(
            deviations.judge(&all, &ours, &theirs).lines(),
            [
                "openapi/deviations.toml: \"GET * > 404\" also matches \"GET /b > 404\", where \"only ours\" is not a \
                 difference; list the places one by one"
            ]
        );
    }

    #[test]
    fn an_entry_needs_a_reason_and_has_no_unknown_keys() {
        let without = "[[deviation]]\nat = 'a'\nwhat = 'b'\nreason = ' '";
        assert!(
            Deviations::parse(without)
                .unwrap_err()
                .to_string()
                .contains("no reason")
        );
        assert!(Deviations::parse("[[deviation]]\nat = 'a'\nwhy = 'b'").is_err());
    }

    #[test]
    fn additions_of_theirs_must_be_listed_one_by_one() {
        for what in [ONLY_THEIRS, NEARBY] {
            let text =
                format!("[[deviation]]\nat = 'GET *'\nwhat = '{what}'\nreason = 'Not ours.'");
            let error = Deviations::parse(&text).unwrap_err().to_string();
            assert!(error.contains("list the places one by one"), "{error}");
        }
    }
}
