//! The common parts of all open enums of the spec. The enums themselves are generated.

use std::fmt;

use serde::{
    Deserializer,
    de::{self, Visitor},
};

/// A value that an open enum, such as a tier or a region, doesn't list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a known {set} ({})", listed.join(", "))]
pub struct UnlistedValue {
    set: &'static str,
    value: String,
    listed: &'static [&'static str],
}

impl UnlistedValue {
    pub(crate) fn new(set: &'static str, value: &str, listed: &'static [&'static str]) -> Self {
        Self {
            set,
            value: value.to_owned(),
            listed,
        }
    }

    /// The refused value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The accepted values.
    pub fn listed(&self) -> &'static [&'static str] {
        self.listed
    }
}

/// Reads a string without copying it first.
pub(crate) fn read<'de, D, T>(deserializer: D, make: fn(&str) -> T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text(make))
}

struct Text<T>(fn(&str) -> T);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

macro_rules! implement {
    ($name:ident, $label:literal, $description:literal, [$($value:literal),* $(,)?]) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = crate::UnlistedValue;

            fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::listed(value)
                    .ok_or_else(|| crate::UnlistedValue::new($label, value, &[$($value),*]))
            }
        }

        impl ::std::convert::TryFrom<&str> for $name {
            type Error = crate::UnlistedValue;

            fn try_from(value: &str) -> ::std::result::Result<Self, crate::UnlistedValue> {
                value.parse()
            }
        }

        impl ::std::convert::TryFrom<::std::string::String> for $name {
            type Error = crate::UnlistedValue;

            fn try_from(value: ::std::string::String) -> ::std::result::Result<Self, crate::UnlistedValue> {
                value.parse()
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                crate::open_enum::read(deserializer, |value| {
                    Self::listed(value).unwrap_or_else(|| Self::Other(value.to_owned()))
                })
            }
        }

        #[cfg(feature = "schemars")]
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                $label.into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({
                    "type": "string",
                    "description": $description.trim(),
                    "enum": [$($value),*],
                })
            }
        }
    };
}
pub(crate) use implement;

#[cfg(test)]
mod tests {
    use crate::types::TierSlug;

    #[test]
    fn an_unknown_value_survives_a_round_trip() {
        let tier: TierSlug = serde_json::from_str("\"enterprise\"").unwrap();
        assert_eq!(tier, TierSlug::Other("enterprise".into()));
        assert_eq!(serde_json::to_string(&tier).unwrap(), "\"enterprise\"");
    }

    #[test]
    fn parsing_accepts_listed_values_only_and_the_error_lists_them() {
        assert_eq!("basic".parse(), Ok(TierSlug::Basic));
        let error = "Basic".parse::<TierSlug>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"Basic\" is not a known TierSlug (starter, basic, professional)"
        );
    }
}
