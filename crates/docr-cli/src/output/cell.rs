//! A cell of a table, by type: its text for people and for programs, and its order.

use std::cmp::Ordering;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, SecondsFormat, Utc};
use docr::for_terminal;
use indicatif::HumanBytes;

/// The maximum length of a text from outside, in characters.
const LONGEST: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Missing,
    Text(String),
    /// A text with a colour.
    State(String, Tone),
    List(Vec<String>),
    /// A digest, abbreviated for people.
    Digest(String),
    Number(u64),
    Bytes(u64),
    /// A lower bound, in bytes.
    AtLeast(u64),
    Cents(u64),
    Time(DateTime<Utc>),
    /// A day, and its relation to today.
    Day(DateTime<Utc>, String),
}

/// The meaning of a state, shown as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Pending,
    Bad,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn flag(is_so: Option<bool>) -> Self {
        let word = |is_so| if is_so { "yes" } else { "no" };
        is_so.map_or(Self::Missing, |is_so| Self::text(word(is_so)))
    }

    /// The cell of a value, or a missing one.
    pub(crate) fn some<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Missing, cell)
    }

    /// The text for people: on one line, without control characters.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Missing => "-".to_owned(),
            Self::Text(text) | Self::State(text, _) => for_terminal(text, LONGEST),
            Self::List(all) => {
                let all: Vec<_> = all.iter().map(|text| for_terminal(text, LONGEST)).collect();
                all.join(", ")
            }
            Self::Digest(digest) => for_terminal(&short(digest), LONGEST),
            Self::Number(number) => number.to_string(),
            Self::Bytes(bytes) => HumanBytes(*bytes).to_string(),
            Self::AtLeast(bytes) => format!("≥ {}", HumanBytes(*bytes)),
            Self::Cents(cents) => format!("${}.{:02}", cents / 100, cents % 100),
            Self::Time(time) => time.format("%Y-%m-%d %H:%M").to_string(),
            Self::Day(time, meaning) => format!("{} ({meaning})", time.format("%Y-%m-%d")),
        }
    }

    /// The text for programs.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Text(text) | Self::State(text, _) | Self::Digest(text) => text.clone(),
            Self::List(all) => all.join(" "),
            Self::Number(number) | Self::Bytes(number) | Self::Cents(number) => number.to_string(),
            Self::AtLeast(number) => format!(">={number}"),
            Self::Time(time) | Self::Day(time, _) => {
                time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            }
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Number(_) | Self::Bytes(_) | Self::AtLeast(_) | Self::Cents(_)
        )
    }

    /// Whether it is still useful when truncated.
    pub(super) fn can_be_cut(&self) -> bool {
        matches!(self, Self::Text(_) | Self::State(..) | Self::List(_))
    }

    pub(super) fn style(&self) -> Style {
        let colour = match self {
            Self::State(_, Tone::Good) => AnsiColor::Green,
            Self::State(_, Tone::Pending) => AnsiColor::Yellow,
            Self::State(_, Tone::Bad) => AnsiColor::Red,
            _ => return Style::new(),
        };
        colour.on_default()
    }

    /// The order by value; missing values come last.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Missing, Self::Missing) => Ordering::Equal,
            (Self::Missing, _) => Ordering::Greater,
            (_, Self::Missing) => Ordering::Less,
            (
                Self::Number(a) | Self::Bytes(a) | Self::AtLeast(a) | Self::Cents(a),
                Self::Number(b) | Self::Bytes(b) | Self::AtLeast(b) | Self::Cents(b),
            ) => a.cmp(b),
            (Self::Time(a) | Self::Day(a, _), Self::Time(b) | Self::Day(b, _)) => a.cmp(b),
            _ => self.plain().cmp(&other.plain()),
        }
    }
}

/// A digest, abbreviated to 12 digits.
pub(crate) fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, hex)) => {
            let hex: String = hex.chars().take(12).collect();
            format!("{algorithm}:{hex}")
        }
        None => digest.to_owned(),
    }
}
