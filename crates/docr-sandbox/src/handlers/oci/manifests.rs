//! Manifests by tag and by digest, byte for byte.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;

use super::error::{Fault, Reason};
use super::{Ask, Premises};
use crate::http::response::Response;
use crate::http::stream::{Broken, read_whole};
use crate::model::document::{Document, guessed_media_type};
use crate::model::image::{Blob, Built, is_tag};
use crate::model::push::put_manifest;
use crate::model::size::Size;
use crate::model::store::Store;
use crate::storage::Algorithm;

/// The largest manifest that is accepted.
const LIMIT: usize = 4 * 1024 * 1024;

pub(super) fn get<P: Premises>(ask: &Ask<'_, P>, reference: &str) -> Result<Response, Fault> {
    let pulled = ask.registry(|account, place, _| {
        let store = &account.registries[place].store;
        if !store.knows(ask.name.repository) {
            return Err(Reason::NameUnknown);
        }
        let repository = store.repository(ask.name.repository);
        let pulled = repository.and_then(|repository| repository.document(reference));
        pulled.ok_or(Reason::ManifestUnknown)
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
            Broken::TooLong => Reason::ManifestTooLarge.into(),
            other => Fault::from(other),
        })?;
    let (digest, tags) = named(ask, reference, &text)?;
    // Parameters of the content type don't matter.
    let content_type = ask.header("content-type").map(|value| {
        let (plain, _) = value.split_once(';').unwrap_or((value, ""));
        plain.trim()
    });
    let document = Document::read(&text, content_type)
        .map_err(|wrong| Reason::ManifestInvalid.about(wrong))?;
    let media_type = content_type
        .or(document.media_type.as_deref())
        .unwrap_or(guessed_media_type(&document));
    let built = Built {
        media_type: media_type.into(),
        digest: digest.as_str().into(),
        blobs: Arc::new([]),
        size: Size::default(),
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

/// The digest of a manifest and the tags to point to it.
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
        Some(expected) => Algorithm::of(expected).ok_or(Reason::DigestInvalid)?,
        None => Algorithm::Sha256,
    };
    let digest = algorithm.digest(text);
    if expected.is_some_and(|expected| expected != digest) {
        return Err(Reason::OtherDigest.about(digest));
    }
    let more = ask.query.iter().filter(|(key, _)| key == "tag");
    let more = more.map(|(_, tag)| tag.clone());
    let tags: Vec<_> = match is_digest {
        true => more.collect(),
        false => vec![reference.to_owned()],
    };
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(tag) => Err(Reason::TagInvalid.about(format_args!("{tag:?}"))),
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
    let (mut blobs, mut sizes) = (Vec::new(), Vec::new());
    for descriptor in &document.blobs {
        let digest = &descriptor.digest;
        match store.blob(repository, digest) {
            Some(held) if held.bytes == descriptor.bytes => {
                sizes.push(Size::of(held.bytes, held.content));
                blobs.push(Blob {
                    digest: Arc::clone(digest),
                    bytes: held.bytes,
                    content: None,
                });
            }
            Some(_) => return Err(Reason::OtherSize.about(digest)),
            None if descriptor.is_foreign => {}
            None => return Err(Reason::ContentUnknown.about(digest)),
        }
    }
    for child in &document.children {
        let size = store.size_of(repository, child);
        sizes.push(size.ok_or_else(|| Reason::ContentUnknown.about(child))?);
    }
    built.blobs = blobs.into();
    built.size = sizes.into_iter().sum();
    Ok(built)
}

/// Deletes a tag or, by its digest, a manifest.
pub(super) fn delete<P: Premises>(ask: &Ask<'_, P>, reference: &str) -> Result<Response, Fault> {
    let premises = ask.premises;
    let takes_tags = premises.world(|world, _| !world.manifests_leave_tags);
    let was_there = ask.registry(|account, place, _| {
        let store = &mut account.registries[place].store;
        let repository = store.repository_mut(ask.name.repository);
        let repository = repository.ok_or(Reason::NameUnknown)?;
        Ok::<_, Fault>(match reference.contains(':') {
            true => store.remove_manifest(ask.name.repository, reference, takes_tags),
            false => repository.untag(reference),
        })
    })??;
    match was_there {
        true => Ok(Response::empty(StatusCode::ACCEPTED)),
        false => Err(Reason::ManifestUnknown.into()),
    }
}
