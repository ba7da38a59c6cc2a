//! Paths of the registry's protocol.

use super::error::{Fault, Reason};
use crate::model::image::is_repository;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/v2/`, where clients learn how to authenticate.
    Version,
    /// `/v2/registry/auth`, where tokens are issued.
    Token,
    In(Name<'a>, Place<'a>),
}

/// A place in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// Where uploads start.
    Uploads,
    /// By its id.
    Upload(&'a str),
    /// By its digest.
    Blob(&'a str),
    /// By a tag or its digest.
    Manifest(&'a str),
    Tags,
    /// Of the manifest of this digest.
    Referrers(&'a str),
}

/// A repository with its registry: `acme/shop/api`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) full: &'a str,
    pub(super) registry: &'a str,
    pub(super) repository: &'a str,
}

impl<'a> Name<'a> {
    pub(super) fn parse(full: &'a str) -> Result<Self, Fault> {
        let (registry, repository) = full.split_once('/').ok_or(Reason::NameUnknown)?;
        // An escaped name is invalid: no valid name needs escapes.
        if !is_repository(full) {
            return Err(Reason::NameInvalid.into());
        }
        Ok(Self {
            full,
            registry,
            repository,
        })
    }
}

/// Whether a path that the API doesn't have belongs to the protocol.
pub(crate) fn is_protocol(path: &str) -> bool {
    split(path).is_some()
}

/// Reads a path; `None` if it doesn't belong to the protocol.
pub(super) fn route(path: &str) -> Option<Result<Route<'_>, Fault>> {
    Some(match split(path)? {
        Split::Version => Ok(Route::Version),
        Split::Token => Ok(Route::Token),
        Split::In(name, place) => Name::parse(name).map(|name| Route::In(name, place)),
    })
}

enum Split<'a> {
    Version,
    Token,
    In(&'a str, Place<'a>),
}

/// Reads a path from its end: repositories may be named like places.
fn split(path: &str) -> Option<Split<'_>> {
    let path = path.strip_prefix("/v2/")?;
    match path {
        "" => return Some(Split::Version),
        "registry/auth" => return Some(Split::Token),
        _ => {}
    }
    let (before, last) = path.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some(Split::In(
            name,
            match last {
                "" => Place::Uploads,
                id => Place::Upload(id),
            },
        ));
    }
    let (name, kind) = before.rsplit_once('/')?;
    let place = match (kind, last) {
        ("blobs", "uploads") => Place::Uploads,
        ("blobs", digest) => Place::Blob(digest),
        ("manifests", reference) => Place::Manifest(reference),
        ("tags", "list") => Place::Tags,
        ("referrers", digest) => Place::Referrers(digest),
        _ => return None,
    };
    Some(Split::In(name, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Option<(&str, Place<'_>)> {
        match route(path)?.ok()? {
            Route::In(name, place) => Some((name.repository, place)),
            _ => None,
        }
    }

    #[test]
    fn a_path_is_read_from_its_end() {
        for (path, expected) in [
            (
                "/v2/acme/shop/api/manifests/v1",
                ("shop/api", Place::Manifest("v1")),
            ),
            ("/v2/acme/a/blobs/uploads/", ("a", Place::Uploads)),
            ("/v2/acme/a/blobs/uploads", ("a", Place::Uploads)),
            ("/v2/acme/a/blobs/uploads/7", ("a", Place::Upload("7"))),
            (
                "/v2/acme/manifests/tags/tags/list",
                ("manifests/tags", Place::Tags),
            ),
            ("/v2/acme/a/referrers/x", ("a", Place::Referrers("x"))),
        ] {
            assert_eq!(place(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn other_paths_than_the_protocols_are_left_to_the_api() {
        for path in ["/", "/v2", "/v2/acme", "/v2/acme/a/uploads/1", "/v1/"] {
            assert!(!is_protocol(path), "{path}");
        }
    }

    #[test]
    fn names_that_escape_their_directory_are_refused() {
        for name in [
            "acme/../other",
            "acme/a%2Fb",
            "acme//a",
            "ACME/a",
            "acme/a%2e",
        ] {
            let path = format!("/v2/{name}/manifests/v1");
            assert!(route(&path).unwrap().is_err(), "{name}");
        }
    }
}
