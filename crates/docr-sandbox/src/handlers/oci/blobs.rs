//! Blobs: whether they are there, what is in them, and their deletion.

use axum::http::StatusCode;

use super::error::Fault;
use super::range::{Asked, asked};
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::http::stream::Streamed;
use crate::storage::Algorithm;

/// A blob, or a part of it; only that it is there for `head`.
pub(super) fn get<P: Premises>(
    ask: &Ask<'_, P>,
    digest: &str,
    head: bool,
) -> Result<Response, Fault> {
    let (bytes, content) = ask.registry(|account, place, _| {
        check(digest)?;
        let store = &account.registries[place].store;
        if !store.knows(ask.name.repository) {
            return Err(Fault::name_unknown());
        }
        let held = store.blob(ask.name.repository, digest);
        let held = held.ok_or_else(Fault::blob_unknown)?;
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
    // Of one that was only said to be so large there is nothing to read.
    let content = content.ok_or_else(Fault::blob_unknown)?;
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
            let message = "the blob has no such range";
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            Err(Fault::new(status, "SIZE_INVALID", message)
                .with_header("content-range", format!("bytes */{bytes}")))
        }
    }
}

/// Takes a blob from the repository. Others may have it still, and it counts until it is collected.
pub(super) fn delete<P: Premises>(ask: &Ask<'_, P>, digest: &str) -> Result<Response, Fault> {
    check(digest)?;
    let was_there = ask.registry(|account, place, _| {
        let store = &mut account.registries[place].store;
        store.unlink(ask.name.repository, digest)
    })?;
    match was_there {
        true => Ok(Response::empty(StatusCode::ACCEPTED)),
        false => Err(Fault::blob_unknown()),
    }
}

fn check(digest: &str) -> Result<(), Fault> {
    match Algorithm::of(digest) {
        Some(_) => Ok(()),
        None => Err(Fault::digest_invalid("the digest is malformed")),
    }
}
