//! Tolerant deserialization of what a Go server sends in place of what the spec says.

use std::{fmt, marker::PhantomData};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

/// Reads null as the default: a nil slice is sent as null.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads an instant; null or an empty string means that it is not known yet.
pub(crate) fn instant<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_option(Instant)
}

struct Instant;

impl<'de> Visitor<'de> for Instant {
    type Value = Option<DateTime<Utc>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 date and time, an empty string or null")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Ok(None);
        }
        let usual = in_utc(text.as_bytes()).map(Ok);
        usual
            .unwrap_or_else(|| text.parse())
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Parses the format in which the service writes instants: `2026-01-12T09:30:00Z`, with up to nine fractional digits.
/// `None` for any other format, which is left to chrono: that takes fifteen times the instructions, and would dominate
/// the reading of a long list.
fn in_utc(text: &[u8]) -> Option<DateTime<Utc>> {
    let number = |digits: &[u8]| {
        let is_number = digits.iter().all(u8::is_ascii_digit);
        let value = |number, digit: &u8| number * 10 + u32::from(digit - b'0');
        is_number.then(|| digits.iter().fold(0, value))
    };
    let (text, rest) = text.split_at_checked(19)?;
    let fraction = match rest {
        b"Z" => [].as_slice(),
        [b'.', fraction @ .., b'Z'] if (1..=9).contains(&fraction.len()) => fraction,
        _ => return None,
    };
    let places = u32::try_from(fraction.len()).ok()?;
    let nanoseconds = number(fraction)? * 10_u32.pow(9 - places);
    match text {
        [
            year @ ..,
            b'-',
            m,
            o,
            b'-',
            d,
            a,
            b'T',
            h,
            u,
            b':',
            i,
            n,
            b':',
            s,
            e,
        ] => {
            let year = i32::try_from(number(year)?).ok()?;
            let date = NaiveDate::from_ymd_opt(year, number(&[*m, *o])?, number(&[*d, *a])?)?;
            let (hour, minute) = (number(&[*h, *u])?, number(&[*i, *n])?);
            let second = number(&[*s, *e])?;
            let time = date.and_hms_nano_opt(hour, minute, second, nanoseconds)?;
            Some(time.and_utc())
        }
        _ => None,
    }
}

/// Reads null and an empty object as missing.
pub(crate) fn empty_as_missing<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_option(OrEmpty(PhantomData))
}

struct OrEmpty<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrEmpty<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(first) = map.next_key()? else {
            return Ok(None);
        };
        let whole = Begun {
            first: Some(first),
            rest: map,
        };
        T::deserialize(MapAccessDeserializer::new(whole)).map(Some)
    }
}

/// An object whose first key has been read.
struct Begun<A> {
    first: Option<String>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Begun<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Repository;

    #[test]
    fn the_usual_format_of_an_instant_is_read_like_chrono_reads_it() {
        for text in [
            "2026-01-12T09:30:00Z",
            "2026-01-12T09:30:00.123456789Z",
            "2024-02-29T23:59:59.5Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2026-01-12T09:30:00.000000001Z",
        ] {
            let instant: DateTime<Utc> = text.parse().unwrap();
            assert_eq!(in_utc(text.as_bytes()), Some(instant), "{text}");
        }
    }

    #[test]
    fn every_other_format_of_an_instant_is_left_to_chrono() {
        for text in [
            "",
            "Z",
            "2026-01-12T09:30:00",
            "2026-01-12T09:30:00+00:00",
            "2026-01-12T09:30:00.Z",
            "2026-01-12T09:30:00.1234567890Z",
            "2026-01-12T09:30:00.1x3Z",
            "2026-01-12 09:30:00Z",
            "2026-01-12t09:30:00z",
            "2026-02-29T09:30:00Z",
            "2026-13-01T09:30:00Z",
            "2026-01-12T24:00:00Z",
            "2026-01-12T23:59:60Z",
            "+026-01-12T09:30:00Z",
            "-026-01-12T09:30:00Z",
            "2026-01-1\u{0661}T09:30:00Z",
        ] {
            assert_eq!(in_utc(text.as_bytes()), None, "{text}");
        }
        let leap: Repository = serde_json::from_str(
            r#"{"name":"api","latest_tag":{"tag":"v1","updated_at":"2016-12-31T23:59:60+00:00"}}"#,
        )
        .unwrap();
        assert!(leap.latest_tag.unwrap().updated_at.is_some());
    }

    #[test]
    fn a_latest_tag_may_be_missing_null_or_an_empty_object() {
        for tag in ["", r#","latest_tag":null"#, r#","latest_tag":{}"#] {
            let text = format!(r#"{{"name":"api"{tag}}}"#);
            let read: Repository = serde_json::from_str(&text).unwrap();
            assert_eq!(read.latest_tag, None, "{tag}");
        }
        let text = r#"{"name":"api","latest_tag":{"size_bytes":5,"tag":"v1","new":[]}}"#;
        let read: Repository = serde_json::from_str(text).unwrap();
        let tag = read.latest_tag.unwrap();
        assert_eq!((tag.tag.as_str(), tag.size_bytes), ("v1", Some(5)));
    }

    #[test]
    fn a_latest_tag_without_its_name_is_still_an_error() {
        let text = r#"{"name":"api","latest_tag":{"size_bytes":5}}"#;
        let error = serde_json::from_str::<Repository>(text).unwrap_err();
        assert!(error.to_string().contains("missing field `tag`"), "{error}");
    }
}
