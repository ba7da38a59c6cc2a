//! One request of a page: its path and query, and access to the sandbox.

use std::collections::BTreeMap;

use axum::http::request;
use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::account::World;
use crate::sandbox::service::Service;
use crate::spec::query_pairs;

/// The root of all pages.
pub(super) const ROOT: &str = "/_docr/ui";

/// Characters that are escaped in a path or a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same, except the slashes in a repository's name.
const RESERVED_IN_REPOSITORY: &AsciiSet = &RESERVED.remove(b'/');

pub(super) struct Visit<'a> {
    pub(super) service: &'a Service,
    pub(super) now: DateTime<Utc>,
    /// The base URL by which the visitor reaches the sandbox.
    pub(super) base: String,
    path: &'a str,
    query: BTreeMap<String, String>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(service: &'a Service, request: &'a request::Parts) -> Self {
        Self {
            service,
            now: service.clock.now(),
            base: service.base(request),
            path: request.uri.path(),
            query: query_pairs(request.uri.query().unwrap_or("")),
        }
    }

    /// Reads what is shown from the world, which is locked meanwhile.
    pub(super) fn look<T>(&self, take: impl FnOnce(&World) -> T) -> T {
        let mut state = self.service.state();
        state.settle(self.now);
        take(&state.world)
    }

    /// The host and port, as in image references.
    pub(super) fn host(&self) -> &str {
        let address = self.base.split_once("://");
        address.map_or(&*self.base, |(_, host)| host)
    }

    /// The first segment of its path below the root, with its slash; empty for the overview.
    pub(super) fn place(&self) -> &str {
        let below = self.path.strip_prefix(ROOT).unwrap_or("");
        let end = below.char_indices().skip(1).find(|(_, c)| *c == '/');
        match &below[..end.map_or(below.len(), |(end, _)| end)] {
            "/" => "",
            segment => segment,
        }
    }

    /// A value of the query; empty if it is missing.
    pub(super) fn asked(&self, key: &str) -> &str {
        self.query.get(key).map_or("", String::as_str)
    }

    /// The address of this page with another value in its query.
    pub(super) fn address_with(&self, key: &str, value: &str) -> String {
        let mut query = self.query.clone();
        query.insert(key.to_owned(), value.to_owned());
        let pairs = query.iter().map(|(key, value)| {
            let (key, value) = (encode(key), encode(value));
            format!("{key}={value}")
        });
        format!("{}?{}", self.path, pairs.collect::<Vec<_>>().join("&"))
    }
}

/// A value, escaped for a query or a segment of a path.
pub(super) fn encode(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}

pub(super) fn registry_address(registry: &str) -> String {
    format!("{ROOT}/registries/{}", encode(registry))
}

pub(super) fn repository_address(registry: &str, repository: &str) -> String {
    let repository = utf8_percent_encode(repository, RESERVED_IN_REPOSITORY);
    format!("{}/repositories/{repository}", registry_address(registry))
}
