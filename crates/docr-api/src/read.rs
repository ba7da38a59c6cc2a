//! Reading bodies: up to a limit, and without losing status and headers of an unreadable one.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use progenitor_client::{Error, ResponseValue};
use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::Client;

/// The default limit of a response's body, in bytes. The largest page, of 200 tags or manifests, is below 2 MiB. In
/// memory it takes many times as much.
pub(crate) const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Why a successful response could not be read. It is among the extensions of the response in
/// [`Error::UnexpectedResponse`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The body was cut off, or could not be decoded.
    #[error("the body of the response was cut off")]
    Interrupted(#[source] Arc<reqwest::Error>),
    /// The body doesn't match the spec. The message names the place, and quotes no part of the body.
    #[error("the response doesn't match the API: {0}")]
    Payload(String),
    /// The body is larger than the client's limit, in bytes.
    #[error("the response is larger than {0} bytes, the limit of this client")]
    TooLarge(usize),
}

impl Client {
    /// Replaces the generator's own reader, which loses status and headers of an unreadable response, and
    /// shows its body in the error, including secrets.
    pub(crate) fn read<T: DeserializeOwned, E>(
        &self,
        response: Response,
    ) -> impl Future<Output = Result<ResponseValue<T>, Error<E>>> + use<T, E> {
        read(response, self.body_limit(), b"")
    }

    /// Reads JSON; an empty body counts as `null`.
    pub(crate) fn read_or_nothing<T: DeserializeOwned, E>(
        &self,
        response: Response,
    ) -> impl Future<Output = Result<ResponseValue<T>, Error<E>>> + use<T, E> {
        read(response, self.body_limit(), b"null")
    }
}

#[allow(
    clippy::manual_async_fn,
    reason = "the future of an `async fn` would hold the response twice: as an argument and while it is read"
)]
fn read<T: DeserializeOwned, E>(
    mut response: Response,
    limit: usize,
    empty: &'static [u8],
) -> impl Future<Output = Result<ResponseValue<T>, Error<E>>> {
    async move {
        let failure = match body_prefix(&mut response, limit).await {
            (_, Some(error)) => Unreadable::Interrupted(Arc::new(error)),
            (body, None) if body.len() > limit => Unreadable::TooLarge(limit),
            (body, None) => {
                let body = match body.is_empty() {
                    true => Bytes::from_static(empty),
                    false => body,
                };
                match serde_json::from_slice(&body) {
                    Ok(value) => {
                        let status = response.status();
                        let headers = std::mem::take(response.headers_mut());
                        return Ok(ResponseValue::new(value, status, headers));
                    }
                    Err(_) => Unreadable::Payload(explain::<T>(&body)),
                }
            }
        };
        response.extensions_mut().insert(failure);
        Err(Error::UnexpectedResponse(response))
    }
}

/// Parses a second time, more slowly, to locate the error.
fn explain<T: DeserializeOwned>(body: &[u8]) -> String {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // The error comes after the value.
        Ok(_) => "there is more after the end of the JSON".into(),
        Err(error) => {
            let path = error.path().to_string();
            let inner = error.inner();
            let what = match inner.classify() {
                serde_json::error::Category::Data => without_values(&inner.to_string()),
                _ => format!(
                    "not JSON, at line {} column {}",
                    inner.line(),
                    inner.column()
                ),
            };
            if path == "." {
                what
            } else {
                format!("{path}: {what}")
            }
        }
    }
}

/// Removes values that Serde quotes, since they may be secrets.
fn without_values(message: &str) -> String {
    match message
        .split_once("invalid type: ")
        .or(message.split_once("invalid value: "))
    {
        Some((_, rest)) => {
            let kind = rest.split([' ', ',']).next().unwrap_or_default();
            let expected = rest.rsplit_once(", expected ").map_or("", |(_, e)| e);
            let expected = expected.split(" at line ").next().unwrap_or_default();
            format!("found {kind}, expected {expected}")
        }
        None => message
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Reads a body up to a little more than `limit` bytes, and returns the error that ended it early, if any.
/// A returned body that is longer than `limit` is incomplete.
pub async fn body_prefix(response: &mut Response, limit: usize) -> (Bytes, Option<reqwest::Error>) {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if first.is_empty() => first = chunk,
            Ok(Some(chunk)) => {
                if all.is_empty() {
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&chunk);
            }
            Ok(None) => return (joined(first, all), None),
            Err(error) => return (joined(first, all), Some(error)),
        }
        if first.len().max(all.len()) > limit {
            return (joined(first, all), None);
        }
    }
}

/// Joins the chunks; a body of one chunk, the usual case, is not copied.
fn joined(first: Bytes, all: BytesMut) -> Bytes {
    if all.is_empty() { first } else { all.freeze() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{DockerCredentials, RegistryResponse};

    #[test]
    fn a_missing_identity_is_named_with_its_place() {
        let message = explain::<RegistryResponse>(br#"{"registry":{"region":"fra1"}}"#);
        assert_eq!(message, "registry: missing field `name`");
    }

    #[test]
    fn an_invalid_value_is_not_shown() {
        let message = explain::<DockerCredentials>(
            br#"{"auths":{"registry.digitalocean.com":"dG9rZW46dG9rZW4="}}"#,
        );
        assert!(!message.contains("dG9r"), "{message}");
        assert!(message.contains("auths"), "{message}");
    }

    #[test]
    fn html_is_reported_as_not_json() {
        assert_eq!(
            explain::<RegistryResponse>(b"<html>"),
            "not JSON, at line 1 column 1"
        );
    }
}
