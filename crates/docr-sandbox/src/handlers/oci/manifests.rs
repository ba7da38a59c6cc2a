//! Manifests, by tag and by digest, byte for byte.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use super::error::Fault;
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::http::stream::{Broken, read_whole};
use crate::model::document::{Document, guessed_media_type};
use crate::model::image::{Blob, Built, is_tag};
use crate::model::push::put_manifest;
use crate::model::store::Store;
use crate::storage::Algorithm;

/// The largest manifest that is accepted.
const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn get<P: Premises>(ask: &Ask<'_, P>, reference: &str) -> Result<Response, Fault> {
    let pulled = ask.registry(|account, place, _| {
        let store = &account.registries[place].store;
        if !store.knows(ask.name.repository) {
            return Err(Fault::name_unknown());
        }
        let repository = store.repository(ask.name.repository);
        let pulled = repository.and_then(|repository| repository.document(reference));
        pulled.ok_or_else(Fault::manifest_unknown)
    })??;
    let length = pulled.text.len().to_string();
    Ok(Response::empty(StatusCode::OK)
        .with_body(&pulled.media_type, pulled.text)
        .with_header("content-length", &length)
        .with_header("docker-content-digest", &pulled.digest)
        .with_header("etag", &format!("\"{}\"", pulled.digest)))
}

pub(super) async fn put<P: Premises>(
    ask: &Ask<'_, P>,
    reference: &str,
    body: &mut Body,
) -> Result<Response, Fault> {
    let text = read_whole(body, LIMIT)
        .await
        .map_err(|broken| match broken {
            Broken::TooLong => Fault::manifest_too_large(),
            other => Fault::from(other),
        })?;
    let (digest, tags) = named(ask, reference, &text)?;
    // Parameters of a content type say nothing about a manifest.
    let content_type = ask.header("content-type").map(|value| {
        let (plain, _) = value.split_once(';').unwrap_or((value, ""));
        plain.trim()
    });
    let document = Document::read(&text, content_type).map_err(Fault::manifest_invalid)?;
    let media_type = content_type
        .or(document.media_type.as_deref())
        .unwrap_or(guessed_media_type(&document));
    let built = Built {
        media_type: media_type.into(),
        digest: digest.as_str().into(),
        blobs: Arc::new([]),
        bytes: 0,
        children: document.children.clone(),
        subject: document.subject.clone(),
        text,
        tags,
    };
    let built = ask.registry(|account, place, now| {
        let repository = ask.name.repository;
        let built = with_blobs(
            &account.registries[place].store,
            repository,
            &document,
            built,
        )?;
        put_manifest(account, place, repository, &built, now)?;
        Ok::<_, Fault>(built)
    })??;
    let location = ask.location(&format!("manifests/{reference}"));
    let mut response = Response::empty(StatusCode::CREATED)
        .with_header("location", &location)
        .with_header("docker-content-digest", &digest);
    if let Some(subject) = &built.subject {
        response = response.with_header("oci-subject", subject);
    }
    if ask.query("tag").is_some() {
        response = response.with_header("oci-tag", &built.tags.join(", "));
    }
    Ok(response)
}

/// The digest of a manifest and the tags that are to point to it.
fn named<P: Premises>(
    ask: &Ask<'_, P>,
    reference: &str,
    text: &Bytes,
) -> Result<(String, Vec<String>), Fault> {
    let is_digest = reference.contains(':');
    let expected = if is_digest {
        Some(reference)
    } else {
        ask.query("digest")
    };
    let algorithm = match expected {
        Some(expected) => Algorithm::of(expected)
            .ok_or_else(|| Fault::digest_invalid("the digest is malformed or not supported"))?,
        None => Algorithm::Sha256,
    };
    let digest = algorithm.digest(text);
    if expected.is_some_and(|expected| expected != digest) {
        let message = format!("the manifest has the digest {digest}");
        return Err(Fault::digest_invalid(message));
    }
    let more = ask.query.iter().filter(|(key, _)| key == "tag");
    let more = more.map(|(_, tag)| tag.clone());
    let tags: Vec<_> = match is_digest {
        true => more.collect(),
        false => vec![reference.to_owned()],
    };
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(tag) => Err(Fault::manifest_invalid(format!("{tag:?} is no tag"))),
        None => Ok((digest, tags)),
    }
}

/// Adds the blobs that a manifest needs, all of which the repository must have.
fn with_blobs(
    store: &Store,
    repository: &str,
    document: &Document,
    mut built: Built,
) -> Result<Built, Fault> {
    let mut blobs = Vec::new();
    for descriptor in &document.blobs {
        let digest = &descriptor.digest;
        match store.blob(repository, digest) {
            Some(held) if held.bytes == descriptor.bytes => blobs.push(Blob {
                digest: Arc::clone(digest),
                bytes: held.bytes,
                content: None,
            }),
            Some(_) => {
                let message = format!("{digest} has another size");
                return Err(Fault::manifest_invalid(message));
            }
            None if descriptor.is_foreign => {}
            None => return Err(Fault::content_unknown(digest)),
        }
    }
    let mut bytes = blobs
        .iter()
        .fold(0, |sum: u64, blob| sum.saturating_add(blob.bytes));
    for child in &document.children {
        let size = store.bytes_of(repository, child);
        let size = size.ok_or_else(|| Fault::content_unknown(child))?;
        bytes = bytes.saturating_add(size);
    }
    built.blobs = blobs.into();
    built.bytes = bytes;
    Ok(built)
}

/// Takes a tag away, or a manifest with all its tags if it is a digest.
pub(super) fn delete<P: Premises>(ask: &Ask<'_, P>, reference: &str) -> Result<Response, Fault> {
    let was_there = ask.registry(|account, place, _| {
        let store = &mut account.registries[place].store;
        let repository = store.repository_mut(ask.name.repository);
        let repository = repository.ok_or_else(Fault::name_unknown)?;
        Ok::<_, Fault>(match reference.contains(':') {
            true => store.remove_manifest(ask.name.repository, reference),
            false => repository.untag(reference),
        })
    })??;
    match was_there {
        true => Ok(Response::empty(StatusCode::ACCEPTED)),
        false => Err(Fault::manifest_unknown()),
    }
}
