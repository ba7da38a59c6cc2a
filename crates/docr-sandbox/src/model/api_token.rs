//! The bearer tokens of the API.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// A token and what it may do.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ApiToken {
    pub(crate) secret: String,
    /// Its scopes, such as `registry:read`; `None` for all.
    pub(crate) scopes: Option<BTreeSet<String>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl ApiToken {
    /// A token that may do everything and never expires.
    pub(crate) fn full(secret: String) -> Self {
        Self {
            secret,
            scopes: None,
            expires_at: None,
        }
    }

    pub(crate) fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// The first of the scopes that it lacks.
    pub(crate) fn lacks<'a>(&self, wanted: &'a [impl AsRef<str>]) -> Option<&'a str> {
        let scopes = self.scopes.as_ref()?;
        let mut wanted = wanted.iter().map(AsRef::as_ref);
        wanted.find(|scope| !scopes.contains(*scope))
    }

    /// The last characters, to tell it from others; none of a short one.
    pub(crate) fn hint(&self) -> String {
        const END: usize = 4;
        let end = self.secret.len().checked_sub(END);
        let end = end.filter(|end| *end >= 4 * END);
        match end.and_then(|end| self.secret.get(end..)) {
            Some(end) => format!("…{end}"),
            None => "…".to_owned(),
        }
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiToken")
            .field("secret", &self.hint())
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// Reads the tokens of an account. Older files have a single one.
pub(super) fn one_or_several<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<ApiToken>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Several(Vec<ApiToken>),
    }
    Ok(match Written::deserialize(from)? {
        Written::One(secret) => vec![ApiToken::full(secret)],
        Written::Several(tokens) => tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::ApiToken;

    #[test]
    fn the_end_of_a_token_is_shown_unless_it_is_short() {
        let hint = |secret: &str| ApiToken::full(secret.to_owned()).hint();
        assert_eq!(hint(&format!("dop_v1_{}", "a".repeat(64))), "…aaaa");
        for short in ["", "dop_v1_local", "0123456789012345678"] {
            assert_eq!(hint(short), "…");
        }
        assert_eq!(hint("01234567890123456789"), "…6789");
    }
}
