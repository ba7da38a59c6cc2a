//! Text that is shared, not copied, when it is cloned.

use std::{borrow::Borrow, collections::HashSet, fmt, ops::Deref};

use arcstr::ArcStr;
use serde::{Deserialize, Serialize};

/// Immutable text whose clones share one allocation: an inventory and the plans made from it name the same digests, tags
/// and repositories many times.
///
/// ```
/// use docr::retention::SharedString;
///
/// let name = SharedString::from("shop/api");
/// assert_eq!(name, "shop/api");
/// assert!(name.starts_with("shop/")); // it dereferences to `str`
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SharedString(ArcStr);

impl SharedString {
    /// Text of this program's own, which takes no allocation.
    pub(super) const fn literal(text: ArcStr) -> Self {
        Self(text)
    }

    /// The text.
    ///
    /// ```
    /// # use docr::retention::SharedString;
    /// assert_eq!(SharedString::from("v1").as_str(), "v1");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for SharedString {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SharedString {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SharedString {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SharedString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SharedString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<&str> for SharedString {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SharedString {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<SharedString> for String {
    fn from(text: SharedString) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq<str> for SharedString {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SharedString {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for SharedString {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

/// The distinct texts seen so far: an equal text that comes later shares the memory of the first.
#[derive(Default)]
pub(super) struct Interner(HashSet<SharedString>);

impl Interner {
    pub(super) fn share(&mut self, text: &str) -> SharedString {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let text = SharedString::from(text);
        self.0.insert(text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_string_reads_writes_compares_and_prints_like_its_text() {
        let text = SharedString::from("v1");
        assert_eq!(format!("{text}|{text:>3}|{text:?}"), "v1| v1|\"v1\"");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"v1\"");
        assert_eq!(
            serde_json::from_str::<SharedString>("\"v1\"").unwrap(),
            text
        );
        let owned = String::from("v1");
        assert!(text == *"v1" && text == "v1" && text == owned);
        assert!(HashSet::from([text.clone()]).contains("v1"));
        assert_eq!(AsRef::<str>::as_ref(&text), "v1");
        assert_eq!(String::from(text), "v1");
    }

    #[test]
    fn equal_texts_are_kept_once() {
        let mut texts = Interner::default();
        let (first, second) = (texts.share("sha256:1"), texts.share("sha256:1"));
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
        assert_ne!(first, texts.share("sha256:2"));
    }
}
