//! Reading what a Go server sends where the spec promises something neater.

use std::{fmt, marker::PhantomData};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, IntoDeserializer as _, MapAccess, Visitor,
        value::MapAccessDeserializer,
    },
};

/// Null reads as the default: a nil slice arrives as null.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An instant that isn't known yet arrives as null or as the empty text.
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
        text.parse()
            .map(Some)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// What there is nothing to tell of arrives as null or as an empty object.
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

/// An object of which the first key has been read.
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
    use crate::types::Repository;

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
