//! The differences that are meant.

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{
    DEVIATIONS,
    difference::{Difference, ONLY_OURS, ONLY_THEIRS, could_become, report},
    facts::{Facts, Place},
    scope::NEARBY,
};

/// What `deviations.toml` lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviations {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// Differences that are meant, for one reason: each of its texts at each of its places.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    /// Where, with `*` for any run of characters.
    at: OneOrMore,
    /// What differs, word by word.
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

/// What is left when the listed differences are taken away.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict<'a> {
    pub(super) unlisted: Vec<&'a Difference>,
    /// Entries that list nothing.
    stale: Vec<Entry<'a>>,
    /// Entries that would hide a later change, each with a place where nothing differs as it says.
    too_wide: Vec<(Entry<'a>, &'a str)>,
}

impl Deviations {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let deviations: Self = toml::from_str(text)?;
        for deviation in &deviations.deviation {
            let at = deviation.at.texts();
            if deviation.reason.trim().is_empty() {
                bail!("the entry at {at:?} gives no reason");
            }
            // What theirs may add one day is at no place that could be looked at now.
            let adds = |what: &&String| [ONLY_THEIRS, NEARBY].contains(&what.as_str());
            if let Some(what) = deviation.what.texts().iter().find(adds)
                && at.iter().any(|at| at.contains('*'))
            {
                bail!("the entry at {at:?} says {what:?}; name the places one by one, without `*`");
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

    /// A place that the pattern names, too, and where nothing differs yet: when that changes, the entry would hide it.
    /// What theirs lacks as a whole is reported as such, whatever is below it.
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

    /// Whether a fact of a place does not differ as the entry says, and could come to.
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

    /// A line for each difference and for each entry that is wrong.
    pub(super) fn lines(&self) -> Vec<String> {
        let unlisted = self.unlisted.iter();
        let unlisted = unlisted.map(|difference| format!("{}: {}", difference.at, difference.what));
        let stale = self.stale.iter().map(|Entry { at, what }| {
            format!("{DEVIATIONS}: nothing differs at {at:?} as in {what:?}; remove it")
        });
        let too_wide = self.too_wide.iter().map(|(Entry { at, what }, place)| {
            format!("{DEVIATIONS}: {at:?} also names {place:?}, where {what:?} is not so; name the places one by one")
        });
        unlisted.chain(stale).chain(too_wide).collect()
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
    use super::{super::facts::Fact, *};

    fn difference(at: &str, what: &str) -> Difference {
        Difference {
            at: at.into(),
            what: what.into(),
        }
    }

    /// Where nothing is known of the places.
    static NOWHERE: Facts = Facts::new();

    fn place(facts: &[(&str, &str)]) -> Place {
        let facts = facts.iter();
        facts
            .map(|(key, value)| ((*key).to_owned(), Fact::One((*value).to_owned())))
            .collect()
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
                "openapi/deviations.toml: nothing differs at \"POST /b\" as in \"only ours\"; remove it",
            ]
        );
    }

    #[test]
    fn what_differs_is_listed_word_by_word() {
        let text = "[[deviation]]\nat = 'a'\nwhat = 'enum: *'\nreason = 'It grows.'";
        let deviations = Deviations::parse(text).unwrap();
        let all = [difference("a", "enum: only theirs new")];
        let verdict = deviations.judge(&all, &NOWHERE, &NOWHERE);
        assert_eq!(verdict.unlisted, [&all[0]]);
    }

    #[test]
    fn an_entry_that_names_a_place_where_both_agree_is_too_wide() {
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
                "openapi/deviations.toml: \"GET * > 404\" also names \"GET /b > 404\", where \"only ours\" is not so; \
                 name the places one by one"
            ]
        );
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

    #[test]
    fn what_only_theirs_has_is_named_place_by_place() {
        for what in [ONLY_THEIRS, NEARBY] {
            let text =
                format!("[[deviation]]\nat = 'GET *'\nwhat = '{what}'\nreason = 'Not ours.'");
            let error = Deviations::parse(&text).unwrap_err().to_string();
            assert!(error.contains("name the places one by one"), "{error}");
        }
    }
}
