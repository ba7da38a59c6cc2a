//! Blobs: their existence, content and deletion.

use axum::http::StatusCode;

use super::error::{Fault, Reason};
use super::range::{Asked, asked};
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::http::stream::Streamed;
use crate::storage::Algorithm;

/// A blob or a part of it; only its headers for `head`.
pub(super) fn get<P: Premises>(
    ask: &Ask<'_, P>,
    digest: &str,
    head: bool,
) -> Result<Response, Fault> {
    let (bytes, content) = ask.registry(|account, place, _| {
        check(digest)?;
        let store = &account.registries[place].store;
        if !store.knows(ask.name.repository) {
            return Err(Reason::NameUnknown);
        }
        let held = store.blob(ask.name.repository, digest);
        let held = held.ok_or(Reason::BlobUnknown)?;
        Ok((held.bytes, held.content.cloned()))
    })??;
    let response = |status: StatusCode, length: u64| {
        Response::empty(status)
            .with_header("content-type", "application/octet-stream")
            .with_header("content-length", &length.to_string())
            .with_header("docker-content-digest", digest)
            .with_header("accept-ranges", "bytes")
            .with_header("etag", &format!("\"{digest}\""))
    };
    if head {
        return Ok(response(StatusCode::OK, bytes));
    }
    // A blob of which only the size is known has no content.
    let content = content.ok_or(Reason::BlobUnknown)?;
    match asked(ask.header("range"), bytes) {
        Asked::Whole => {
            let stream = Streamed::new(content.reader(0, bytes));
            Ok(response(StatusCode::OK, bytes).with_stream(stream))
        }
        Asked::Part { offset, length } => {
            let range = format!("bytes {offset}-{}/{bytes}", offset + length - 1);
            let stream = Streamed::new(content.reader(offset, length));
            Ok(response(StatusCode::PARTIAL_CONTENT, length)
                .with_header("content-range", &range)
                .with_stream(stream))
        }
        Asked::Beyond => {
            let range = format!("bytes */{bytes}");
            Err(Reason::NoSuchRange.with_header("content-range", range))
        }
    }
}

/// Removes a blob from the repository. Others may still have it, and it counts until it is collected.
pub(super) fn delete<P: Premises>(ask: &Ask<'_, P>, digest: &str) -> Result<Response, Fault> {
    check(digest)?;
    let was_there = ask.registry(|account, place, _| {
        let store = &mut account.registries[place].store;
        store.unlink(ask.name.repository, digest)
    })?;
    match was_there {
        true => Ok(Response::empty(StatusCode::ACCEPTED)),
        false => Err(Reason::BlobUnknown.into()),
    }
}

fn check(digest: &str) -> Result<(), Reason> {
    match Algorithm::of(digest) {
        Some(_) => Ok(()),
        None => Err(Reason::DigestInvalid),
    }
}
