//! Uploads of blobs, in one request, two or chunks, and mounts.

use axum::body::Body;
use axum::http::StatusCode;
use tokio::task::spawn_blocking;

use super::error::{Fault, Reason};
use super::path::Name;
use super::range::announced;
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::http::stream::{Broken, receive};
use crate::model::image::Blob;
use crate::model::push::put_blob;
use crate::model::token::Actions;
use crate::model::upload::NoUpload;
use crate::storage::{Algorithm, Content, Sink};

/// Mounts a blob, stores a whole one, or starts an upload.
pub(super) async fn start<P: Premises>(
    ask: &Ask<'_, P>,
    body: &mut Body,
) -> Result<Response, Fault> {
    if let Some(digest) = ask.query("mount") {
        check_digest(digest)?;
        if let Some(blob) = mountable(ask, digest)? {
            return commit(ask, &blob);
        }
    } else if let Some(digest) = ask.query("digest") {
        let algorithm = check_digest(digest)?;
        let sink = Sink::new(ask.premises.directory().clone(), algorithm);
        let (sink, arrived) = receive(sink, body, None).await;
        return match (sink, arrived) {
            (Some(sink), Ok(())) => commit(ask, &checked(sink, digest).await?),
            (_, Err(broken)) => Err(broken.into()),
            (None, Ok(())) => Err(Reason::UploadUnknown.into()),
        };
    }
    let algorithm = match ask.query("digest-algorithm") {
        Some(name) => Algorithm::named(name).ok_or(Reason::AlgorithmUnknown)?,
        None => Algorithm::Sha256,
    };
    let sink = Sink::new(ask.premises.directory().clone(), algorithm);
    let id = ask.premises.world(|world, _| world.protocol_ids.uuid());
    ask.registry(|account, place, now| {
        let uploads = &mut account.registries[place].uploads;
        uploads.begin(&id, ask.name.repository, sink, now);
    })?;
    Ok(progress(ask, StatusCode::ACCEPTED, &id, 0))
}

/// Appends a chunk.
pub(super) async fn append<P: Premises>(
    ask: &Ask<'_, P>,
    id: &str,
    body: &mut Body,
) -> Result<Response, Fault> {
    let sink = take_in(ask, id, body).await?;
    let received = sink.received();
    put_back(ask, id, sink)?;
    Ok(progress(ask, StatusCode::ACCEPTED, id, received))
}

/// Appends the last chunk, which may be empty, and makes it a blob.
pub(super) async fn finish<P: Premises>(
    ask: &Ask<'_, P>,
    id: &str,
    body: &mut Body,
) -> Result<Response, Fault> {
    received(ask, id)?;
    let digest = ask.query("digest").unwrap_or_default();
    check_digest(digest)?;
    let sink = take_in(ask, id, body).await?;
    let blob = checked(sink, digest).await;
    end(ask, id)?;
    commit(ask, &blob?)
}

/// The progress of an upload.
pub(super) fn status<P: Premises>(ask: &Ask<'_, P>, id: &str) -> Result<Response, Fault> {
    let received = received(ask, id)?;
    Ok(progress(ask, StatusCode::NO_CONTENT, id, received))
}

pub(super) fn cancel<P: Premises>(ask: &Ask<'_, P>, id: &str) -> Result<Response, Fault> {
    match end(ask, id)? {
        true => Ok(Response::empty(StatusCode::NO_CONTENT)),
        false => Err(Reason::UploadUnknown.into()),
    }
}

/// Appends a body to an upload at the right offset. The caller owns the sink afterwards; after a failure the upload has
/// it back, with what was received.
async fn take_in<P: Premises>(ask: &Ask<'_, P>, id: &str, body: &mut Body) -> Result<Sink, Fault> {
    let at = received(ask, id)?;
    let range = match ask.header("content-range") {
        Some(header) => Some(announced(header).ok_or_else(|| out_of_order(ask, id, at))?),
        None => None,
    };
    let sink = ask.registry(|account, place, now| {
        let uploads = &mut account.registries[place].uploads;
        uploads.take(id, ask.name.repository, now)
    })?;
    let sink = sink.map_err(|missing| match missing {
        NoUpload::Unknown => Reason::UploadUnknown,
        NoUpload::Busy => Reason::UploadBusy,
    })?;
    let before = sink.received();
    let length = range.map(|(_, length)| length);
    if range.is_some_and(|(first, _)| first != before) {
        put_back(ask, id, sink)?;
        return Err(out_of_order(ask, id, before));
    }
    let stated = ask.header("content-length");
    let stated = stated.and_then(|value| value.parse::<u64>().ok());
    if length.is_some_and(|length| stated.is_some_and(|stated| stated != length)) {
        put_back(ask, id, sink)?;
        return Err(wrong_length());
    }
    let (sink, arrived) = receive(sink, body, length).await;
    let Some(sink) = sink else {
        end(ask, id)?;
        return Err(arrived
            .err()
            .map_or_else(|| Reason::UploadUnknown.into(), Fault::from));
    };
    let is_short = length.is_some_and(|length| sink.received() - before < length);
    match arrived {
        Ok(()) if !is_short => Ok(sink),
        arrived => {
            put_back(ask, id, sink)?;
            Err(arrived.err().map_or_else(wrong_length, Fault::from))
        }
    }
}

fn wrong_length() -> Fault {
    Reason::OtherLength.into()
}

fn out_of_order<P: Premises>(ask: &Ask<'_, P>, id: &str, received: u64) -> Fault {
    Reason::UploadOutOfOrder
        .with_header("location", upload_location(ask, id))
        .with_header("range", range_until(received))
        .with_header("docker-upload-uuid", id)
}

/// Turns an upload into a blob, if it has the digest.
async fn checked(sink: Sink, digest: &str) -> Result<Blob, Fault> {
    let finished = if sink.finish_blocks() {
        let digest = digest.to_owned();
        let finished = spawn_blocking(move || sink.finish(&digest)).await;
        finished.map_err(|error| Reason::NotStored.about(error))?
    } else {
        sink.finish(digest)
    };
    let content = finished
        .map_err(|error| Fault::from(Broken::Storage(error)))?
        .map_err(|actual| Reason::OtherDigest.about(actual))?;
    Ok(blob(digest, content.bytes(), Some(content)))
}

fn blob(digest: &str, bytes: u64, content: Option<Content>) -> Blob {
    Blob {
        digest: digest.into(),
        bytes,
        content,
    }
}

/// The blob to mount, if the caller may read it. Without a source repository, any one of the same registry is used.
fn mountable<P: Premises>(ask: &Ask<'_, P>, digest: &str) -> Result<Option<Blob>, Fault> {
    let from = match ask.query("from") {
        Some(from) => Some(Name::parse(from)?),
        None => None,
    };
    if from.is_some_and(|from| !ask.caller.may(from.full, Actions::PULL)) {
        return Ok(None);
    }
    ask.registry(|account, place, _| {
        let held = match from {
            Some(from) => {
                let place = account.registry_place(from.registry)?;
                let store = &account.registries[place].store;
                store.blob(from.repository, digest)?
            }
            None => account.registries[place].store.blob_anywhere(digest)?,
        };
        Some(blob(digest, held.bytes, held.content.cloned()))
    })
}

/// Stores a blob in the repository.
fn commit<P: Premises>(ask: &Ask<'_, P>, blob: &Blob) -> Result<Response, Fault> {
    ask.registry(|account, place, now| put_blob(account, place, ask.name.repository, blob, now))??;
    let location = ask.location(&format!("blobs/{}", blob.digest));
    Ok(Response::empty(StatusCode::CREATED)
        .with_header("location", &location)
        .with_header("docker-content-digest", &blob.digest))
}

fn check_digest(digest: &str) -> Result<Algorithm, Fault> {
    Ok(Algorithm::of(digest).ok_or(Reason::DigestInvalid)?)
}

fn received<P: Premises>(ask: &Ask<'_, P>, id: &str) -> Result<u64, Fault> {
    let received = ask.registry(|account, place, _| {
        let uploads = &account.registries[place].uploads;
        uploads.received(id, ask.name.repository)
    })?;
    Ok(received.ok_or(Reason::UploadUnknown)?)
}

fn put_back<P: Premises>(ask: &Ask<'_, P>, id: &str, sink: Sink) -> Result<(), Fault> {
    ask.registry(|account, place, now| {
        let uploads = &mut account.registries[place].uploads;
        uploads.put_back(id, sink, now);
    })
}

fn end<P: Premises>(ask: &Ask<'_, P>, id: &str) -> Result<bool, Fault> {
    ask.registry(|account, place, _| {
        let uploads = &mut account.registries[place].uploads;
        uploads.end(id, ask.name.repository)
    })
}

/// A response with the URL and the progress of an upload.
fn progress<P: Premises>(
    ask: &Ask<'_, P>,
    status: StatusCode,
    id: &str,
    received: u64,
) -> Response {
    Response::empty(status)
        .with_header("location", &upload_location(ask, id))
        .with_header("range", &range_until(received))
        .with_header("docker-upload-uuid", id)
}

fn upload_location<P: Premises>(ask: &Ask<'_, P>, id: &str) -> String {
    ask.location(&format!("blobs/uploads/{id}"))
}

/// The range that was received. It can't express that nothing was.
fn range_until(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}
