//! The token's rate limit, as a response reports it.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// The state of the token's rate limit when a response was sent: requests in a sliding hour.
///
/// ```no_run
/// # async fn example(docr: docr::Client) -> Result<(), Box<dyn std::error::Error>> {
/// if let Err(error) = docr.registry("acme-images".parse()?).get().await
///     && let Some(limit) = error.rate_limit()
/// {
///     println!("{} of {} requests left, one more at {}", limit.remaining, limit.limit, limit.reset);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Requests allowed in an hour.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the oldest counted request expires and one more is allowed. Not a full reset.
    pub reset: DateTime<Utc>,
}

impl RateLimit {
    /// A state as the service would report it, for tests of a [`RateBudget`](crate::RateBudget).
    ///
    /// ```
    /// use docr::RateLimit;
    ///
    /// let limit = RateLimit::new(5_000, 0, "2026-01-01T12:00:00Z".parse()?);
    /// assert_eq!(limit.remaining, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(limit: u64, remaining: u64, reset: DateTime<Utc>) -> Self {
        Self {
            limit,
            remaining,
            reset,
        }
    }

    /// Reads the headers; `None` if one is missing or malformed.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let [mut limit, mut remaining, mut reset] = [None::<u64>; 3];
        // One pass is cheaper than three lookups.
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
