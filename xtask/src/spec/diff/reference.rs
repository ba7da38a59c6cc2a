//! References within a document.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A longer chain of references is circular.
const LONGEST_CHAIN: usize = 32;

/// The value itself, or the target of its reference. The error is the reference that can't be followed.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> Result<&'a Value, &'a str> {
    let mut target = value;
    for _ in 0..LONGEST_CHAIN {
        let Some(reference) = of(target) else {
            return Ok(target);
        };
        target = target_of(document, reference).ok_or(reference)?;
    }
    Err(of(value).unwrap_or_default())
}

/// The reference in a value.
pub(super) fn of(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The target of a reference; `None` if it is in another file.
pub(super) fn target_of<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8_lossy();
    match pointer {
        Cow::Borrowed(pointer) => document.pointer(pointer),
        Cow::Owned(pointer) => document.pointer(&pointer),
    }
}
