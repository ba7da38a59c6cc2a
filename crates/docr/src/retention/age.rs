//! Ages, such as `30d`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::InvalidInput;

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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
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
    /// An age of this length, without fractions of a second.
    ///
    /// ```
    /// use std::time::Duration;
    /// use docr::retention::Age;
    ///
    /// let age = Age::from_duration(Duration::from_millis(90_500));
    /// assert_eq!(age.to_string(), "90s");
    /// ```
    pub fn from_duration(duration: Duration) -> Self {
        Self(Duration::from_secs(duration.as_secs()))
    }

    /// An age in hours.
    pub(super) const fn from_hours(hours: u64) -> Self {
        Self(Duration::from_secs(hours * 3600))
    }

    /// The age as a duration.
    ///
    /// ```
    /// let age: docr::retention::Age = "2h".parse()?;
    /// assert_eq!(age.as_duration().as_secs(), 7200);
    /// # Ok::<(), docr::InvalidInput>(())
    /// ```
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Age {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let invalid = || {
            let rule =
                "is not a valid age; use a whole number with s, m, h, d or w, for example 30d";
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
                error.starts_with(&format!("age {text:?}: is not a valid age")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_age_has_no_fractions_of_a_second() {
        let age = Age::from_duration(Duration::from_millis(90_999));
        assert_eq!(age.as_duration(), Duration::from_secs(90));
    }
}
