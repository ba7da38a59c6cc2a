//! Writes the bytes of a manifest, which are JSON, as text.

use axum::body::Bytes;
use serde::{Deserialize, Deserializer, Serializer, ser};

pub(super) fn serialize<S: Serializer>(text: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    let text = std::str::from_utf8(text).map_err(ser::Error::custom)?;
    to.serialize_str(text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    String::deserialize(from).map(Bytes::from)
}
