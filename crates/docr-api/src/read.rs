//! Reading bodies: bounded, and without losing status and headers when the body is no good.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use progenitor_client::{Error, ResponseValue};
use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::Client;

/// How much of a response is read, in bytes, unless a client says otherwise. The largest page, 200 tags or manifests, is
/// below 2 MiB. What is read takes many times as much memory.
pub(crate) const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Why a successful answer could not be read. It stands among the extensions of the response in
/// [`Error::UnexpectedResponse`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The body broke off, or could not be decoded.
    #[error("the body of the answer broke off")]
    Interrupted(#[source] Arc<reqwest::Error>),
    /// The body is not what the spec says. The message names the place and shows no part of the body.
    #[error("the answer doesn't fit the API: {0}")]
    Payload(String),
    /// The body is larger than the client's limit, in bytes.
    #[error("the answer is larger than {0} bytes, the limit of this client")]
    TooLarge(usize),
}

impl Client {
    /// Stands in for the generator's own reader, which loses status and headers of a response that it
    /// can't read and shows its body, secrets included, in the error.
    pub(crate) fn read<T: DeserializeOwned, E>(
        &self,
        response: Response,
    ) -> impl Future<Output = Result<ResponseValue<T>, Error<E>>> + use<T, E> {
        read(response, self.body_limit(), b"")
    }

    /// Reads JSON, and an empty body as `null`.
    pub(crate) fn read_or_nothing<T: DeserializeOwned, E>(
        &self,
        response: Response,
    ) -> impl Future<Output = Result<ResponseValue<T>, Error<E>>> + use<T, E> {
        read(response, self.body_limit(), b"null")
    }
}

#[allow(
    clippy::manual_async_fn,
    reason = "an `async fn` would have the response twice: as it is given, and as it is read"
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

/// Reads a second time, slower, to learn where the trouble is.
fn explain<T: DeserializeOwned>(body: &[u8]) -> String {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // What went wrong came after the value.
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

/// Serde quotes the value that doesn't fit; a value may be a secret.
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

/// Reads a body up to a little more than `limit` bytes, and tells the error that ended it early.
/// A body that is longer than `limit` on return was cut.
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

/// A body of one chunk, the usual case, is not copied.
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
    fn a_value_that_does_not_fit_is_not_shown() {
        let message = explain::<DockerCredentials>(
            br#"{"auths":{"registry.digitalocean.com":"dG9rZW46dG9rZW4="}}"#,
        );
        assert!(!message.contains("dG9r"), "{message}");
        assert!(message.contains("auths"), "{message}");
    }

    #[test]
    fn html_is_told_from_json_of_another_form() {
        assert_eq!(
            explain::<RegistryResponse>(b"<html>"),
            "not JSON, at line 1 column 1"
        );
    }
}
