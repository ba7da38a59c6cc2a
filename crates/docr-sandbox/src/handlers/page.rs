//! Pages of lists.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::call::Call;
use crate::http::written::Key;
use crate::model::revision::Revision;
use crate::refusal::{Reason, Refusal};

/// The requested part of a list.
pub(super) struct Page {
    pub(super) offset: usize,
    pub(super) size: usize,
    /// Whether links to the next page carry a token.
    tokens: bool,
    /// The list's filters, which links repeat.
    filters: String,
}

impl Page {
    /// By `page` and `per_page`.
    pub(super) fn numbered(call: &Call<'_>) -> Self {
        let number = |name: &str, default: usize| {
            let given = call.input.query(name).as_u64();
            given.map_or(default, |given| {
                usize::try_from(given).unwrap_or(usize::MAX)
            })
        };
        let size = number("per_page", 20);
        Self {
            offset: number("page", 1).saturating_sub(1).saturating_mul(size),
            size,
            tokens: false,
            filters: String::new(),
        }
    }

    /// By `page_token` if there is one: it holds the offset.
    pub(super) fn with_token(call: &Call<'_>) -> Result<Self, Refusal> {
        let mut page = Self {
            tokens: true,
            ..Self::numbered(call)
        };
        let token = call.input.query("page_token").as_str();
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            page.offset = offset(token).ok_or(Reason::BrokenPageToken)?;
        }
        Ok(page)
    }

    /// Adds a filter to the links, if it is set.
    pub(super) fn keeping(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.filters.push_str(&format!("&{key}={}", encode(value)));
        }
        self
    }

    /// The key under which its response is kept; `revision` is that of the list.
    pub(super) fn key(&self, call: &Call<'_>, revision: Revision) -> Key {
        let Self {
            offset,
            size,
            tokens,
            filters,
        } = self;
        Key {
            revision,
            page: format!("{} {offset} {size} {tokens} {filters}", call.url),
        }
    }

    /// The response: the items under `key`, with links and the total.
    pub(super) fn wrap<T>(
        &self,
        call: &Call<'_>,
        key: &'static str,
        items: Vec<T>,
        total: usize,
    ) -> Listed<T> {
        let mut links = Map::new();
        let mut link = |name: &str, number: usize, token: Option<usize>| {
            let mut url = format!(
                "{}?page={number}&per_page={}{}",
                call.url, self.size, self.filters
            );
            if let Some(offset) = token {
                url.push_str("&page_token=");
                url.push_str(&page_token(offset));
            }
            links.insert(name.to_owned(), Value::String(url));
        };
        let number = self.offset / self.size + 1;
        let last = total.div_ceil(self.size).max(1);
        if self.offset > 0 {
            link("first", 1, None);
            let before = self.offset.saturating_sub(self.size);
            link(
                "prev",
                (number - 1).clamp(1, last),
                self.tokens.then_some(before),
            );
        }
        let next = self.offset.saturating_add(self.size);
        if next < total {
            link("next", number + 1, self.tokens.then_some(next));
            link("last", last, None);
        }
        let links = if links.is_empty() {
            json!({})
        } else {
            json!({ "pages": links })
        };
        Listed {
            key,
            items,
            links,
            total,
        }
    }
}

/// The response for a page.
pub(super) struct Listed<T> {
    key: &'static str,
    items: Vec<T>,
    links: Value,
    total: usize,
}

impl<T: Serialize> Serialize for Listed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(3))?;
        map.serialize_entry(self.key, &self.items)?;
        map.serialize_entry("links", &self.links)?;
        map.serialize_entry("meta", &json!({ "total": self.total }))?;
        map.end()
    }
}

fn page_token(offset: usize) -> String {
    encode(&BASE64.encode(format!("offset={offset}")))
}

/// A value, escaped for a query string.
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    text.strip_prefix("offset=")?.parse().ok()
}
