//! The registry's own protocol, as far as it reads: manifests (`GET /v2/<registry>/<repository>/manifests/<reference>`) and
//! blobs (`GET /v2/<registry>/<repository>/blobs/<digest>`), of which only the size may be known.

use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::http::response::Response;
use crate::model::account::{Account, Credential, World};
use crate::model::store::Store;

/// A request for something in a repository.
pub(crate) struct Wanted<'a> {
    registry: &'a str,
    repository: &'a str,
    /// A tag or a digest.
    reference: &'a str,
}

/// What a path asks for.
pub(crate) enum OciRequest<'a> {
    /// `/v2/`, by which clients find out how to authenticate.
    Version,
    Manifest(Wanted<'a>),
    /// Whether a blob is there.
    HasBlob(Wanted<'a>),
    Blob(Wanted<'a>),
}

/// Reads a path of the protocol. It is asked only of paths that the API doesn't have.
pub(crate) fn request<'a>(method: &str, path: &'a str) -> Option<OciRequest<'a>> {
    if !matches!(method, "GET" | "HEAD") {
        return None;
    }
    let path = path.strip_prefix("/v2/")?;
    if path.is_empty() {
        return Some(OciRequest::Version);
    }
    let wanted = |kind: &str| {
        let (name, reference) = path.rsplit_once(kind)?;
        let (registry, repository) = name.split_once('/')?;
        Some(Wanted {
            registry,
            repository,
            reference,
        })
    };
    if let Some(manifest) = wanted("/manifests/") {
        return Some(OciRequest::Manifest(manifest));
    }
    let blob = wanted("/blobs/")?;
    Some(match method {
        "HEAD" => OciRequest::HasBlob(blob),
        _ => OciRequest::Blob(blob),
    })
}

/// Answers a request of the protocol by anybody who has credentials of the account.
pub(crate) fn respond(
    world: &World,
    request: &OciRequest<'_>,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Response {
    let Some(account) = owner(world, headers, now) else {
        let message = "authentication required";
        return problem(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
            .with_header("www-authenticate", "Basic realm=\"sandbox\"");
    };
    match request {
        OciRequest::Version => Response::json(StatusCode::OK, json!({})),
        OciRequest::HasBlob(wanted) => has_blob(account, wanted).unwrap_or_else(no_blob),
        OciRequest::Blob(wanted) => blob(account, wanted).unwrap_or_else(no_blob),
        OciRequest::Manifest(wanted) => manifest(account, wanted).unwrap_or_else(|| {
            problem(
                StatusCode::NOT_FOUND,
                "MANIFEST_UNKNOWN",
                "manifest unknown",
            )
        }),
    }
}

fn no_blob() -> Response {
    problem(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown")
}

/// The store of a registry that has the repository.
fn store<'a>(account: &'a Account, wanted: &Wanted<'_>) -> Option<&'a Store> {
    let mut registries = account.registries.iter();
    let registry = registries.find(|registry| registry.name == wanted.registry)?;
    registry.store.repository(wanted.repository)?;
    Some(&registry.store)
}

fn has_blob(account: &Account, wanted: &Wanted<'_>) -> Option<Response> {
    let bytes = store(account, wanted)?.blob(wanted.reference)?;
    let response =
        Response::empty(StatusCode::OK).with_header("docker-content-digest", wanted.reference);
    Some(response.with_header("content-length", &bytes.to_string()))
}

fn blob(account: &Account, wanted: &Wanted<'_>) -> Option<Response> {
    let content = store(account, wanted)?.content(wanted.reference)?;
    let response = Response::empty(StatusCode::OK).with_body("application/octet-stream", content);
    Some(response.with_header("docker-content-digest", wanted.reference))
}

fn manifest(account: &Account, wanted: &Wanted<'_>) -> Option<Response> {
    let repository = store(account, wanted)?.repository(wanted.repository)?;
    let (digest, text) = repository.document(wanted.reference)?;
    let document: Value = serde_json::from_str(text).ok()?;
    let media_type = document["mediaType"].as_str().unwrap_or("application/json");
    let response = Response::empty(StatusCode::OK).with_body(media_type, text.to_owned());
    Some(response.with_header("docker-content-digest", digest))
}

/// The account whose credential a request carries, if that is good.
fn owner<'a>(world: &'a World, headers: &HeaderMap, now: DateTime<Utc>) -> Option<&'a Account> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (_, password) = plain.split_once(':')?;
    world.account_where(|account| {
        let mut credentials = account.credentials.iter();
        credentials.any(|credential| credential.secret == password && is_good(credential, now))
    })
}

fn is_good(credential: &Credential, now: DateTime<Utc>) -> bool {
    let minted = &credential.minted;
    let lifetime = i64::try_from(minted.expiry_seconds)
        .ok()
        .and_then(TimeDelta::try_seconds);
    let expired =
        minted.expiry_seconds > 0 && lifetime.is_some_and(|time| now - minted.minted_at >= time);
    !minted.revoked && !expired
}

fn problem(status: StatusCode, code: &str, message: &str) -> Response {
    Response::json(
        status,
        json!({ "errors": [{ "code": code, "message": message }] }),
    )
}
