//! The bodies of requests: read within limits, or discarded.

use axum::body::{Body, Bytes};
use axum::http::{header, request};
use tokio::time::timeout;

use super::limits::ConnectionLimits;
use super::request::{BODY_LIMIT, Unreadable};
use super::stream::{Broken, next, read_whole};

/// How much of a body is discarded for its sender to see the response.
pub(super) const UNREAD: usize = 16 * 1024 * 1024;

/// Reads the body of an API call, within limits of size and time.
pub(crate) async fn read_body(
    request: &request::Parts,
    mut body: Body,
) -> Result<Bytes, Unreadable> {
    let reading = async {
        if is_huge(request) {
            return Err(Unreadable::TooLarge);
        }
        match read_whole(&mut body, BODY_LIMIT).await {
            Ok(whole) => Ok(whole),
            Err(Broken::TooLong) => {
                drain(request, &mut body).await;
                Err(Unreadable::TooLarge)
            }
            Err(Broken::Idle) => Err(Unreadable::Late),
            Err(Broken::Cut | Broken::Storage(_)) => Err(Unreadable::Cut),
        }
    };
    let read = timeout(limits(request).body, reading).await;
    read.unwrap_or(Err(Unreadable::Late))
}

/// Discards the rest of a body, so that the connection can be reused. If it is very large or slow, or waits for a
/// `100 Continue`, the connection is closed instead.
pub(crate) async fn drain(request: &request::Parts, body: &mut Body) {
    if is_huge(request) || request.headers.contains_key(header::EXPECT) {
        return;
    }
    let draining = async {
        let mut left = UNREAD;
        while let Some(Ok(bytes)) = next(body).await
            && bytes.len() <= left
        {
            left -= bytes.len();
        }
    };
    let _late = timeout(limits(request).body, draining).await;
}

/// Whether the declared length is more than is worth discarding.
fn is_huge(request: &request::Parts) -> bool {
    let stated = request.headers.get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    stated.is_some_and(|length| length > UNREAD as u64)
}

fn limits(request: &request::Parts) -> ConnectionLimits {
    request.extensions.get().copied().unwrap_or_default()
}
