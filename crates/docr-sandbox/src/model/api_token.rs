//! The bearer tokens of the API.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// A token, with what it opens.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ApiToken {
    pub(crate) secret: String,
    /// What it may do, such as `registry:read`; everything without any.
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
    pub(crate) fn lacks<'a>(&self, wanted: &'a [String]) -> Option<&'a str> {
        let scopes = self.scopes.as_ref()?;
        let lacking = wanted.iter().find(|scope| !scopes.contains(*scope));
        lacking.map(String::as_str)
    }

    /// What it can be told by: not enough to use it.
    pub(crate) fn hint(&self) -> String {
        let begin = match self.secret.char_indices().nth(8) {
            Some((place, _)) if self.secret.len() >= 24 => &self.secret[..place],
            _ => "",
        };
        let end = match self.secret.char_indices().nth_back(3) {
            Some((place, _)) if self.secret.len() >= 24 => &self.secret[place..],
            _ => "",
        };
        format!("{begin}…{end}")
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

/// Reads all tokens of an account. There was one for each, once.
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
