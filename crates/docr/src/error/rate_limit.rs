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
        let [mut limit, mut remaining, mut reset] = [None::<u64>; 3];
        // Going through them once is cheaper than looking three of them up.
        for (name, value) in headers {
            let found = match name.as_str() {
                "ratelimit-limit" => &mut limit,
                "ratelimit-remaining" => &mut remaining,
                "ratelimit-reset" => &mut reset,
                _ => continue,
            };
            *found = value.to_str().ok().and_then(|text| text.parse().ok());
        }
        Some(Self {
            limit: limit?,
            remaining: remaining?,
            reset: DateTime::from_timestamp(i64::try_from(reset?).ok()?, 0)?,
        })
    }
}
