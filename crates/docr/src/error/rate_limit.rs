//! What an answer says of the token's rate limit.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// The state of the token's rate limit when an answer was sent: requests in a sliding hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests allowed in an hour.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the oldest counted request is forgotten, and one more is allowed. Not a full reset.
    pub reset: DateTime<Utc>,
}

impl RateLimit {
    /// A state as the service would report it, for tests of a [`RateBudget`](crate::RateBudget).
    pub fn new(limit: u64, remaining: u64, reset: DateTime<Utc>) -> Self {
        Self {
            limit,
            remaining,
            reset,
        }
    }

    /// Reads the headers; `None` if one is missing or makes no sense.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = i64::try_from(number("ratelimit-reset")?).ok()?;
        Some(Self {
            limit: number("ratelimit-limit")?,
            remaining: number("ratelimit-remaining")?,
            reset: DateTime::from_timestamp(reset, 0)?,
        })
    }
}
